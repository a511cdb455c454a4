# SPDX-License-Identifier: GPL-2.0-or-later
"""altmap-balanced: each altmap gets back what it gave, and counts so that it gives no page twice."""

from collections.abc import Iterator

from vmemcheck.entries import BlockRun
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import AltmapReleased, AltmapState, OwnerKind


def _check(step: Step) -> Iterator[Problem]:
    for event in step.events.others:
        if not isinstance(event, AltmapReleased) or not event.altmap.alloc:
            continue
        # What a failed add left behind counts rightly, and is the subject of failed-add-undone.
        if not step.failed or event.altmap.alloc != _given(step, event.altmap):
            yield Problem(
                f"the altmap of pfn {event.altmap.start_pfn:#x} went away with {event.altmap.alloc} pages still counted"
                " as allocated"
            )
    for altmap in step.state.altmaps:
        given = _given(step, altmap)
        if altmap.alloc != given:
            yield Problem(
                f"the altmap of pfn {altmap.start_pfn:#x} counts {altmap.alloc} pages as allocated, but {given} are"
            )
        elif given and (following := _next_page(altmap)) < _end_of_given(step, altmap):
            yield Problem(
                f"the altmap of pfn {altmap.start_pfn:#x} counts {altmap.align} pages as skipped, so that the next page"
                f" that it gives is {following:#x}, which is in use or before one that is"
            )


def _given(step: Step, altmap: AltmapState) -> int:
    """Count the pages of an altmap that are handed out."""
    return sum(run.nr << run.order for run in _runs(step, altmap))


def _runs(step: Step, altmap: AltmapState) -> Iterator[BlockRun]:
    for run in step.blocks.runs:
        if run.owner.kind is OwnerKind.ALTMAP and run.owner.start_pfn == altmap.start_pfn:
            yield run


def _next_page(altmap: AltmapState) -> int:
    """Return the pfn from which an altmap gives next.

    Source: mm/sparse-vmemmap.c: vmem_altmap_next_pfn()
    """
    return altmap.start_pfn + altmap.reserve + altmap.alloc + altmap.align


def _end_of_given(step: Step, altmap: AltmapState) -> int:
    """Return the pfn behind the last page of an altmap that is handed out."""
    last = (max(run.pfn, run.pfn + (run.nr - 1) * run.pfn_step) + (1 << run.order) for run in _runs(step, altmap))
    return max(last, default=0)


ALTMAP_BALANCED = Invariant("altmap-balanced", "each altmap gets back what it gave, and gives no page twice", _check)
