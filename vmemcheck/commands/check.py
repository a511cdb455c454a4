# SPDX-License-Identifier: GPL-2.0-or-later
"""Run generated hotplug sequences on the functions of a kernel tree and check every invariant.

One row for each architecture, page size and size of struct page; each violation with its shortest sequence.
"""

import argparse
import os
from collections.abc import Iterable
from concurrent.futures import Executor, as_completed
from dataclasses import replace

from vmemcheck.arches import page_bytes
from vmemcheck.check import Cause, CheckResult, causes_of, run_job, run_jobs
from vmemcheck.commands.cluster import add_scheduler_argument, cluster_at
from vmemcheck.commands.facts import add_tree_arguments
from vmemcheck.commands.numbers import (
    bytes_argument,
    count_argument,
    jobs_argument,
    levels_argument,
    seed_argument,
    shift_argument,
)
from vmemcheck.commands.progress import progress_bar
from vmemcheck.commands.replays import add_replays_argument, require_folder, save
from vmemcheck.commands.workers import Workers
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.confinement import confinement
from vmemcheck.kernel.tree import Tree, open_tree
from vmemcheck.reports.check_json import check_json
from vmemcheck.reports.check_junit import check_junit
from vmemcheck.reports.check_text import check_text
from vmemcheck.reports.check_words import shown_cell
from vmemcheck.reports.finding_json import replay_of
from vmemcheck.reports.terminal import print_table
from vmemcheck.results import run_known
from vmemcheck.scope import Scope
from vmemcheck.selection import Prepared, Target, Wishes, prepare, targets

EXAMPLES = 300
"""Sequences for each cell, enough to meet all marks."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_tree_arguments(parser)
    add = parser.add_argument
    add_geometry_arguments(parser)
    add("--subsection-shift", type=shift_argument, metavar="N", help="bend SUBSECTION_SHIFT; the tree has 21")
    add("--examples", type=count_argument, default=EXAMPLES, metavar="N", help=f"sequences for each row ({EXAMPLES})")
    add("--seed", type=seed_argument, default=0, metavar="S", help="seed of the sequences (0)")
    add("-j", "--jobs", type=jobs_argument, metavar="J", help="processes (as many as there are processors)")
    add_scheduler_argument(parser)
    add(
        "--faults",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="let allocations fail half-way through an add (on)",
    )
    add("--no-cache", action="store_true", help="run every row, also one whose result is known from an earlier run")
    add("--latent", action="store_true", help="findings for sizes that cannot occur fail the run too")
    add("--format", choices=("text", "json", "junit"), default="text", help="how to print the result (text)")
    add_replays_argument(parser)
    add("-q", "--quiet", action="store_true", help="no progress bar")


def add_geometry_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--arch``, ``--page-size``, ``--struct-page`` and ``--levels``."""
    add = parser.add_argument
    add("--arch", action="append", default=[], metavar="ARCH", help="an architecture; may be repeated (all)")
    add("--page-size", action="append", default=[], metavar="SIZE", help="4K, 16K or 64K; may be repeated (all)")
    add(
        "--struct-page",
        action="append",
        default=[],
        type=bytes_argument,
        metavar="BYTES",
        help="a size of struct page; may be repeated (those that the tree's definition can have)",
    )
    add(
        "--levels", action="append", default=[], type=levels_argument, metavar="N", help="levels of page tables, 3 to 5"
    )


def wishes_of(arguments: argparse.Namespace) -> Wishes:
    """Return what these arguments ask for.

    :raises UsageError: when there are no such pages
    """
    return Wishes(
        page_shifts=tuple(page_bytes(text).bit_length() - 1 for text in arguments.page_size),
        struct_page_bytes=tuple(dict.fromkeys(arguments.struct_page)),
        levels=tuple(dict.fromkeys(arguments.levels)),
    )


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when all invariants hold, 1 when one is violated, 2 when there is no verdict."""
    tree = open_tree(arguments.tree, arguments.rev)
    compiler_version()  # so that what is wrong with it is said once
    require_folder(arguments.replays)
    scope = Scope(faults=arguments.faults)
    wanted = targets(tuple(arguments.arch), wishes_of(arguments).page_shifts)
    with (
        Workers(arguments.jobs or os.cpu_count() or 1) as workers,
        cluster_at(arguments.scheduler, workers) as cluster,
    ):
        prepared = _prepared(workers.executor, tree, wanted, arguments, scope)
        jobs = [job for one in prepared for job in one.jobs]
        with progress_bar(len(jobs), quiet=arguments.quiet) as advance:
            run = run_job if arguments.no_cache else run_known
            results = run_jobs(jobs, cluster or workers.executor, advance, run)
        limits = cluster.confinement() if cluster else confinement()
    result = CheckResult(
        tree=tree.name,
        origin=tree.origin,
        scope=scope,
        examples=arguments.examples,
        seed=arguments.seed,
        cells=results,
        causes=causes_of(results),
        skipped=tuple(one.skipped for one in prepared if one.skipped),
        confined=limits.confined,
        unconfined=limits.unconfined,
    )
    replays = ((cause, replay_of(result.tree, shown_cell(cause), cause.finding)) for cause in result.causes)
    saved = save(replays, arguments.replays)
    _print(result, saved.names, arguments)
    return saved.exit_code(result.exit_code(latent=arguments.latent))


def _prepared(
    executor: Executor, tree: Tree, wanted: Iterable[Target], arguments: argparse.Namespace, scope: Scope
) -> list[Prepared]:
    """Slice all targets at once; the first error ends the run."""
    bent = (("subsection_shift", arguments.subsection_shift),) if arguments.subsection_shift else ()
    wishes = replace(wishes_of(arguments), sizes=bent)
    named = bool(arguments.arch)
    wanted = list(wanted)
    with progress_bar(len(wanted), quiet=arguments.quiet, what="slicing") as advance:
        futures = [
            executor.submit(_prepare, tree, target, wishes, scope, arguments.examples, arguments.seed, named)
            for target in wanted
        ]
        for future in as_completed(futures):
            future.result()
            advance(None)
    return [future.result() for future in futures]


def _prepare(
    tree: Tree, target: Target, wishes: Wishes, scope: Scope, examples: int, seed: int, named: bool
) -> Prepared:
    return prepare(tree, target, wishes, scope, examples, seed, named=named)


def _print(result: CheckResult, replays: dict[Cause, str], arguments: argparse.Namespace) -> None:
    match arguments.format:
        case "json":
            print(check_json(result, replays))
        case "junit":
            print(check_junit(result, replays, latent=arguments.latent))
        case _:
            print_table(check_text(result, replays, latent=arguments.latent))
