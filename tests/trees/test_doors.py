# SPDX-License-Identifier: GPL-2.0-or-later
"""The doors are the tree's own: what it refuses, how it undoes an add, and what it does with the altmaps of blocks."""

import errno
import re
from dataclasses import replace

import pytest

from tests.trees.broken import CopyOf, Edit, begun, edited, replaced, within
from tests.trees.sources import source_of
from vmemcheck.bulk import bulk_search
from vmemcheck.engine import check
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.observation import Call, Location, SectionCall, Warned
from vmemcheck.operation import (
    Action,
    AddDevice,
    AddMemory,
    Altmap,
    Door,
    Fault,
    FaultKind,
    Refused,
    Remove,
    Second,
    Sequence,
)
from vmemcheck.scope import Scope

_HOTPLUG = "mm/memory_hotplug.c"
_BLOCK_PAGES = 32768
_MEMORY_DEVICE_PRIVATE = 1
"""The first of enum memory_type, include/linux/memremap.h, which leaves 0 out."""
_SHIFTED = Refused(Action.ADD, Door.MEMORY, 512, _BLOCK_PAGES)


def _without(function: str, pattern: str) -> Edit:
    """Return the edit that drops the statements of a function that match."""

    def dropped(body: str) -> str:
        changed, count = re.subn(pattern, ";", body)
        assert count
        return changed

    return within(function, dropped)


def _invariants(tree: Tree, sequence: Sequence) -> list[str]:
    source = open_source(tree, "x86", 12)
    with source.machine(source.geometry(64), Variant.PARTS) as machine:
        finding = check(machine, sequence)
    return [violation.invariant for violation in finding.violations] if finding else []


def test_door_of_memory_blocks_refuses_with_the_errno_of_the_tree(tree: Tree) -> None:
    """A block that is not aligned is -EINVAL, one that overlaps another is -EEXIST, and neither reaches a section."""
    source = source_of(tree, "x86")
    with source.machine(source.geometry(64)) as machine:
        shifted, added, again = machine.run((_SHIFTED, AddMemory(0, 2), Refused(Action.ADD, Door.MEMORY, 0, 65536)))
        assert check(machine, (_SHIFTED, AddMemory(0, 2), Refused(Action.ADD, Door.MEMORY, 0, 65536))) is None
    assert (-errno.EINVAL, 0, -errno.EEXIST) == (shifted.returned, added.returned, again.returned)
    calls = [event for one in (shifted, again) for event in one.events if isinstance(event, SectionCall)]
    assert [] == calls


@pytest.mark.newest_tree
def test_door_of_memory_blocks_checks_the_range_in_the_tree(tree: Tree, copy_of: CopyOf) -> None:
    """Without check_hotplug_memory_range(), a block that is not aligned is added."""
    assert _invariants(tree, (_SHIFTED,)) == []
    with edited(copy_of("x86"), {_HOTPLUG: begun("check_hotplug_memory_range", "return 0;")}) as broken:
        assert "refusals" in _invariants(broken, (_SHIFTED,))


def test_door_gives_each_memory_block_an_altmap_where_the_tree_does(tree: Tree) -> None:
    """5.10 has no memmap on memory, 6.1 for a single block only; since then each of several blocks has its own."""
    source = source_of(tree, "x86")
    with source.machine(source.geometry(64)) as machine:
        one, _, two = machine.run((AddMemory(1, 1, memmap_on_memory=True), Remove(0), AddMemory(0, 2, True)))
    code = source.slice.cut.code
    has_any, has_several = "mhp_supports_memmap_on_memory" in code, "create_altmaps_and_memory_blocks" in code
    assert any(block.owner.start_pfn == _BLOCK_PAGES for block in one.state.blocks) == has_any
    assert [altmap.start_pfn for altmap in one.state.altmaps] == [_BLOCK_PAGES] * has_any
    assert [altmap.start_pfn for altmap in two.state.altmaps] == [0, _BLOCK_PAGES] * has_several
    assert all(altmap.alloc == 512 for altmap in (*one.state.altmaps, *two.state.altmaps))


