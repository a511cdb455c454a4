# SPDX-License-Identifier: GPL-2.0-or-later
"""The model, by hand-worked cases."""

import pytest

from vmemcheck.geometry import Geometry
from vmemcheck.model import LiveRange, Model, Outcome
from vmemcheck.operation import (
    Action,
    AddDevice,
    AddMemory,
    Altmap,
    Boot,
    Door,
    Fault,
    FaultKind,
    Initialise,
    Operation,
    Refused,
    Remove,
    Second,
)

GEOMETRY = Geometry(struct_page_bytes=56)
SECTION, SUBSECTION = 1 << 15, 512


def run(*operations: Operation) -> Model:
    """Return the model after operations that all succeed."""
    model = Model(GEOMETRY)
    for operation in operations:
        model = model.expect(operation).after
    return model


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([AddDevice(0, 1)], [(0, 7 * 4096)]),
        ([AddDevice(0, 1), AddDevice(2, 1)], [(0, 7 * 4096), (14 * 4096, 21 * 4096)]),
        ([AddMemory(1, 1)], [(448 * 4096, 896 * 4096)]),
        ([AddMemory(0, 1), AddDevice(64, 1), Remove(0)], [(448 * 4096, 455 * 4096)]),
        ([Boot(0, 0, 32)], [(0, 448 * 4096)]),
        ([Boot(0, 0, 32), AddDevice(40, 2), Remove(0)], [(0, 448 * 4096)]),
        ([Boot(0, 0, 32), AddDevice(40, 2), Remove(0), Remove(0)], []),
    ],
)
def test_model_required_is_the_memmap_of_what_is_present(
    operations: list[Operation], expected: list[tuple[int, int]]
) -> None:
    """What must be mapped follows from the present ranges; an early section stays whole until it is empty."""
    assert [range(*pair) for pair in expected] == list(run(*operations).required())


@pytest.mark.parametrize(
    ("before", "operation", "outcome"),
    [
        ([], Remove(0), Outcome.SKIPPED),
        ([], Initialise(3), Outcome.SKIPPED),
        ([AddDevice(0, 4)], AddDevice(3, 1), Outcome.REFUSED),
        ([AddDevice(0, 4)], AddMemory(0, 1), Outcome.REFUSED),
        ([AddDevice(0, 4)], AddDevice(4, 1), Outcome.SUCCEEDS),
        ([AddDevice(0, 4)], Boot(1, 0, 64), Outcome.SKIPPED),
        ([Boot(0, 0, 64)], Boot(0, 0, 64), Outcome.SKIPPED),
        ([Boot(0, 0, 64)], Boot(1, 0, 64), Outcome.SUCCEEDS),
        ([], Boot(0, 64, 1), Outcome.SKIPPED),
        ([], AddDevice(0, 1, fault=Fault(FaultKind.NTH, 1)), Outcome.MAY_FAIL),
        ([], AddDevice(0, 1, Altmap(0, 3)), Outcome.MAY_FAIL),
        ([], AddDevice(0, 4, Altmap(0, 2 * 512)), Outcome.SUCCEEDS),
        ([], AddDevice(0, 1, Altmap(500, 11)), Outcome.MAY_FAIL),
        ([], AddDevice(0, 1, Altmap(500, 12)), Outcome.SKIPPED),
        ([], AddDevice(0, 1, Altmap(0, 512)), Outcome.SKIPPED),
        ([], AddDevice(1, 1, vmemmap_shift=10), Outcome.SKIPPED),
        ([], Refused(Action.ADD, Door.DEVICE, 1, SUBSECTION), Outcome.REFUSED),
        ([], Refused(Action.ADD, Door.DEVICE, 0, SUBSECTION), Outcome.SKIPPED),
        ([], Refused(Action.ADD, Door.MEMORY, SUBSECTION, SECTION), Outcome.REFUSED),
        ([], Refused(Action.REMOVE, Door.DEVICE, 0, SUBSECTION), Outcome.REFUSED),
        ([AddDevice(0, 1)], Refused(Action.REMOVE, Door.DEVICE, 0, SUBSECTION), Outcome.SKIPPED),
        ([AddDevice(0, 1)], Refused(Action.ADD, Door.DEVICE, 0, SUBSECTION), Outcome.REFUSED),
    ],
)
def test_model_expectation_follows_the_state(before: list[Operation], operation: Operation, outcome: Outcome) -> None:
    """What an operation must do depends on what is present."""
    assert outcome == run(*before).expect(operation).outcome


def test_model_device_of_two_ranges_is_removed_as_one() -> None:
    """Whichever of the two is named: nothing of the device stays, and all of the others does."""
    device = (AddMemory(2, 1), AddDevice(8, 1, second=Second(0, 2)), AddDevice(4, 1))
    assert [8 * SUBSECTION, 0] == [live.start_pfn for live in run(*device).ranges[1:3]]
    both = [run(*device, Remove(victim)).ranges for victim in (1, 2)]
    assert [[2 * SECTION, 4 * SUBSECTION]] * 2 == [[live.start_pfn for live in ranges] for ranges in both]


