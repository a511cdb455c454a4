# SPDX-License-Identifier: GPL-2.0-or-later
"""memmap-intact: nobody writes over live struct pages."""

from collections.abc import Iterator

from vmemcheck.intervals import Intervals
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.model import LiveRange
from vmemcheck.observation import Content, Extent


def _check(step: Step) -> Iterator[Problem]:
    for live in step.after.ranges:
        if live.initialised:
            yield from _check_range(step, live)


def _check_range(step: Step, live: LiveRange) -> Iterator[Problem]:
    span = step.geometry.memmap_range(live.start_pfn, live.nr_pages)
    tails = tuple(step.after.shared_tails(live))
    for extent in step.state.contents:
        start, end = max(extent.start, span.start), min(extent.end, span.stop)
        if start >= end or (extent.content is Content.LIVE and _right(extent, start, end, tails)):
            continue
        found = extent.content.value
        if extent.content is Content.LIVE:
            found = f"the struct pages of vmemmap {extent.of + start - extent.start:#x}"
        yield Problem(
            f"vmemmap [{start:#x}, {end:#x}) held live struct pages of pfns"
            f" [{live.pfns.start:#x}, {live.pfns.stop:#x}) and now holds {found}"
        )


def _right(extent: Extent, start: int, end: int, tails: Intervals) -> bool:
    """Whether the struct pages of ``[start, end)`` are its own, or those of a tail page that it shares."""
    shift = extent.of - extent.start
    if shift == 0:
        return True
    return any(
        tail.start <= start and end <= tail.stop and tail.start <= start + shift and end + shift <= tail.stop
        for tail in tails
    )


MEMMAP_INTACT = Invariant(
    "memmap-intact",
    "nobody writes over live struct pages: no PAGE_UNUSED, no page-table entry, no neighbour's clearing",
    _check,
)
