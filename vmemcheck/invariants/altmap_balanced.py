# SPDX-License-Identifier: GPL-2.0-or-later
"""altmap-balanced: each altmap gets back what it gave, and counts so that it gives no page twice."""

from collections.abc import Iterator

from vmemcheck.entries import BlockRun, Events
from vmemcheck.invariant import Invariant, Problem, Step, never
from vmemcheck.observation import AltmapReleased, AltmapState, OwnerKind
from vmemcheck.situation import Situation


def _check(step: Step) -> Iterator[Problem]:
    for altmap in step.events.ask(_gone_in_use):
        # What a failed add left behind counts rightly, and is the subject of failed-add-undone.
        if not step.failed or altmap.alloc != _given(step.now, altmap):
            yield Problem(
                f"the altmap of pfn {altmap.start_pfn:#x} went away with {altmap.alloc} pages still counted as"
                " allocated"
            )
    yield from step.now.ask(_miscounted)


def _gone_in_use(events: Events) -> Iterator[AltmapState]:
    return (event.altmap for event in events.others if isinstance(event, AltmapReleased) and event.altmap.alloc)


def _miscounted(now: Situation) -> Iterator[Problem]:
    for altmap in now.state.altmaps:
        given = _given(now, altmap)
        if altmap.alloc != given:
            yield Problem(
                f"the altmap of pfn {altmap.start_pfn:#x} counts {altmap.alloc} pages as allocated, but {given} are"
            )
        elif given and (following := _next_page(altmap)) < _end_of_given(now, altmap):
            yield Problem(
                f"the altmap of pfn {altmap.start_pfn:#x} counts {altmap.align} pages as skipped, so that the next page"
                f" that it gives is {following:#x}, which is in use or before one that is"
            )


def _given(now: Situation, altmap: AltmapState) -> int:
    """Count the pages of an altmap that are handed out."""
    return sum(run.nr << run.order for run in _runs(now, altmap))


def _runs(now: Situation, altmap: AltmapState) -> Iterator[BlockRun]:
    for run in now.blocks.runs:
        if run.owner.kind is OwnerKind.ALTMAP and run.owner.start_pfn == altmap.start_pfn:
            yield run


def _next_page(altmap: AltmapState) -> int:
    """Return the pfn from which an altmap gives next.

    Source: mm/sparse-vmemmap.c: vmem_altmap_next_pfn()
    """
    return altmap.start_pfn + altmap.reserve + altmap.alloc + altmap.align


def _end_of_given(now: Situation, altmap: AltmapState) -> int:
    """Return the pfn behind the last page of an altmap that is handed out."""
    last = (max(run.pfn, run.pfn + (run.nr - 1) * run.pfn_step) + (1 << run.order) for run in _runs(now, altmap))
    return max(last, default=0)


ALTMAP_BALANCED = Invariant(
    "altmap-balanced",
    "each altmap gets back what it gave, and gives no page twice",
    _check,
    situation=(_miscounted,),
    events=(_gone_in_use,),
    otherwise=never,
)
