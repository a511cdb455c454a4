# SPDX-License-Identifier: GPL-2.0-or-later
"""What was present when a recording began: read from what was mapped then, and from what the calls say later.

A recording has no list of the memory of the machine. Sections whose whole memmap was mapped
were there, and are taken for early ones; which parts of them were memory, and which
were added before the recording began, the first calls that touch them tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from vmemcheck import intervals
from vmemcheck.geometry import Geometry
from vmemcheck.recording import ADD, FREE, REMOVE, SECTION_FUNCTIONS, RecordedCall, Recording
from vmemcheck.trace.placement import Placement


@dataclass(frozen=True, slots=True)
class BootState:
    """Recorded pages that were present at the beginning, ``[start, end)`` each.

    :param early: pieces of early sections, by section number; each was removed at once, or not at all
    :param added: what was added before the recording began
    """

    early: dict[int, tuple[range, ...]]
    added: tuple[range, ...]


@dataclass(slots=True)
class _Section:
    """What the calls say about a section.

    :param absent: pages whose first call was an add
    :param removed: pages whose first call was a remove, one range for each call
    :param emptied: a removal of a part freed the memmap of the whole section
    :param hotplugged: a removal of a part freed the memmap of just that part
    """

    absent: list[range] = field(default_factory=list)
    removed: list[range] = field(default_factory=list)
    emptied: bool = False
    hotplugged: bool = False

    def touched(self) -> intervals.Intervals:
        return intervals.union([*self.absent, *self.removed])


def boot_state(recording: Recording, geometry: Geometry, placement: Placement, *, boot_stays: bool) -> BootState:
    """Return what was present in the first step.

    :param boot_stays: boot memory is never removed, so that what was removed had been added
    """
    mapped = intervals.union(recording.steps[0].mapped or ())
    pages = geometry.pages_per_section
    sections = _sections(recording, placement)
    early: dict[int, tuple[range, ...]] = {}
    added: list[range] = []
    explained: list[range] = []
    for number in _mapped_sections(mapped, geometry, placement):
        whole = range(number * pages, (number + 1) * pages)
        section = sections.get(number, _Section())
        pieces = tuple(_pieces(whole, section))
        if pieces and (section.hotplugged or (boot_stays and pieces[0] in section.removed)):
            added += pieces
        elif pieces:
            early[number] = pieces
        if pieces:
            explained += _windows(placement.memmap(whole), geometry)
    added += _rest(intervals.subtract(mapped, intervals.union(explained)), geometry, placement, sections)
    return BootState(early, tuple(sorted(set(added), key=lambda span: span.start)))


def _windows(memmap: range, geometry: Geometry) -> Iterator[range]:
    """Yield what may be mapped for a memmap: whole PMD leaves, where they are used."""
    if geometry.leaves_pay:
        yield from geometry.windows(1, memmap)
    else:
        yield geometry.page_aligned_outward(memmap)


def _mapped_sections(mapped: intervals.Intervals, geometry: Geometry, placement: Placement) -> Iterator[int]:
    pages, size = geometry.pages_per_section, geometry.struct_page_bytes
    for span in mapped:
        first = -(-(span.start - placement.base) // (size * pages))
        yield from range(first, (span.stop - placement.base) // (size * pages))


def _sections(recording: Recording, placement: Placement) -> dict[int, _Section]:
    """Return what the calls say about each section that they touch."""
    found: dict[int, _Section] = {}
    pages = recording.pages_per_section
    calls = [call for step in recording.steps for call in step.calls]
    for index, call in enumerate(calls):
        if call.function not in SECTION_FUNCTIONS:
            continue
        number = call.first // pages
        section = found.setdefault(number, _Section())
        span = range(call.first, call.first + call.second)
        fresh = not intervals.intersect([span], section.touched())
        if call.function == ADD and (call.returned or 0) >= 0:
            section.absent += intervals.subtract([span], section.touched())
        if call.function == REMOVE and fresh:
            section.removed.append(span)
        if call.function == REMOVE and call.second < pages and index + 1 < len(calls):
            whole = range(number * pages, (number + 1) * pages)
            _read_free(section, calls[index + 1], placement.memmap(whole), placement.memmap(span), fresh)
    return found


def _read_free(section: _Section, call: RecordedCall, whole: range, part: range, fresh: bool) -> None:
    """Tell from what a removal of a part frees whether the section was early."""
    if call.function != FREE:
        return
    freed = range(call.first, call.second)
    section.emptied = section.emptied or freed == whole
    section.hotplugged = section.hotplugged or (fresh and not section.emptied and freed == part)


def _pieces(whole: range, section: _Section) -> Iterator[range]:
    """Yield the pages of a section that were present: those that stay, then those that are removed."""
    if not section.emptied:
        yield from intervals.subtract([whole], section.touched())
    yield from section.removed


def _rest(
    mapped: intervals.Intervals, geometry: Geometry, placement: Placement, sections: dict[int, _Section]
) -> Iterator[range]:
    """Yield pages whose memmap was mapped although their section's was not."""
    unit = geometry.pages_per_subsection
    size = unit * geometry.struct_page_bytes
    for span in mapped:
        first = -(-(span.start - placement.base) // size)
        last = (span.stop - placement.base) // size
        pfns = range(first * unit, last * unit)
        for number, start, count in geometry.sections(pfns.start, len(pfns)) if last > first else ():
            section = sections.get(number, _Section())
            part = range(start, start + count)
            yield from (removed for removed in section.removed if removed.start in part)
            yield from intervals.subtract([part], section.touched())
