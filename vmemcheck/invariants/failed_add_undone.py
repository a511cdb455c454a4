# SPDX-License-Identifier: GPL-2.0-or-later
"""failed-add-undone: an add that returns an error leaves everything as it was, and can be tried again.

Whole sections that were added before the failure, and stay, are one objection; what else stays behind are others.
"""

from collections.abc import Iterator, Sequence

from vmemcheck import intervals
from vmemcheck.entries import Mappings
from vmemcheck.intervals import Intervals
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Mapping, SectionCall, State, Table
from vmemcheck.operation import AddDevice, AddMemory

_COMPARED = {
    "present": "present memory",
    "mappings": "the mappings",
    "tables": "the page-table pages",
    "blocks": "the allocated blocks",
}


def _check(step: Step) -> Iterator[Problem]:
    if not isinstance(step.operation, AddDevice | AddMemory):
        return
    if step.is_retry:
        yield from _tried_again(step)
    elif step.failed:
        yield from _left_behind(step)


def _left_behind(step: Step) -> Iterator[Problem]:
    stayed = _sections_that_stayed(step)
    yield from _differences(step, stayed)
    if stayed:
        calls = (event for event in step.events.others if isinstance(event, SectionCall) and event.returned < 0)
        pfns = ", ".join(map(_named, stayed))
        yield Problem(
            f"the add failed, but the sections that it had added before stay present: {pfns}",
            next((call.where for call in calls), None),
            alone=True,
        )


def _sections_that_stayed(step: Step) -> Intervals:
    """Return the pages that the add made present, by calls that succeeded, and that still are."""
    added = intervals.union(
        range(event.start_pfn, event.start_pfn + event.nr_pages)
        for event in step.events.others
        if isinstance(event, SectionCall) and event.function == "sparse_add_section" and event.returned == 0
    )
    new = intervals.subtract(step.state.present, intervals.union(step.previous.present))
    return intervals.intersect(new, added)


def _differences(step: Step, stayed: Intervals) -> Iterator[Problem]:
    """Yield what an add that failed changed, other than the sections that stayed and their memmap."""
    present = intervals.subtract(step.state.present, stayed)
    entries = {
        name: (getattr(step.previous, name), present if name == "present" else getattr(step.state, name))
        for name in _COMPARED
    }
    changed = [name for name, (before, after) in entries.items() if before != after]
    if not changed:
        return
    geometry = step.geometry
    tables = {table.pfn: table for table in step.state.tables}
    leaves = {mapping.pfn: mapping for mapping in step.state.mappings}
    memmap = intervals.union(geometry.memmap_range(pages.start, len(pages)) for pages in stayed)
    for name in changed:
        called, (before, after) = _COMPARED[name], map(set, entries[name])
        for item in sorted(after - before, key=str):
            # A block that is a table is spoken of as that table, and one that is mapped as that leaf.
            pfn = getattr(item, "pfn", -1)
            subject = item if isinstance(item, Table | Mapping) else tables.get(pfn) or leaves.get(pfn)
            if subject and intervals.touches(range(subject.start, subject.end), memmap):
                continue
            yield Problem(f"the add failed, but of {called} this stayed behind: {_named(item)}", subject=subject)
        for item in sorted(before - after, key=str):
            yield Problem(f"the add failed, but of {called} this is gone: {_named(item)}")


def _tried_again(step: Step) -> Iterator[Problem]:
    """Yield what is wrong with an add that failed before for want of memory, and has it now."""
    if step.failed:
        yield Problem(
            f"the add failed for want of memory; tried again with memory, it returns {step.observation.returned}"
        )
    if step.first is None:
        return
    page_bytes = step.geometry.page_bytes
    if _spans(step.state, page_bytes) != _spans(step.first, page_bytes):
        yield from _compared(step.state.mappings, step.first.mappings)
    yield from _compared(step.state.tables, step.first.tables)
    for name in ("present", "altmaps", "counters"):
        now, first = getattr(step.state, name), getattr(step.first, name)
        if now != first:
            yield Problem(f"the add was tried again: {name} {now}, where they are {first} without the failure before")


def _spans(state: State, page_bytes: int) -> tuple[Intervals, Intervals]:
    """Return what is mapped by PTE pages, and what by larger leaves."""
    runs = Mappings.of(state.mappings, page_bytes).runs
    pages = intervals.union(run.span for run in runs if run.size == page_bytes)
    return pages, intervals.union(run.span for run in runs if run.size != page_bytes)


def _compared(now: Sequence[Mapping | Table], first: Sequence[Mapping | Table]) -> Iterator[Problem]:
    """Compare by place; which memory the entries lead to may differ."""
    there, wanted = {_place(each): each for each in now}, {_place(each): each for each in first}
    for place in sorted(there.keys() - wanted.keys()):
        yield Problem(
            f"the add was tried again: there is {there[place]}, but not without the failure before",
            subject=there[place],
        )
    for place in sorted(wanted.keys() - there.keys()):
        yield Problem(
            f"the add was tried again: {wanted[place]} is missing, but not without the failure before",
            subject=wanted[place],
        )


def _place(each: Mapping | Table) -> tuple[int, int, int]:
    return each.start, each.end, each.level if isinstance(each, Table) else 0


def _named(item: object) -> str:
    return f"pfns [{item.start:#x}, {item.stop:#x})" if isinstance(item, range) else str(item)


FAILED_ADD_UNDONE = Invariant(
    "failed-add-undone",
    "an add that returns an error leaves everything as it was, and can be tried again",
    _check,
    otherwise=lambda step: step.is_retry or step.failed,
)
