# SPDX-License-Identifier: GPL-2.0-or-later
"""Every architecture that has a machine, with every page size, on every tree: it builds, runs and starts from nothing.

A new architecture is covered as soon as it has a folder in vmemcheck/shim.
"""

from pathlib import Path

import pytest

from tests.trees.broken import begun, copied, edited
from tests.trees.sources import EVERY_MACHINE, machine_source
from vmemcheck.arches import Architecture
from vmemcheck.engine import check
from vmemcheck.invariant import Kind
from vmemcheck.invariants import INVARIANTS
from vmemcheck.invariants.failed_add_undone import FAILED_ADD_UNDONE
from vmemcheck.kernel.compiler import run_compiler
from vmemcheck.kernel.executor import Executor
from vmemcheck.kernel.protocol import RECORD, record, request
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.observation import Allocated, LeafKind
from vmemcheck.operation import AddMemory, Boot, Fault, FaultKind, Initialise, Remove

_BYTES = 64
# arm64 of 7.2 counts page-table pages wrongly (counters-balanced): that is not the machine's fault.
_HARD = tuple(invariant for invariant in INVARIANTS if not invariant.is_soft)


@pytest.mark.parametrize(("architecture", "page_shift"), EVERY_MACHINE)
def test_machine_adds_and_removes_a_memory_block(tree: Tree, architecture: Architecture, page_shift: int) -> None:
    """The plainest sequence, beside boot memory and twice, leaves the vmemmap as it should be; all of it is mapped."""
    source = machine_source(tree, architecture, page_shift)
    with source.machine(source.geometry(_BYTES)) as machine:
        again = (AddMemory(1, 1), Initialise(0), Remove(0))
        assert check(machine, (*again, *again), invariants=_HARD) is None
        assert check(machine, (Boot(0, 0, 8), AddMemory(1, 1), Initialise(1), Remove(1)), invariants=_HARD) is None
        state = machine.run((AddMemory(1, 1),))[-1].state
        memmap = machine.geometry.memmap_range(machine.geometry.pages_per_block, machine.geometry.pages_per_block)
        mapped = [leaf for leaf in state.mappings if leaf.start < memmap.stop and memmap.start < leaf.end]
        assert sum(min(leaf.end, memmap.stop) - max(leaf.start, memmap.start) for leaf in mapped) == len(memmap)
        sizes = {LeafKind.PTE: machine.geometry.page_bytes, LeafKind.PMD: machine.geometry.pmd_bytes}
        assert all(leaf.end - leaf.start == sizes[leaf.kind] for leaf in mapped)
        assert {table.level for table in state.tables} <= set(range(machine.geometry.levels - 1))


@pytest.mark.parametrize(("architecture", "page_shift"), EVERY_MACHINE)
def test_machine_text_leaves_no_type_to_the_compiler(tree: Tree, architecture: Architecture, page_shift: int) -> None:
    """What a macro of the tree declares does not become an int, which cuts off the upper half of an address."""
    source = machine_source(tree, architecture, page_shift)
    text = source.text(source.geometry(_BYTES)).encode()
    arguments = ["-fsyntax-only", "-std=gnu11", "-Wimplicit-int", "-fno-diagnostics-show-caret", "-x", "c", "-"]
    said = run_compiler(arguments, text, Path("/")).stderr.decode()
    assert [line for line in said.splitlines() if "implicit-int" in line] == []


@pytest.mark.parametrize(("architecture", "page_shift"), EVERY_MACHINE)
def test_machine_failed_add_names_the_function_that_gave_up(
    tree: Tree, architecture: Architecture, page_shift: int
) -> None:
    """Two memory blocks of which the second fails: the first stays, which is one finding, in __add_pages()."""
    source = machine_source(tree, architecture, page_shift)
    with source.machine(source.geometry(_BYTES)) as machine:
        # Behind the pages of the first section; what the slab allocator gives counts too.
        events = machine.run((AddMemory(0, 1),))[-1].events
        pages = sum(isinstance(event, Allocated) for event in events)
        faults = (Fault(FaultKind.NTH, number) for number in range(pages + 1, pages + 5))
        found = (check(machine, (AddMemory(0, 2, fault=fault),), invariants=(FAILED_ADD_UNDONE,)) for fault in faults)
        kinds = {finding.kind for finding in found if finding}
    assert {Kind("failed-add-undone", "mm/memory_hotplug.c", "__add_pages")} == kinds


@pytest.mark.newest_tree
def test_machine_declared_by_design_is_no_excuse_for_other_code(tree: Tree, tmp_path: Path) -> None:
    """Memmap may stay on loongarch while vmemmap_free() is empty; once a patch lets it do something, no longer."""
    sequence = (AddMemory(1, 1), Remove(0))
    copy = copied(tree, "loongarch", tmp_path)
    source = open_source(copy, "loongarch", 12)
    with source.machine(source.geometry(_BYTES)) as machine:
        assert check(machine, sequence) is None
    with edited(copy, {"arch/loongarch/mm/init.c": begun("vmemmap_free", "start = end;")}):
        source = open_source(copy, "loongarch", 12)
        with source.machine(source.geometry(_BYTES), Variant.PARTS) as machine:
            finding = check(machine, sequence)
    assert finding is not None
    assert finding.violations[0].invariant == "no-leak"


@pytest.mark.newest_tree
def test_machine_operations_that_take_long_together_are_no_endless_loop(tree: Tree) -> None:
    """One timer ticks on through all of them, and each has a millisecond: together they take hundreds."""
    source = open_source(tree, "x86", 12)
    geometry = source.geometry(_BYTES)
    sequence = (AddMemory(1, 1), Initialise(0), Remove(0)) * 2000
    asked = request(geometry, sequence, details=False, milliseconds=1)
    executor = Executor(source.program(geometry), geometry.levels)
    answers = [executor.ask(asked) for _ in range(30)]
    executor.close()
    assert {len(sequence)} == {count for count, _ in answers}
    assert not any(record(data, len(data) - RECORD.size).stopped for _, data in answers)
