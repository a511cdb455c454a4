# SPDX-License-Identifier: GPL-2.0-or-later
"""New entries of the top table on x86: a tree that does not copy them to the top tables of processes is found out."""

import pytest

from tests.trees.broken import CopyOf, begun, edited
from vmemcheck.engine import check
from vmemcheck.invariant import Finding
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.operation import AddDevice, AddMemory, Fault, FaultKind, Sequence

_FILE = "arch/x86/mm/init_64.c"
_ADDED = (AddDevice(0, 1),)


def _found(tree: Tree, levels: int, sequence: Sequence = _ADDED) -> Finding | None:
    source = open_source(tree, "x86", 12)
    with source.machine(source.geometry(64, levels)) as machine:
        return check(machine, sequence)


@pytest.mark.parametrize("levels", [4, 5])
def test_sync_left_out_is_a_violation(levels: int, tree: Tree, copy_of: CopyOf) -> None:
    """vmemmap_populate() calls it in 5.10 and 6.1, pgd_populate_kernel() and its like in later trees."""
    assert _found(tree, levels) is None
    with edited(copy_of("x86"), {_FILE: begun("sync_global_pgds", "return;")}) as broken:
        finding = _found(broken, levels)
    assert finding is not None
    assert finding.invariant == "tables-sound"


@pytest.mark.parametrize("number", range(1, 8))
def test_sync_after_a_failed_add_is_for_whoever_maps_something_there(number: int, tree: Tree) -> None:
    """vmemmap_populate() of 5.10 and 6.1 copies nothing when it fails; the next add does, and nothing is missed."""
    failing = AddMemory(0, 1, fault=Fault(FaultKind.FROM, number))
    assert _found(tree, 4, (failing, AddMemory(0, 1))) is None
