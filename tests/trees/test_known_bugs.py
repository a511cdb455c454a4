# SPDX-License-Identifier: GPL-2.0-or-later
"""Bugs that kernels have or had: found within few sequences and shrunk to few operations, and gone where corrected."""

import pytest

from tests.trees.sources import source_of
from vmemcheck.bulk import bulk_search, random_sequences
from vmemcheck.engine import applicable, check
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.tree import Tree
from vmemcheck.operation import AddDevice, AddMemory, Remove
from vmemcheck.scope import Scope

_SCOPE = Scope(faults=False)
_PLAIN = Scope(faults=False, altmaps=False)
_FEW, _SOME, _MANY = 12, 150, 400
_MEMORY_CYCLE = (AddMemory(0, 1), Remove(0))
_NEIGHBOURS = (AddDevice(0, 1), AddDevice(1, 1), Remove(1))


def _machine(tree: Tree, arch: str, size: int, levels: int | None = None) -> KernelMachine:
    source = source_of(tree, arch)
    return source.machine(source.geometry(size, levels))


def _shortest(machine: KernelMachine, invariant: str, examples: int = _FEW) -> list[int]:
    """Return the lengths of the sequences that a short search finds for an invariant."""
    found = bulk_search(machine, _PLAIN, examples, 0).findings
    return [len(finding.sequence) for finding in found if finding.invariant == invariant]


def _keeps_split_leaves(tree: Tree) -> bool:
    """Tell whether x86 forgets a PMD leaf of which only a part is freed: it does not note which parts are unused."""
    return "vmemmap_use_sub_pmd" not in tree.read("arch/x86/mm/init_64.c")


@pytest.mark.parametrize("size", [56, 72])
def test_x86_leaf_that_two_sections_share_leaks_until_parts_are_noted(size: int, tree: Tree) -> None:
    """A memory block whose memmap ends within a leaf leaks it in two operations; with the correction it does not."""
    with _machine(tree, "x86", size) as machine:
        finding = check(machine, _MEMORY_CYCLE)
        if not _keeps_split_leaves(tree):
            assert finding is None
            return
        assert finding is not None
        assert finding.invariant == "no-leak"
        lengths = _shortest(machine, "no-leak")
    assert lengths
    assert min(lengths) <= 2


def test_arm64_neighbours_lose_their_memmap_on_5_10_only(tree: Tree) -> None:
    """Removing a subsection frees the leaf of its neighbours, shown in three operations; later series do not."""
    with _machine(tree, "arm64", 64) as machine:
        finding = check(machine, _NEIGHBOURS)
        if tree.version.startswith("5.10."):
            assert finding is not None
            assert finding.invariant == "memmap-mapped"
            lengths = _shortest(machine, "memmap-mapped", _SOME)
            assert lengths
            assert min(lengths) <= 3
            return
        assert finding is None or finding.invariant != "memmap-mapped"
        found = bulk_search(machine, _SCOPE, _MANY, 0).findings
    assert "memmap-mapped" not in [one.invariant for one in found]


@pytest.mark.parametrize("levels", [4, 5])
def test_x86_struct_page_of_64_bytes_holds_on_every_tree(levels: int, tree: Tree) -> None:
    """No sequence violates anything, and all that can be met is met."""
    with _machine(tree, "x86", 64, levels) as machine:
        result = bulk_search(machine, _SCOPE, _MANY, 0)
        expected = {mark.name for mark in applicable(machine, _SCOPE)}
    assert [] == result.findings
    assert expected == result.coverage.marks & expected
    assert _MANY == result.coverage.sequences


@pytest.mark.parametrize(("arch", "size"), [("x86", 56), ("x86", 72), ("arm64", 64)])
def test_kernel_machine_sequence_does_not_depend_on_those_before(arch: str, size: int, tree: Tree) -> None:
    """Also where the kernel reads a leaf as a table, each sequence does the same in any order."""
    with _machine(tree, arch, size) as machine:
        drawn = list(random_sequences(machine.geometry, _SCOPE, 150, 3))
        there = [machine.records(sequence) for sequence in drawn]
    with _machine(tree, arch, size) as machine:
        back = [machine.records(sequence) for sequence in reversed(drawn)]
    assert there == back[::-1]
