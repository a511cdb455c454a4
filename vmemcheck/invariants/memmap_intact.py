# SPDX-License-Identifier: GPL-2.0-or-later
"""memmap-intact: nobody writes over live struct pages."""

from collections.abc import Iterator

from vmemcheck import intervals
from vmemcheck.entries import ContentRun, Contents
from vmemcheck.intervals import Intervals
from vmemcheck.invariant import Invariant, Problem, never
from vmemcheck.model import LiveRange
from vmemcheck.observation import Content, Extent
from vmemcheck.situation import Situation


def _check(now: Situation) -> Iterator[Problem]:
    for live in now.model.ranges:
        if live.initialised:
            yield from _check_range(now, live)


def _check_range(now: Situation, live: LiveRange) -> Iterator[Problem]:
    span = now.geometry.memmap_range(live.start_pfn, live.nr_pages)
    # Ascending and apart.
    tails = tuple(now.model.shared_tails(live))
    for run in Contents.of(now.state.contents).runs:
        if run.start >= span.stop or run.start + run.nr * (run.end - run.start) <= span.start:
            continue
        if run.content is Content.LIVE and (run.of == run.start if run.nr == 1 else _are_tails(run, tails)):
            continue
        for extent in Contents((run,)):
            yield from _check_extent(live, extent, span, tails)


def _check_extent(live: LiveRange, extent: Extent, span: range, tails: Intervals) -> Iterator[Problem]:
    start, end = max(extent.start, span.start), min(extent.end, span.stop)
    if start >= end or (extent.content is Content.LIVE and _right(extent, start, end, tails)):
        return
    found = extent.content.value
    if extent.content is Content.LIVE:
        found = f"the struct pages of vmemmap {extent.of + start - extent.start:#x}"
    yield Problem(
        f"vmemmap [{start:#x}, {end:#x}) held live struct pages of pfns"
        f" [{live.pfns.start:#x}, {live.pfns.stop:#x}) and now holds {found}"
    )


def _are_tails(run: ContentRun, tails: Intervals) -> bool:
    """Whether all stretches of a run, and the struct pages that they hold, are in one tail."""
    size = run.end - run.start
    tail = intervals.containing(run.start, tails)
    return (
        tail is not None
        and run.start + run.nr * size <= tail.stop
        and tail.start <= run.of
        and run.of + size <= tail.stop
    )


def _right(extent: Extent, start: int, end: int, tails: Intervals) -> bool:
    """Whether the struct pages of ``[start, end)`` are its own, or those of a tail page that it shares."""
    shift = extent.of - extent.start
    if shift == 0:
        return True
    tail = intervals.containing(start, tails)
    return tail is not None and end <= tail.stop and tail.start <= start + shift and end + shift <= tail.stop


MEMMAP_INTACT = Invariant(
    "memmap-intact",
    "nobody writes over live struct pages: no PAGE_UNUSED, no page-table entry, no neighbour's clearing",
    lambda step: step.now.ask(_check),
    situation=(_check,),
    otherwise=never,
)
