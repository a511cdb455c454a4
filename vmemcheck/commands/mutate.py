# SPDX-License-Identifier: GPL-2.0-or-later
"""Change the functions of a kernel tree in small ways, one at a time, and count which changes the check notices.

A survey of the check itself, not of the tree: how far to trust a "holds". The exit code is 0 when it came to its end.
"""

import argparse
import os
from collections.abc import Callable

from vmemcheck.commands.check import EXAMPLES
from vmemcheck.commands.facts import add_tree_arguments
from vmemcheck.commands.numbers import bytes_argument, count_argument, jobs_argument, seed_argument
from vmemcheck.commands.progress import progress_bar
from vmemcheck.commands.workers import Workers
from vmemcheck.errors import UsageError
from vmemcheck.geometry import USUAL_STRUCT_PAGE_BYTES, Geometry, scaled
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.struct_page import minimal
from vmemcheck.kernel.tree import open_tree
from vmemcheck.mutation.paths import path_functions
from vmemcheck.mutation.result import MutationResult
from vmemcheck.mutation.run import mutants_of
from vmemcheck.mutation.run import run as run_mutants
from vmemcheck.mutation.schemata import Schemata
from vmemcheck.reports.mutation_json import mutants_json, mutation_json
from vmemcheck.reports.mutation_text import mutants_text, mutation_text
from vmemcheck.selection import Target, target_named, usual_levels


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_tree_arguments(parser)
    add = parser.add_argument
    add("--arch", required=True, metavar="ARCH", help="the architecture")
    add("--page-size", metavar="SIZE", help="4K, 16K or 64K (the smallest of the architecture)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--function",
        action="append",
        default=[],
        metavar="NAME",
        help="change only this function; may be repeated (all)",
    )
    which.add_argument(
        "--paths", action="store_true", help="change only the functions of the vmemmap populate and free paths"
    )
    add(
        "--struct-page",
        action="append",
        default=[],
        type=bytes_argument,
        metavar="BYTES",
        help="a size of struct page; may be repeated (64, and one that does not divide a leaf)",
    )
    add("--examples", type=count_argument, default=EXAMPLES, metavar="N", help=f"sequences for each try ({EXAMPLES})")
    add("--seed", type=seed_argument, default=0, metavar="S", help="seed of the sequences (0)")
    add("-j", "--jobs", type=jobs_argument, metavar="J", help="processes (as many as there are processors)")
    add("--format", choices=("text", "json"), default="text", help="how to print the result (text)")
    add("--list", action="store_true", help="print the mutants, and try none")
    add("-q", "--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when all mutants were judged."""
    tree = open_tree(arguments.tree, arguments.rev)
    compiler_version()  # so that what is wrong with it is said once
    target = target_named(arguments.arch, arguments.page_size)
    source = open_source(tree, target.architecture.alias, target.page_shift)
    named = tuple(arguments.function)
    made = mutants_of(source, path_functions(source.slice.cut)) if arguments.paths else _mutants(source, named)
    if arguments.list:
        print(mutants_json(made.mutants) if arguments.format == "json" else mutants_text(made.mutants))
        return 0
    geometries = _geometries(source, target, tuple(arguments.struct_page))
    with (
        Workers(arguments.jobs or os.cpu_count() or 1) as workers,
        progress_bar(100, quiet=arguments.quiet, what="mutants") as advance,
    ):
        result = run_mutants(
            source, made, geometries, arguments.examples, arguments.seed, workers.executor, _percent(advance)
        )
    _print(result, arguments.format)
    return 0


def _mutants(source: KernelSource, functions: tuple[str, ...]) -> Schemata:
    """Make the mutants.

    :raises UsageError: when a function has none
    """
    made = mutants_of(source, functions)
    for name in functions:
        if not any(mutant.function == name for mutant in made.mutants):
            raise UsageError(
                f"{source.name}: {name}() has no mutants",
                to_fix="see 'vmemcheck mutate --list' for the functions that have",
            )
    return made


def _geometries(source: KernelSource, target: Target, sizes: tuple[int, ...]) -> tuple[Geometry, ...]:
    """Return what mutants are tried in: all levels at 64 bytes, another size, and all scaled down."""
    other = next((size for size in sorted(minimal(source.facts.sizes)) if size > USUAL_STRUCT_PAGE_BYTES), 80)
    sizes = sizes or (USUAL_STRUCT_PAGE_BYTES, other)
    full = [
        source.geometry(size, levels)
        for size in sizes
        for levels in usual_levels(source, target.architecture, target.page_shift, size)
    ]
    small = [scaled(geometry) for geometry in full]
    return tuple(dict.fromkeys((*small, *full)))  # most are killed in the small ones, which are quicker


def _percent(advance: Callable[[object], None]) -> Callable[[float], None]:
    """Return what moves a bar of 100 to a share of the work."""
    shown = 0

    def move(share: float) -> None:
        nonlocal shown
        while shown < int(share * 100):
            advance(None)
            shown += 1

    return move


def _print(result: MutationResult, form: str) -> None:
    print(mutation_json(result) if form == "json" else mutation_text(result))