@pytest.mark.parametrize(
    ("operation", "outcome"),
    [
        (AddDevice(0, 1, second=Second(4, 1)), Outcome.SUCCEEDS),
        (AddDevice(0, 2, second=Second(1, 1)), Outcome.SKIPPED),
        (AddDevice(4, 2, Altmap(0, 16), second=Second(0, 1)), Outcome.SKIPPED),
        (AddDevice(0, 2, vmemmap_shift=10, second=Second(4, 1)), Outcome.SKIPPED),
        (AddDevice(0, 1, second=Second(10, 2)), Outcome.REFUSED),
        (AddDevice(0, 1, private=True), Outcome.SUCCEEDS),
        (AddDevice(0, 1, vmemmap_shift=9, private=True), Outcome.SKIPPED),
        (AddDevice(0, 2, Altmap(0, 16), private=True), Outcome.SKIPPED),
        (AddDevice(10, 2, second=Second(0, 1)), Outcome.REFUSED),
        (AddDevice(0, 1, second=Second(4, 1), fault=Fault(FaultKind.NTH, 4)), Outcome.MAY_FAIL),
    ],
)
def test_model_device_expects_what_its_ranges_and_memory_allow(operation: AddDevice, outcome: Outcome) -> None:
    """Two ranges do not overlap, have no altmap, and each is whole compound pages; private memory is plain."""
    assert outcome is run(AddDevice(10, 1)).expect(operation).outcome


def test_model_victim_is_taken_modulo_the_live_ranges() -> None:
    """Index 5 of two live ranges is the second one."""
    model = run(AddDevice(0, 1), AddDevice(7, 1), Remove(5))
    assert (LiveRange(Door.DEVICE, 0, SUBSECTION),) == model.ranges


def test_model_boot_is_cut_at_the_end_of_its_section() -> None:
    """Boot memory never reaches into the next section."""
    assert range(48 * SUBSECTION, SECTION) == run(Boot(0, 48, 64)).ranges[0].pfns


def test_model_initialise_marks_its_victim_only() -> None:
    """Bringing the memmap of one range to life says nothing about the others."""
    model = run(AddDevice(0, 1), AddDevice(1, 1), Initialise(1))
    assert [live.initialised for live in model.ranges] == [False, True]


@pytest.mark.parametrize(
    ("size", "live", "expected"),
    [
        (64, LiveRange(Door.DEVICE, 0, 1024, vmemmap_shift=9), [(0x1000, 0x8000), (0x9000, 0x10000)]),
        (56, LiveRange(Door.DEVICE, 0, 1024, vmemmap_shift=9), []),
        (64, LiveRange(Door.DEVICE, 0, 1024), []),
        (64, LiveRange(Door.DEVICE, 0, 1024, Altmap(0, 64), 9), []),
        (64, LiveRange(Door.DEVICE, 0, 512, vmemmap_shift=7), []),
    ],
)
def test_model_tails_are_shared_only_by_optimised_compound_pages(
    size: int, live: LiveRange, expected: list[tuple[int, int]]
) -> None:
    """Only compound pages of more than two vmemmap pages, a power of two in size and without altmap, share tails."""
    assert [range(*pair) for pair in expected] == list(Model(Geometry(size)).shared_tails(live))


def test_model_devmap_of_larger_compound_pages_than_the_machine_takes_is_refused() -> None:
    """The limit is the machine's: a compound page of just that order is taken."""
    geometry = Geometry()
    operation = AddDevice(0, geometry.subsections_per_section, vmemmap_shift=10)
    assert Model(geometry, max_folio_order=10).expect(operation).outcome is Outcome.SUCCEEDS
    assert Model(geometry, max_folio_order=9).expect(operation).outcome is Outcome.REFUSED


def test_model_altmap_of_a_memory_block_is_for_its_memmap_only() -> None:
    """Two blocks that were added as one have two altmaps; that of a device is for all of it."""
    geometry = Geometry()
    pages = geometry.pages_per_block
    blocks = Model(geometry).expect(AddMemory(0, 2, memmap_on_memory=True)).after
    assert blocks.altmap_memmap(pages) == geometry.memmap_range(pages, pages)
    device = Model(geometry).expect(AddDevice(0, 80)).after
    assert device.altmap_memmap(0) == geometry.memmap_range(0, 80 * geometry.pages_per_subsection)
    assert device.altmap_memmap(pages) is None


def test_model_tails_in_an_early_section_are_not_shared() -> None:
    """What is added to an early section finds its memmap there; that of a later section may be shared."""
    live = LiveRange(Door.DEVICE, 512, 512, vmemmap_shift=9)
    geometry = Geometry()
    assert [] == list(Model(geometry, early=frozenset({0})).shared_tails(live))
    assert [range(0x9000, 0x10000)] == list(Model(geometry, early=frozenset({1})).shared_tails(live))