@pytest.mark.newest_tree
@pytest.mark.parametrize(("arch", "page_shift"), [("x86", 12), ("arm64", 12), ("arm64", 14), ("arm64", 16)])
def test_door_of_memory_blocks_does_the_same_when_memmap_on_memory_is_forced(
    arch: str, page_shift: int, tree: Tree, copy_of: CopyOf
) -> None:
    """Whole PMD leaves are whole pageblocks; arch_supports_memmap_on_memory() refuses all else, in either mode."""
    forced = replaced("memory_block_memmap_on_memory_pages", "memmap_mode == MEMMAP_ON_MEMORY_FORCE", "1")
    edits: tuple[dict[str, Edit], ...] = ({}, {_HOTPLUG: forced})
    states = []
    for edit in edits:
        with edited(copy_of(arch), edit) as broken:
            source = open_source(broken, arch, page_shift)
            with source.machine(source.geometry(64), Variant.PARTS) as machine:
                states.append([one.state for one in machine.run((AddMemory(0, 2, memmap_on_memory=True), Remove(0)))])
    assert states[0] == states[1]
    assert [2 if page_shift == 12 else 0, 0] == [len(state.altmaps) for state in states[0]]


@pytest.mark.newest_tree
@pytest.mark.parametrize(
    ("function", "statement", "invariant"),
    [
        # The pages of the altmap are freed as if the page allocator had given them.
        ("remove_memory_blocks_and_altmaps", r"altmap = mem->altmap;", "freed-once"),
        ("remove_memory_blocks_and_altmaps", r"altmap_free\(altmap\);", "no-warning"),
        ("create_altmaps_and_memory_blocks", r"remove_memory_blocks_and_altmaps\([^;]*;", "failed-add-undone"),
    ],
)
def test_door_altmap_of_a_block_that_is_lost_is_found(
    function: str, statement: str, invariant: str, tree: Tree, copy_of: CopyOf
) -> None:
    """The tree passes two blocks that fail half-way and two that do not; less one statement, it does not."""
    second = Fault(FaultKind.NTH, 9)  # in arch_add_memory() of the second block
    sequence = (AddMemory(0, 2, memmap_on_memory=True, fault=second), AddMemory(0, 2, memmap_on_memory=True), Remove(0))
    assert _invariants(tree, sequence) == []
    with edited(copy_of("x86"), {_HOTPLUG: _without(function, statement)}) as broken:
        assert invariant in _invariants(broken, sequence)


def test_door_of_devices_refuses_with_the_errno_of_the_tree(tree: Tree) -> None:
    """System RAM is -ENXIO, another device's page -ENOMEM, part of a subsection -EINVAL: as memremap_pages() says."""
    source = source_of(tree, "x86")
    unit = source.native.pages_per_subsection
    wanted: dict[Sequence, int] = {
        (AddMemory(0, 1), Refused(Action.ADD, Door.DEVICE, 0, unit)): -errno.ENXIO,
        (AddDevice(0, 2), Refused(Action.ADD, Door.DEVICE, unit, 2 * unit)): -errno.ENOMEM,
        (AddDevice(1, 1), Refused(Action.ADD, Door.DEVICE, 0, 3 * unit)): -errno.EEXIST,
        (AddDevice(0, 1), Refused(Action.ADD, Door.DEVICE, unit + 1, unit)): -errno.EINVAL,
    }
    with source.machine(source.geometry(64)) as machine:
        found = {sequence: machine.run(sequence)[-1].returned for sequence in wanted}
        assert [check(machine, sequence) for sequence in wanted] == [None] * len(wanted)
    assert wanted == found


