# SPDX-License-Identifier: GPL-2.0-or-later
"""memmap-mapped: the memmap of what is present is mapped, at all times."""

from collections.abc import Iterator

from vmemcheck import intervals
from vmemcheck.entries import Events
from vmemcheck.intervals import Intervals
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Unmapped
from vmemcheck.situation import Situation


def _check(step: Step) -> Iterator[Problem]:
    missing = step.now.ask(_missing)
    for hole in missing:
        address = hole.start
        unmapping = next(
            (event for event in _unmapped(step) if event.mapping.start <= address < event.mapping.end), None
        )
        yield Problem(
            f"the memmap of {_described(step, address)} needs vmemmap page {address:#x}, which is not mapped",
            unmapping.where if unmapping else None,
        )
    if missing or not step.events.unmapped:
        return
    # Mapped again at the end, but not in between: whoever looked at a struct page then has crashed.
    kept = intervals.intersect(step.was.required, step.required)
    if not intervals.intersect(step.events.ask(_unmapped_spans), kept):
        return
    for event in _unmapped(step):
        span = range(event.mapping.start, event.mapping.end)
        if intervals.touches(span, kept):
            yield Problem(
                f"{event.mapping.kind.value} {span.start:#x} was cleared for a time, while present memmap was in it",
                event.where,
            )


def _missing(now: Situation) -> Intervals:
    return () if now.required == now.mapped else intervals.subtract(now.required, now.mapped)


def _unmapped_spans(events: Events) -> Intervals:
    return intervals.union(run.span for run in events.unmapped)


def _unmapped(step: Step) -> Iterator[Unmapped]:
    return (event for event in step.observation.events if isinstance(event, Unmapped))


def _described(step: Step, address: int) -> str:
    """Name the present pages whose struct pages are in the vmemmap page at ``address``."""
    page = range(address, address + step.geometry.page_bytes)
    for live in step.after.ranges:
        if intervals.touches(page, (step.geometry.memmap_range(live.start_pfn, live.nr_pages),)):
            return f"{live.door.value} range pfns [{live.pfns.start:#x}, {live.pfns.stop:#x})"
    return "an early section"


MEMMAP_MAPPED = Invariant(
    "memmap-mapped",
    "the memmap of every present range is mapped, all of it, at all times",
    _check,
    situation=(_missing,),
    otherwise=lambda step: step.events.unmapped,
)
