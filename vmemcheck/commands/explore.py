# SPDX-License-Identifier: GPL-2.0-or-later
"""Visit every reachable state of a scaled-down geometry on the functions of a kernel tree.

All sequences of a scope, up to states that are the same, to the fixpoint; docs/explore.md says what that means.
"""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager

from vmemcheck.commands.facts import add_tree_arguments
from vmemcheck.commands.numbers import bytes_argument, count_argument, jobs_argument, levels_argument
from vmemcheck.commands.progress import growing_bar
from vmemcheck.commands.replays import add_replays_argument, require_folder, save
from vmemcheck.commands.workers import Workers
from vmemcheck.exploration import ExploreResult, explore_cell
from vmemcheck.explore_jobs import Processes
from vmemcheck.explore_scope import parse
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import open_tree
from vmemcheck.reports.explore_json import explore_json
from vmemcheck.reports.explore_text import explore_text
from vmemcheck.reports.finding_json import replay_of
from vmemcheck.reports.terminal import print_table
from vmemcheck.selection import Wishes, cells, target_named, usual_levels

MOST_STATES = 200_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_tree_arguments(parser)
    add = parser.add_argument
    add("--arch", required=True, metavar="ARCH", help="the architecture")
    add("--page-size", metavar="SIZE", help="4K, 16K or 64K (the smallest of the architecture)")
    add("--struct-page", type=bytes_argument, default=64, metavar="BYTES", help="size of struct page (64)")
    add("--levels", type=levels_argument, metavar="N", help="levels of page tables, 3 to 5 (the usual)")
    add("--scope", default="sections=2", metavar="WORDS", help="what is visited, see docs/explore.md (sections=2)")
    add("--max-states", type=count_argument, default=MOST_STATES, metavar="N", help=f"then stop ({MOST_STATES})")
    add("-j", "--jobs", type=jobs_argument, metavar="J", help="processes (as many as there are processors)")
    add("--latent", action="store_true", help="what cannot occur, or is seen scaled only, fails the run too")
    add_replays_argument(parser)
    add("--format", choices=("text", "json"), default="text", help="how to print the result (text)")
    add("-q", "--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when all states were visited and all invariants hold, 1 when one is violated, else 2."""
    scope = parse(arguments.scope)
    target = target_named(arguments.arch, arguments.page_size)
    tree = open_tree(arguments.tree, arguments.rev)
    require_folder(arguments.replays)
    compiler_version()  # so that what is wrong with it is said before anything else
    source = open_source(tree, target.architecture.alias, target.page_shift)
    levels = arguments.levels or usual_levels(source, target.architecture, target.page_shift, arguments.struct_page)[0]
    wishes = Wishes((), (arguments.struct_page,), (levels,))
    found = []
    with _processes(arguments.jobs or os.cpu_count() or 1) as processes:
        for cell in cells(source, target, wishes):
            with growing_bar("states", quiet=arguments.quiet) as advance:
                found.append(explore_cell(source, cell, scope, arguments.max_states, advance, processes))
    result = ExploreResult(tree.name, tree.origin, scope, arguments.max_states, tuple(found))
    saved = save(
        ((shown, replay_of(result.tree, one.cell, shown.finding)) for one in result.cells for shown in one.shown),
        arguments.replays,
    )
    if arguments.format == "json":
        print(explore_json(result))
    else:
        print_table(explore_text(result, saved.names, latent=arguments.latent))
    return saved.exit_code(result.exit_code(latent=arguments.latent))


@contextmanager
def _processes(jobs: int) -> Iterator[Processes | None]:
    """Start processes; where one is enough, this one is."""
    if jobs == 1:
        yield None
        return
    with Workers(jobs) as workers:
        yield Processes(workers.executor, jobs)
