# SPDX-License-Identifier: GPL-2.0-or-later
"""Show what a kernel tree says about its vmemmap, and re-prove the theorems for exactly these values.

Shifts, tables, sizes of struct page and signatures are probed from the tree's own headers and Kconfig
files. A refuted claim is a row of a survey here: the exit code stays 0.
"""

import argparse
from pathlib import Path

from vmemcheck.arches import find, page_bytes
from vmemcheck.errors import UsageError
from vmemcheck.kernel.facts import probe, with_roots
from vmemcheck.kernel.target import TARGETS, target_of
from vmemcheck.kernel.tree import open_tree
from vmemcheck.reports.facts_json import facts_json
from vmemcheck.reports.facts_text import facts_text
from vmemcheck.reproof import reprove_tree

_NAMES = tuple(target.arch for target in TARGETS)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_tree_arguments(parser)
    parser.add_argument(
        "--arch", action="append", metavar="ARCH", help="one architecture; can be repeated (all that the tree has)"
    )
    parser.add_argument(
        "--page-size",
        action="append",
        default=[],
        metavar="SIZE",
        help="4K, 16K or 64K; can be repeated (all of --arch)",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print them (text)")


def add_tree_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--tree`` and ``--rev``."""
    parser.add_argument("--tree", type=Path, required=True, metavar="FOLDER", help="kernel tree, or a git repository")
    parser.add_argument("--rev", help="a revision, when --tree is a git repository")


def run(arguments: argparse.Namespace) -> int:
    """Probe, re-prove and print; return 0."""
    if arguments.page_size and not arguments.arch:
        raise UsageError("--page-size needs --arch: not every architecture has each size", to_fix="add --arch")
    tree = open_tree(arguments.tree, arguments.rev)
    names = list(dict.fromkeys(find(name).alias for name in arguments.arch or ())) or [
        name for name in _NAMES if tree.has(f"arch/{name}/Kconfig")
    ]
    found = []
    for name in names:
        target = target_of(name)
        asked = dict.fromkeys(target.shift_of(page_bytes(size)) for size in arguments.page_size)
        shifts = list(asked) or list(target.page_shifts)
        found += [with_roots(probe(tree, target, shift), tree, target) for shift in shifts]
    result = reprove_tree(tree.name, tree.origin, found)
    print(facts_json(result) if arguments.format == "json" else facts_text(result))
    return 0
