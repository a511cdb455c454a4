# SPDX-License-Identifier: GPL-2.0-or-later
"""altmap-balanced: each altmap gets back what it gave."""

from collections.abc import Iterator

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


def _given(step: Step, altmap: AltmapState) -> int:
    """Count the pages of an altmap that are handed out."""
    return sum(
        run.nr << run.order
        for run in step.blocks.runs
        if run.owner.kind is OwnerKind.ALTMAP and run.owner.start_pfn == altmap.start_pfn
    )


ALTMAP_BALANCED = Invariant("altmap-balanced", "each altmap gets back what it gave", _check)