def test_door_of_devices_takes_the_memmap_from_behind_the_reserve(tree: Tree) -> None:
    """The altmap of a device is its own struct dev_pagemap's: what is given lies behind what is kept back."""
    source = source_of(tree, "x86")
    with source.machine(source.geometry(64)) as machine:
        (state,) = (one.state for one in machine.run((AddDevice(0, 64, Altmap(600, 1100)),)))
        assert check(machine, (AddDevice(0, 64, Altmap(600, 1100)), Remove(0))) is None
    assert [(0, 600, 512)] == [(one.start_pfn, one.reserve, one.alloc) for one in state.altmaps]
    assert [1024] == [leaf.pfn for leaf in state.mappings]


@pytest.mark.newest_tree
@pytest.mark.parametrize(
    ("function", "statement", "invariant"),
    [
        # The pgmap that failed is still known, and stands in the way of the same add.
        ("pagemap_range", r"pgmap_array_delete\(range\);", "failed-add-undone"),
        ("pageunmap_range", r"arch_remove_memory\([^;]*;", "no-leak"),
        # Nobody gives these references back.
        ("memunmap_pages", r"percpu_ref_put_many\([^;]*;", "no-warning"),
    ],
)
def test_door_device_that_is_not_undone_is_found(
    function: str, statement: str, invariant: str, tree: Tree, copy_of: CopyOf
) -> None:
    """The tree passes an add that fails and is tried again, and a remove; less one statement, it does not."""
    sequence = (AddDevice(0, 64, fault=Fault(FaultKind.NTH, 4)), AddDevice(0, 64), Remove(0))
    assert _invariants(tree, sequence) == []
    with edited(copy_of("x86"), {"mm/memremap.c": _without(function, statement)}) as broken:
        assert invariant in _invariants(broken, sequence)


def test_door_of_devices_takes_two_ranges_and_removes_them_with_one_call(tree: Tree) -> None:
    """Both have their memmap at once, either names the device, and nothing of it stays."""
    source = source_of(tree, "x86")
    device = AddDevice(64, 64, second=Second(0, 1))
    with source.machine(source.geometry(64)) as machine:
        for victim in (1, 2):
            added, removed = machine.run((AddMemory(2, 1), device, Remove(victim)))[1:]
            assert check(machine, (AddMemory(2, 1), device, Remove(victim))) is None
            present = (range(512), range(_BLOCK_PAGES, 3 * _BLOCK_PAGES))
            assert (present, (range(2 * _BLOCK_PAGES, 3 * _BLOCK_PAGES),)) == (
                added.state.present,
                removed.state.present,
            )


@pytest.mark.parametrize("second", [Second(64, 64), Second(130, 2)], ids=["fails", "is refused"])
def test_door_of_devices_takes_the_first_range_back_when_the_second(second: Second, tree: Tree) -> None:
    """As far as the tree got; the same add succeeds with memory, and where nothing is in its way."""
    source = source_of(tree, "x86")
    fault = Fault(FaultKind.NTH, 6) if second.subsection == 64 else None
    device = AddDevice(0, 64, fault=fault, second=second)
    sequence = (AddDevice(130, 1), device, AddDevice(0, 64, second=Second(64, 64)), Remove(1))
    with source.machine(source.geometry(64)) as machine:
        before, failed, again, _ = machine.run(sequence)
        assert check(machine, sequence) is None
    assert (-errno.ENOMEM, 0) == (failed.returned, again.returned)
    assert (before.state.present, before.state.mappings) == (failed.state.present, failed.state.mappings)
    calls = [event.function for event in failed.events if isinstance(event, Call)]
    assert "vmemmap_free" in calls


@pytest.mark.newest_tree
@pytest.mark.parametrize(
    ("function", "statement", "invariant"),
    [
        # The first range stays.
        ("memremap_pages", r"memunmap_pages\(pgmap\);", "failed-add-undone"),
        # What was not added is taken back too.
        ("memremap_pages", r"pgmap->nr_range = 0;", "no-warning"),
        ("memunmap_pages", r"pageunmap_range\(pgmap, i\)(?=;)", "no-leak"),
    ],
)
def test_door_second_range_that_is_not_undone_is_found_by_a_search(
    function: str, statement: str, invariant: str, tree: Tree, copy_of: CopyOf
) -> None:
    """Less one statement, a search finds what comes of it."""
    scope = Scope(boot=False, altmaps=False, compound=False, refusals=False, fallback=False)
    with edited(copy_of("x86"), {"mm/memremap.c": _without(function, statement)}) as broken:
        source = open_source(broken, "x86", 12)
        with source.machine(source.geometry(64), Variant.PARTS) as machine:
            found = bulk_search(machine, scope, 60, 0).findings
    assert invariant in {one.invariant for one in found}


