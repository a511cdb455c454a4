# SPDX-License-Identifier: GPL-2.0-or-later
"""Print the code that vmemcheck takes out of a kernel tree, with a list of what came from where and why.

The output is C: the list stands in a comment at its head.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from vmemcheck.arches import ARCHES, find, page_bytes
from vmemcheck.commands.facts import add_tree_arguments
from vmemcheck.errors import VmemcheckError
from vmemcheck.kernel.evaluate import View, open_view
from vmemcheck.kernel.scope import ROOTS
from vmemcheck.kernel.shim import Shim, has_shim, load_shim
from vmemcheck.kernel.slice_tree import TreeSlice, slice_tree
from vmemcheck.kernel.source import SMALLEST, open_source
from vmemcheck.kernel.target import target_of
from vmemcheck.kernel.tree import open_tree

_WORDS = {
    "custom.h": "seen by the check",
    "locks.h": "seen by the check",
    "stubs.h": "no effect on vmemmap",
    "instructions.h": "atomic and bit instructions",
    "arch.h": "hardware and boot",
    "layout.h": "addresses of the machine",
    "compiler.h": "what the compiler is asked",
    "hotplug.h": "around memory hotplug",
    "devices.h": "around device memory",
    "classic.h": "classic sparse memory",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_tree_arguments(parser)
    names = ", ".join(architecture.name for architecture in ARCHES)
    parser.add_argument("--arch", required=True, metavar="ARCH", help=f"the architecture: {names}")
    parser.add_argument("--page-size", metavar="SIZE", help="4K, 16K or 64K (the smallest of --arch)")
    parser.add_argument(
        "--root",
        action="append",
        metavar="NAME",
        help=f"start from this function; can be repeated ({', '.join(ROOTS)})",
    )
    parser.add_argument("--list", action="store_true", help="print only the list")


def run(arguments: argparse.Namespace) -> int:
    """Slice, build and print; return 0, or 2 when the slice is not all that a program needs."""
    tree = open_tree(arguments.tree, arguments.rev)
    target = target_of(find(arguments.arch).alias)
    shift = target.shift_of(page_bytes(arguments.page_size)) if arguments.page_size else min(target.page_shifts)
    view = open_view(tree, target, shift, **(SMALLEST if has_shim(target.arch) else {}))
    shim = load_shim(target.arch)
    found = slice_tree(view, shim, tuple(arguments.root or ROOTS))
    built = _built(view, shift, whole=not arguments.root)
    listing = "\n".join(_listing(view, shim, found, built))
    if arguments.list:
        print(listing)
    else:
        print("/*", *(f" * {line}".rstrip() for line in listing.splitlines()), " */", sep="\n")
        print(found.cut.macros, found.cut.types, found.cut.prototypes, found.cut.code, sep="\n")
    if built.is_tried:
        return 2 if built.refused else 0
    return 2 if found.cut.missing or found.absent else 0


@dataclass(frozen=True, slots=True)
class _Built:
    """What came of building a program, and the reason where none was built.

    :param is_tried: the compiler and the linker were asked, so that they know what is missing
    """

    is_tried: bool
    refused: str = ""


def _built(view: View, shift: int, *, whole: bool) -> _Built:
    if not has_shim(view.target.arch):
        return _Built(False, f"there is no machine for {view.target.arch} yet: the slice is not built")
    if not whole:
        return _Built(False, "only the slice of all roots is built")
    try:
        source = open_source(view.tree, view.target.arch, shift)
        source.program(source.geometry(64))
    except VmemcheckError as error:
        return _Built(True, str(error))
    return _Built(True)


def _listing(view: View, shim: Shim, found: TreeSlice, built: _Built) -> Iterator[str]:
    size = 1 << int(view.values.get("PAGE_SHIFT") or min(view.target.page_shifts))
    yield f"slice of {view.tree.name}, {view.target.arch}, pages of {size} bytes"
    yield f"read     {' '.join(found.files)}"
    yield from (f"empty    {name}, which only a kernel build makes" for name in found.placeholders)
    yield from (f"absent   {name}(), which this tree does not have" for name in found.absent)
    yield ""
    yield f"from the tree: {len(found.cut.items)}"
    for item in found.cut.items:
        yield f"  {item.kind.value:<11} {item.name:<34} {item.file}:{item.line}  ({item.why})"
    yield ""
    yield f"from the shim: {len(found.cut.from_shim)}"
    for name, user in sorted(found.cut.from_shim.items()):
        file = shim.origins[name]
        yield f"  {name:<34} {file}: {_WORDS[file]}  (used by {user})"
    yield ""
    if built.is_tried:
        yield "built    as a program" if not built.refused else "not built"
        yield from (f"  {line}" for line in built.refused.splitlines())
        return
    yield built.refused
    yield f"neither in these files nor in the shim: {len(found.cut.missing)}"
    for each in found.cut.missing:
        yield f"  {each.name}  (used by {each.file}: {each.function})"
    yield ""
    yield f"what the compiler says of it: {len(found.complaints)}"
    yield from (f"  {line}" for line in found.complaints)
