# SPDX-License-Identifier: GPL-2.0-or-later
"""Visit every reachable state of a scaled-down geometry on the functions of a kernel tree.

All sequences of a scope, up to states that are the same, to the fixpoint; docs/explore.md says what that means.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vmemcheck.arches import find, page_bytes
from vmemcheck.commands.facts import add_tree_arguments
from vmemcheck.errors import UsageError
from vmemcheck.exploration import ExploreResult, explore_cell
from vmemcheck.explore_scope import parse
from vmemcheck.geometry import MAX_STRUCT_PAGE_BYTES
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import open_tree
from vmemcheck.reports.explore_json import explore_json
from vmemcheck.reports.explore_text import explore_text
from vmemcheck.reports.terminal import print_table
from vmemcheck.selection import Target, Wishes, cells

MOST_STATES = 200_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_tree_arguments(parser)
    add = parser.add_argument
    add("--arch", required=True, metavar="ARCH", help="the architecture")
    add("--page-size", metavar="SIZE", help="4K, 16K or 64K (the smallest of the architecture)")
    add("--struct-page", type=int, default=64, metavar="BYTES", help="size of struct page (64)")
    add("--levels", type=int, choices=(3, 4, 5), metavar="N", help="levels of page tables, 3 to 5 (the usual)")
    add("--scope", default="sections=2", metavar="WORDS", help="what is visited, see docs/explore.md (sections=2)")
    add("--max-states", type=int, default=MOST_STATES, metavar="N", help=f"stop without a verdict ({MOST_STATES})")
    add("--latent", action="store_true", help="what cannot occur, or is seen scaled only, fails the run too")
    add("--format", choices=("text", "json"), default="text", help="how to print the result (text)")
    add("-q", "--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when all states were visited and all invariants hold, 1 when one is violated, else 2."""
    scope = parse(arguments.scope)
    _check_numbers(arguments)
    architecture = find(arguments.arch)
    shifts = [page.page_shift for page in architecture.page_sizes]
    shift = page_bytes(arguments.page_size).bit_length() - 1 if arguments.page_size else shifts[0]
    if shift not in shifts:
        names = ", ".join(page.name for page in architecture.page_sizes)
        raise UsageError(f"{architecture.name} has no such pages", to_fix=f"use {names}")
    tree = open_tree(arguments.tree, arguments.rev)
    compiler_version()  # so that what is wrong with it is said before anything else
    source = open_source(tree, architecture.alias, shift)
    usual = next(page.levels for page in architecture.page_sizes if page.page_shift == shift)
    wishes = Wishes((), (arguments.struct_page,), (arguments.levels or usual,))
    found = []
    for cell in cells(source, Target(architecture, shift), wishes):
        with _progress(quiet=arguments.quiet) as advance:
            found.append(explore_cell(source, cell, scope, arguments.max_states, advance))
    result = ExploreResult(tree.name, tree.origin, scope, arguments.max_states, tuple(found))
    if arguments.format == "json":
        print(explore_json(result))
    else:
        print_table(explore_text(result, latent=arguments.latent))
    return result.exit_code(latent=arguments.latent)


def _check_numbers(arguments: argparse.Namespace) -> None:
    if arguments.max_states < 1:
        raise UsageError(f"--max-states {arguments.max_states}", to_fix="use a number from 1 up")
    size = arguments.struct_page
    if not 8 <= size <= MAX_STRUCT_PAGE_BYTES or size % 4:
        raise UsageError(f"--struct-page {size}", to_fix=f"use a multiple of 4 from 8 to {MAX_STRUCT_PAGE_BYTES}")


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal, nothing elsewhere; its end is known only when it is reached."""
    if quiet or not sys.stderr.isatty():
        yield lambda _, __: None
        return
    progress: Any = importlib.import_module("rich.progress")
    console = importlib.import_module("rich.console").Console(stderr=True)
    with progress.Progress(console=console, auto_refresh=False, transient=True) as bar:
        task = bar.add_task("states", total=None)

        def advance(expanded: int, known: int) -> None:
            bar.update(task, completed=expanded, total=known)
            bar.refresh()

        yield advance