def test_door_of_devices_takes_what_memremap_compat_align_promises(tree: Tree, copy_of: CopyOf) -> None:
    """The tree's own says a subsection; one that says a page is a warning at its place with the first device range."""
    sequence = (AddMemory(1, 1), AddDevice(0, 1))
    assert _invariants(tree, sequence) == []
    with edited(copy_of("x86"), {"mm/memremap.c": begun("memremap_compat_align", "return PAGE_SIZE;")}) as broken:
        source = open_source(broken, "x86", 12)
        with source.machine(source.geometry(64), Variant.PARTS) as machine:
            finding = check(machine, sequence)
    assert finding is not None
    assert (2, "memremap_compat_align") == (len(finding.sequence), finding.kind.function)


def test_door_of_devices_takes_private_memory(tree: Tree) -> None:
    """With the type that the tree gives it; an add that fails is undone, and both ranges are removed with one call."""
    source = source_of(tree, "x86")
    device = AddDevice(0, 64, second=Second(64, 1), private=True)
    sequence = (AddMemory(4, 1), replace(device, fault=Fault(FaultKind.NTH, 6)), device, Remove(1))
    with source.machine(source.geometry(64)) as machine:
        assert check(machine, sequence) is None
        before, failed, added, removed = machine.run(sequence)
    assert (-errno.ENOMEM, 0, 0) == (failed.returned, added.returned, removed.returned)
    assert before.state.present == failed.state.present == removed.state.present
    assert range(65 * source.native.pages_per_subsection) in added.state.present
    pgmaps = {event.pgmap for event in added.events if isinstance(event, SectionCall) and event.pgmap}
    assert pgmaps <= {(_MEMORY_DEVICE_PRIVATE, 0)}
    assert bool(pgmaps) == ("params->pgmap" in source.slice.cut.code)


@pytest.mark.newest_tree
@pytest.mark.parametrize("statement", [r"__remove_pages\([^;]*;", r"error = add_pages\([^;]*;"])
def test_door_private_memory_that_is_lost_is_found_by_a_search(statement: str, tree: Tree, copy_of: CopyOf) -> None:
    """Less the statement for private memory, what it should have removed stays, or what it should add is not there."""
    function = "pageunmap_range" if "remove" in statement else "pagemap_range"
    scope = Scope(boot=False, altmaps=False, compound=False, refusals=False, fallback=False, faults=False)
    with edited(copy_of("x86"), {"mm/memremap.c": _without(function, statement)}) as broken:
        source = open_source(broken, "x86", 12)
        with source.machine(source.geometry(64), Variant.PARTS) as machine:
            found = bulk_search(machine, scope, 60, 0).findings
    assert {"no-leak" if "remove" in statement else "memmap-mapped"} <= {one.invariant for one in found}


def test_door_x86_warning_of_a_failed_add_is_declared(tree: Tree) -> None:
    """An add that fails for want of memory warns in add_pages(), and nowhere else: that is no finding."""
    source = source_of(tree, "x86")
    sequence = (AddMemory(0, 1, fault=Fault(FaultKind.ORDER, 0)),)
    with source.machine(source.geometry(64)) as machine:
        events = machine.run(sequence)[-1].events
        assert check(machine, sequence) is None
        declared = {function for one in machine.by_design for function in one.warns_in}
    places = {event.where for event in events if isinstance(event, Warned)}
    assert {"add_pages"} == {place.function for place in places if isinstance(place, Location)} == declared
