# SPDX-License-Identifier: GPL-2.0-or-later
"""no-warning: a valid sequence runs without WARN, BUG or fault."""

from collections.abc import Iterator

from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Faulted, Stopped, Warned


def _check(step: Step) -> Iterator[Problem]:
    events = step.events.others
    # What ended the operation comes first: there may have been many warnings before.
    for event in sorted(events, key=lambda event: not isinstance(event, Faulted | Stopped)):
        if isinstance(event, Faulted):
            yield Problem(f"access to {event.address:#x}, which is not mapped", event.where)
        elif isinstance(event, Stopped):
            yield Problem(f"the kernel's code does not come back: {event.message}", event.where)
        elif isinstance(event, Warned) and not step.refused:
            yield Problem(f"warning: {event.message}", event.where, event)


NO_WARNING = Invariant("no-warning", "no WARN, BUG or fault happens on a valid sequence", _check)
