# SPDX-License-Identifier: GPL-2.0-or-later
"""ranges-aligned: what reaches the architecture is a whole number of pages."""

from collections.abc import Iterator

from vmemcheck.entries import Events
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Call


def _check(step: Step) -> Iterator[Problem]:
    page_bytes = step.geometry.page_bytes
    for event in step.events.ask(_calls):
        if event.start % page_bytes or event.end % page_bytes:
            call = f"{event.function}({event.start:#x}, {event.end:#x})"
            yield Problem(f"{call} is not aligned to the page size of {page_bytes} bytes")


def _calls(events: Events) -> Iterator[Call]:
    return (event for event in events.others if isinstance(event, Call))


RANGES_ALIGNED = Invariant(
    "ranges-aligned",
    "every start and end that reaches vmemmap_populate() or vmemmap_free() is page aligned",
    _check,
    is_soft=True,
)
