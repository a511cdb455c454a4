# SPDX-License-Identifier: GPL-2.0-or-later
"""Show what a kernel tree says about its vmemmap: shifts, tables, sizes of struct page, signatures.

Every value is probed from the tree's own headers and Kconfig files.
"""

import argparse
import dataclasses
import json
from pathlib import Path

from vmemcheck.arches import find, page_bytes
from vmemcheck.errors import UsageError
from vmemcheck.kernel.facts import Facts, probe
from vmemcheck.kernel.struct_page import minimal
from vmemcheck.kernel.target import TARGETS, target_of
from vmemcheck.kernel.tree import Tree, open_tree

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
    """Probe and print; return 0."""
    if arguments.page_size and not arguments.arch:
        raise UsageError("--page-size needs --arch: not every architecture has each size", to_fix="add --arch")
    tree = open_tree(arguments.tree, arguments.rev)
    names = [find(name).alias for name in arguments.arch or ()] or [
        name for name in _NAMES if tree.has(f"arch/{name}/Kconfig")
    ]
    found = []
    for name in names:
        target = target_of(name)
        shifts = [target.shift_of(page_bytes(size)) for size in arguments.page_size] or list(target.page_shifts)
        found += [probe(tree, target, shift) for shift in shifts]
    if arguments.format == "json":
        print(json.dumps([dataclasses.asdict(facts) for facts in found], indent=1))
    else:
        print(_text(tree, found))
    return 0


def _text(tree: Tree, found: list[Facts]) -> str:
    lines = [f"{tree.name}   {tree.origin}"]
    for facts in found:
        lines += ["", f"{facts.arch}, pages of {1 << facts.page_shift} bytes, {facts.levels} levels of page tables"]
        for name, value in facts.constants.items():
            lines.append(f"  {name:<20} {'not a constant' if value is None else value}")
        lines += _size_lines(facts)
        for signature in facts.signatures:
            lines += [f"  {signature.text}", f"      {signature.file}:{signature.line}"]
        lines += [f"  {name}() does not exist" for name in facts.absent]
    return "\n".join(lines)


def _size_lines(facts: Facts) -> list[str]:
    lines = []
    for size in minimal(facts.sizes).values():
        symbols = " ".join(size.symbols) or "(none of the symbols below)"
        lines.append(
            f"  struct page {size.bytes:>4} bytes  {'can occur' if size.reachable else 'cannot   '}  {symbols}"
        )
    return lines
