# SPDX-License-Identifier: GPL-2.0-or-later
"""no-warning: a valid sequence runs without WARN, BUG or fault."""

from collections.abc import Iterator

from vmemcheck.entries import Events
from vmemcheck.invariant import Invariant, Problem, Step, never
from vmemcheck.observation import Faulted, Stopped, Warned


def _check(step: Step) -> Iterator[Problem]:
    for event in step.events.ask(_alarms):
        if isinstance(event, Faulted):
            yield Problem(f"access to {event.address:#x}, which is not mapped", event.where)
        elif isinstance(event, Stopped):
            yield Problem(f"the kernel's code does not come back: {event.message}", event.where)
        elif not step.refused:
            yield Problem(f"warning: {event.message}", event.where, event)


def _alarms(events: Events) -> list[Faulted | Stopped | Warned]:
    """Return what ended the operation, then the warnings: there may have been many before."""
    found = [event for event in events.others if isinstance(event, Faulted | Stopped | Warned)]
    return sorted(found, key=lambda event: isinstance(event, Warned))


NO_WARNING = Invariant(
    "no-warning",
    "no WARN, BUG or fault happens on a valid sequence",
    _check,
    events=(_alarms,),
    otherwise=never,
)
