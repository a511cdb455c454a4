# SPDX-License-Identifier: GPL-2.0-or-later
"""From a scaled sequence to full size: for each kind of operation, what is wrong in the small geometry shows there."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.negative.altmaps import CountsTwice
from tests.negative.pairs import KeepsFirstRange
from tests.negative.variants import (
    HERE,
    AcceptsMisaligned,
    ForgetsRemoval,
    KeepsEarlyMemmap,
    KeepsEmptyTables,
    NoRollBack,
    ReportsOverlapAsSuccess,
    SharesHeadPage,
    with_part,
)
from vmemcheck.engine import check
from vmemcheck.explore_scope import ExploreScope
from vmemcheck.full_size import candidates
from vmemcheck.geometry import Geometry
from vmemcheck.model import LiveRange
from vmemcheck.observation import Warned
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
    Refused,
    Remove,
    Second,
    Sequence,
)
from vmemcheck.reference import ReferenceMachine

FULL = Geometry(64)
SMALL = ExploreScope().geometry(FULL)
BLOCK, SUBSECTION = SMALL.pages_per_block, SMALL.pages_per_subsection
SECTION = SMALL.subsections_per_section


class WarnsOfLife(ReferenceMachine):
    """Warns when the memmap of the second half of a section is brought to life."""

    def bring_to_life(self, live: LiveRange) -> None:
        """Initialise, with a warning."""
        super().bring_to_life(live)
        if 2 * live.start_pfn >= self.geometry.pages_per_section:
            self.events.append(Warned("late", HERE))


class RefusesLastSubsection(ReferenceMachine):
    """Does not add a device range that ends with its section."""

    def add(self, live: LiveRange) -> int:
        """Add, or say that there is no memory."""
        ends = live.door is Door.DEVICE and live.pfns.stop % self.geometry.pages_per_section == 0
        return -12 if ends and live.start_pfn else super().add(live)


def _nth(number: int) -> Fault:
    return Fault(FaultKind.NTH, number)


_MAKE = Callable[[Geometry], ReferenceMachine]
_KINDS: dict[str, tuple[_MAKE, Sequence, str]] = {
    "boot": (KeepsEarlyMemmap, (Boot(1, 1, 2), Remove(0)), "no-leak"),
    "add memory": (with_part(KeepsEmptyTables), (AddMemory(1, 1), Remove(0)), "no-leak"),
    "memmap_on_memory": (with_part(CountsTwice), (AddMemory(1, 1, True), Remove(0)), "altmap-balanced"),
    "add device": (RefusesLastSubsection, (AddDevice(SECTION - 1, 1),), "refusals"),
    "altmap": (with_part(CountsTwice), (AddDevice(0, SECTION, Altmap(0, 64)), Remove(0)), "altmap-balanced"),
    "compound": (with_part(SharesHeadPage), (AddDevice(1, 1, vmemmap_shift=9),), "memmap-backed"),
    "two ranges": (KeepsFirstRange, (AddDevice(0, 1), AddDevice(2, 1, second=Second(0, 1))), "refusals"),
    "private": (WarnsOfLife, (AddDevice(SECTION - 2, 1, private=True), Initialise(0)), "no-warning"),
    "allocation": (NoRollBack, (AddDevice(0, SECTION + 1, fault=_nth(6)),), "failed-add-undone"),
    "allocations from": (NoRollBack, (AddMemory(0, 2, fault=Fault(FaultKind.FROM, 3)),), "failed-add-undone"),
    "order": (with_part(KeepsEmptyTables), (AddMemory(0, 1, fault=Fault(FaultKind.ORDER, 1)), Remove(0)), "no-leak"),
    "remove": (ForgetsRemoval, (AddDevice(1, 2), Remove(0), AddDevice(2, 1)), "refusals"),
    "init": (WarnsOfLife, (AddDevice(SECTION - 2, 1), Initialise(0)), "no-warning"),
    "refuse a device": (AcceptsMisaligned, (Refused(Action.ADD, Door.DEVICE, 1, SUBSECTION),), "refusals"),
    "refuse a block": (AcceptsMisaligned, (Refused(Action.ADD, Door.MEMORY, SUBSECTION, BLOCK),), "refusals"),
    "refuse an overlap": (
        ReportsOverlapAsSuccess,
        (AddMemory(1, 1), AddMemory(1, 1)),
        "refusals",
    ),
}


@pytest.mark.parametrize(("make", "sequence", "invariant"), _KINDS.values(), ids=_KINDS.keys())
def test_candidates_show_at_full_size_what_the_scaled_sequence_shows(
    make: _MAKE, sequence: Sequence, invariant: str
) -> None:
    """The small sequence violates the invariant, and so does a large one; on a machine that is right, none does."""
    finding = check(make(SMALL), sequence)
    assert finding is not None
    assert invariant == finding.invariant
    large = list(candidates(sequence, SMALL, FULL))
    findings = [check(make(FULL), other) for other in large]
    assert invariant in {each.invariant for each in findings if each}
    assert [None] * len(large) == [check(ReferenceMachine(FULL), other) for other in large]


@pytest.mark.parametrize(
    ("start", "nr_pages", "expected"),
    [
        (0, BLOCK, (0, FULL.pages_per_block)),
        (BLOCK, SUBSECTION, (FULL.pages_per_block, SUBSECTION)),
        (SUBSECTION, BLOCK, (SUBSECTION, FULL.pages_per_block)),
        (0, SUBSECTION - 1, (0, SUBSECTION - 1)),
        (1, SUBSECTION, (1, SUBSECTION)),
    ],
)
def test_candidates_refused_request_is_refused_for_the_same_reason(
    start: int, nr_pages: int, expected: tuple[int, int]
) -> None:
    """Whole memory blocks stay whole memory blocks, and what is not aligned is not aligned in the same way."""
    request = Refused(Action.ADD, Door.MEMORY, start, nr_pages)
    first, *_ = candidates((request,), SMALL, FULL)
    assert (replace(request, start_pfn=expected[0], nr_pages=expected[1]),) == first


def test_candidates_try_other_allocations_behind_the_same_one() -> None:
    """More memmap takes more allocations: the one that matters may be a later one."""
    sequence = (AddMemory(0, 1), AddDevice(SECTION, 2, fault=_nth(5)))
    found = [other[1] for other in candidates(sequence, SMALL, FULL)]
    numbers = [one.fault.value for one in found if isinstance(one, AddDevice) and one.fault]
    assert 5 == numbers[0]
    assert set(range(1, 25)) == set(numbers)
