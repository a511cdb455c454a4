# SPDX-License-Identifier: GPL-2.0-or-later
"""From a recording to operations: what to ask of a machine so that it makes the recorded calls.

Each recorded section's call becomes an operation of its own, except where several share an
altmap or a compound devmap: they are one range. What the machine does with an
operation is not looked at here.
"""

from dataclasses import dataclass, replace

from vmemcheck.errors import RecordingError
from vmemcheck.geometry import Geometry
from vmemcheck.operation import (
    Action,
    AddDevice,
    AddMemory,
    Altmap,
    Boot,
    Door,
    Initialise,
    Operation,
    Refused,
    Remove,
)
from vmemcheck.recording import ADD, REMOVE, SECTION_FUNCTIONS, RecordedAltmap, RecordedCall, Recording
from vmemcheck.trace.boot import boot_state
from vmemcheck.trace.placement import Placement, place

MOST_LIVE = 1024
"""Ranges that a machine can hold at a time: VMC_MOST_LIVE in vmemcheck/shim/doors.c."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation of a step.

    :param returned: what its last recorded add returned; 0 for all else
    """

    operation: Operation
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Operations for each step; those of the first make the boot state.

    :param victims: for a step that ended in an oops: which live range holds the struct page that was accessed
    """

    placement: Placement
    steps: tuple[tuple[Asked, ...], ...]
    victims: dict[int, int]


def plan(recording: Recording, geometry: Geometry, *, boot_stays: bool = False) -> Plan:
    """Return the operations of each step.

    :param boot_stays: the machine cannot remove boot memory
    :raises RecordingError: when a call cannot be made through the operations that there are
    """
    placement = place(recording, geometry)
    planner = _Planner(geometry, placement)
    steps = [planner.boot(recording, boot_stays=boot_stays)]
    victims: dict[int, int] = {}
    for number, step in enumerate(recording.steps[1:], 1):
        steps.append(planner.step(step.calls, f"steps[{number}]", stopped=step.oops is not None))
        if step.oops and step.oops.address is not None:
            pfn = placement.pfn((step.oops.address - placement.base) // geometry.struct_page_bytes)
            holding = [index for index, live in enumerate(planner.live) if pfn in live]
            victims |= dict.fromkeys([number] if holding else [], holding[0] if holding else 0)
    return Plan(placement, tuple(steps), victims)


class _Planner:
    """Follows which ranges live, in the order in which a machine lists them."""

    def __init__(self, geometry: Geometry, placement: Placement) -> None:
        self.geometry = geometry
        self.placement = placement
        self.live: list[range] = []

    def boot(self, recording: Recording, *, boot_stays: bool) -> tuple[Asked, ...]:
        """Return the operations that make the boot state."""
        geometry = self.geometry
        state = boot_state(recording, geometry, self.placement, boot_stays=boot_stays)
        unit = geometry.pages_per_subsection
        operations: list[Operation] = []
        later = list(state.added)
        for pieces in state.early.values():
            first = self._simulated(pieces[0])
            section, offset = divmod(first.start, geometry.pages_per_section)
            operations.append(Boot(section, offset // unit, len(first) // unit))
            self.live.append(first)
            later += pieces[1:]
        for piece in later:
            # Within an early section this only marks them as present.
            span = self._simulated(piece)
            operations.append(AddDevice(span.start // unit, len(span) // unit))
            self.live.append(span)
        self._require_room("steps[0]")
        return tuple(map(Asked, operations))

    def step(self, calls: tuple[RecordedCall, ...], where: str, *, stopped: bool) -> tuple[Asked, ...]:
        """Return the operations of one step."""
        asked: list[Asked] = []
        pending = [
            (call, f"{where}.calls[{index}]") for index, call in enumerate(calls) if call.function in SECTION_FUNCTIONS
        ]
        while pending:
            call, place_of = pending[0]
            if call.function == REMOVE:
                asked += self._remove(pending, place_of, stopped=stopped)
                continue
            group = _group(pending, self.geometry.pages_per_section)
            asked += self._add(group, place_of)
            del pending[: len(group)]
            self._require_room(place_of)
        return tuple(asked)

    def _simulated(self, pfns: range) -> range:
        return range(self.placement.pfn(pfns.start), self.placement.pfn(pfns.stop))

    def _require_room(self, where: str) -> None:
        if len(self.live) > MOST_LIVE:
            raise RecordingError(
                f"more than {MOST_LIVE} ranges are present at a time", where=where, to_fix="record with less memory"
            )

    def _add(self, group: list[RecordedCall], where: str) -> list[Asked]:
        first, last = group[0], group[-1]
        returned = last.returned or 0
        span = self._simulated(range(first.first, last.first + last.second))
        altmap, shift = first.altmap, first.vmemmap_shift or 0
        if altmap and altmap.base_pfn != first.first:
            raise RecordingError(
                f"an altmap from pfn {altmap.base_pfn:#x} for pages from {first.first:#x}: __add_pages() refuses it",
                where=where,
                to_fix="see that pfn and altmap_fields.base are what the kernel had",
            )
        if returned < 0:
            # What comes behind a call that failed was not reached.
            end = self.placement.pfn(altmap.end_pfn + 1) if altmap else span.stop
            span = range(span.start, -(-max(end, span.stop) >> shift) << shift)
        operation = self._add_operation(span, altmap, first.vmemmap_shift, where)
        asked = [Asked(operation, returned)]
        if returned >= 0:
            self.live.append(span)
            asked.append(Asked(Initialise(len(self.live) - 1)))
        return asked

    def _add_operation(
        self, span: range, altmap: RecordedAltmap | None, vmemmap_shift: int | None, where: str
    ) -> Operation:
        geometry = self.geometry
        block, unit = geometry.pages_per_block, geometry.pages_per_subsection
        given = Altmap(altmap.reserve, altmap.free) if altmap else None
        memmap_pages = -(-len(span) * geometry.struct_page_bytes // geometry.page_bytes)
        whole = span.start % block == 0 and len(span) % block == 0
        if vmemmap_shift is None and whole and not given:
            return AddMemory(span.start // block, len(span) // block)
        leaves = len(span) * geometry.struct_page_bytes % geometry.pmd_bytes == 0
        if vmemmap_shift is None and len(span) == block and whole and leaves and given == Altmap(0, memmap_pages):
            return AddMemory(span.start // block, 1, memmap_on_memory=True)
        if span.start % unit or len(span) % unit:
            raise RecordingError(
                f"pages from {self.placement.recorded_pfn(span.start):#x}, {len(span):#x} of them,"
                " are not whole subsections",
                where=where,
                to_fix="see that pages_per_subsection is that of the kernel",
            )
        return AddDevice(span.start // unit, len(span) // unit, given, vmemmap_shift or 0)

    def _remove(self, pending: list[tuple[RecordedCall, str]], where: str, *, stopped: bool) -> list[Asked]:
        """Return the remove that the first call belongs to, and take its calls out of ``pending``."""
        first = pending[0][0]
        start = self.placement.pfn(first.first)
        span = range(start, start + first.second)
        live = next((live for live in self.live if live.start < span.stop and span.start < live.stop), None)
        if live is None:
            del pending[0]
            return [Asked(Refused(Action.REMOVE, Door.DEVICE, span.start, len(span)))]
        position, count = live.start, 0
        for call, _ in pending:
            if call.function != REMOVE or self.placement.pfn(call.first) != position or position >= live.stop:
                break
            position += call.second
            count += 1
        if count == 0 or (position != live.stop and not (stopped and count == len(pending))):
            shown = range(self.placement.recorded_pfn(live.start), self.placement.recorded_pfn(live.stop))
            raise RecordingError(
                f"pages [{shown.start:#x}, {shown.stop:#x}) were added as one range and are not removed as one",
                where=where,
                to_fix="record all calls of a step, without loss",
            )
        del pending[:count]
        index = self.live.index(live)
        del self.live[index]
        return [Asked(Remove(index))]


def _group(pending: list[tuple[RecordedCall, str]], pages_per_section: int) -> list[RecordedCall]:
    """Return the adds, from the first one, that belong to one range."""
    group = [pending[0][0]]
    for call, _ in pending[1:]:
        last = group[-1]
        follows = call.function == ADD and call.first == last.first + last.second
        if not follows or (last.returned or 0) < 0 or not _shares(last, call, pages_per_section):
            break
        group.append(call)
    return group


def _shares(one: RecordedCall, other: RecordedCall, pages_per_section: int) -> bool:
    """Whether two adds are of one range: the same altmap, or a devmap whose compound pages span both."""
    if one.altmap and other.altmap:
        return replace(one.altmap, align=0, alloc=0) == replace(other.altmap, align=0, alloc=0)
    spans = 1 << (one.vmemmap_shift or 0) > pages_per_section
    return one.altmap == other.altmap and spans and one.vmemmap_shift == other.vmemmap_shift
