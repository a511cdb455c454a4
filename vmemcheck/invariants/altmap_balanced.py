# SPDX-License-Identifier: GPL-2.0-or-later
"""altmap-balanced: each altmap gets back what it gave."""

from collections.abc import Iterator

from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import AltmapReleased, OwnerKind


def _check(step: Step) -> Iterator[Problem]:
    for event in step.events.others:
        if isinstance(event, AltmapReleased) and event.altmap.alloc:
            yield Problem(
                f"the altmap of pfn {event.altmap.start_pfn:#x} went away with {event.altmap.alloc} pages still counted"
                " as allocated"
            )
    for altmap in step.state.altmaps:
        given = sum(
            run.nr << run.order
            for run in step.blocks.runs
            if run.owner.kind is OwnerKind.ALTMAP and run.owner.start_pfn == altmap.start_pfn
        )
        if altmap.alloc != given:
            yield Problem(
                f"the altmap of pfn {altmap.start_pfn:#x} counts {altmap.alloc} pages as allocated, but {given} are"
            )


ALTMAP_BALANCED = Invariant("altmap-balanced", "each altmap gets back what it gave", _check)
