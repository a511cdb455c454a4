# SPDX-License-Identifier: GPL-2.0-or-later
"""The slice of a tree for one target: which files it takes, and what is cut out of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from vmemcheck.kernel.evaluate import View
from vmemcheck.kernel.pieces import Source
from vmemcheck.kernel.scope import ROOTS, Scope, scope_of
from vmemcheck.kernel.shim import Shim
from vmemcheck.kernel.slicer import Missing, Slice, cut


@dataclass(frozen=True, slots=True)
class TreeSlice:
    """A slice, and what it was cut from.

    :param files: the C files that were read, in order
    :param placeholders: headers that only a kernel build makes, and that were read as empty
    :param absent: roots that the tree does not have
    """

    cut: Slice
    files: tuple[str, ...]
    placeholders: tuple[str, ...]
    absent: tuple[str, ...]


def slice_tree(view: View, shim: Shim, roots: Sequence[str] = ROOTS) -> TreeSlice:
    """Slice what the roots need out of a tree.

    C files are added as long as one in scope defines a name that is still missing.

    :raises SliceError: when the tree cannot be preprocessed, or has none of the roots
    """
    scope = scope_of(view.tree, view.target.arch, view.values)
    present = tuple(name for name in roots if name in scope.definers)
    files = scope.files_of(present or tuple(roots))
    while True:
        read = view.reader.read(files)
        found = cut(Source(read.text), present, shim.names, shim.needs)
        more = _definers(scope, found.missing, files)
        if not more:
            absent = tuple(name for name in roots if name not in present)
            return TreeSlice(found, files, read.placeholders, absent)
        files = tuple(file for file in scope.files if file in {*files, *more})


def _definers(scope: Scope, missing: Sequence[Missing], files: tuple[str, ...]) -> set[str]:
    return {file for each in missing for file in scope.definers.get(each.name, ()) if file not in files}
