# SPDX-License-Identifier: GPL-2.0-or-later
"""Which patch of a series does it: a sequence is played on the tree after each of them.

A tree between two patches that cannot be built is passed over; ``vmemcheck.gate.between`` tells it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vmemcheck.check import Cell
from vmemcheck.errors import VmemcheckError
from vmemcheck.gate.compare import violates
from vmemcheck.gate.facts import fact_text
from vmemcheck.invariant import Finding
from vmemcheck.kernel.facts import probe
from vmemcheck.kernel.memory_model import MemoryModel
from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.target import target_of
from vmemcheck.kernel.tree import Tree
from vmemcheck.selection import Target


@dataclass(frozen=True, slots=True)
class Blame:
    """A question for the patch that makes a difference.

    :param trees: before the series, and after each of its patches
    """

    trees: tuple[Tree, ...]
    target: Target


def patch_of(blame: Blame, cell: Cell, finding: Finding, *, fixes: bool) -> int:
    """Return the number of the patch after which a sequence is violated, or no longer is; 0 if none was seen."""
    model = MemoryModel(cell.memory_model) if cell.memory_model else MemoryModel.VMEMMAP

    def differs(tree: Tree) -> bool:
        source = source_of(blame, tree, model)
        geometry = source.geometry(cell.geometry.struct_page_bytes, cell.geometry.levels)
        with source.machine(geometry) as machine:
            return violates(machine, finding.sequence, finding.kind) is not fixes

    return _first(blame.trees, differs)


def mended_by(blame: Blame, cell: Cell, finding: Finding, patch: int) -> int:
    """Return the number of the first patch behind ``patch`` after which a sequence is not violated any more."""
    later = Blame(blame.trees[patch:], blame.target)
    number = patch_of(later, cell, finding, fixes=True)
    return patch + number if number else 0


def patch_of_error(blame: Blame, cell: Cell | None) -> int:
    """Return the number of the first patch after which the code cannot be built."""
    for number, tree in enumerate(blame.trees):
        try:
            source = source_of(blame, tree, MemoryModel.VMEMMAP)
            if cell is not None:
                source.machine(source.geometry(cell.geometry.struct_page_bytes, cell.geometry.levels)).close()
        except VmemcheckError:
            return number
    return 0


def patch_of_fact(blame: Blame, name: str, after: str) -> int:
    """Return the number of the patch after which a fact has its last value."""

    def differs(tree: Tree) -> bool:
        facts = probe(tree, target_of(blame.target.architecture.alias), blame.target.page_shift)
        return fact_text(facts, name) == after

    return _first(blame.trees, differs)


def source_of(blame: Blame, tree: Tree, model: MemoryModel) -> KernelSource:
    """Slice one of the trees.

    :raises VmemcheckError: when it cannot be sliced
    """
    return open_source(tree, blame.target.architecture.alias, blame.target.page_shift, model)


def _first(trees: Sequence[Tree], differs: Callable[[Tree], bool]) -> int:
    for number, tree in enumerate(trees[1:], 1):
        try:
            if differs(tree):
                return number
        except VmemcheckError:
            continue
    return 0
