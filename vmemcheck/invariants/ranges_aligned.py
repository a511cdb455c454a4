# SPDX-License-Identifier: GPL-2.0-or-later
"""ranges-aligned: what reaches the architecture is a whole number of pages."""

from collections.abc import Iterator
from functools import reduce
from operator import or_

from vmemcheck.entries import Events
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Call


def _check(step: Step) -> Iterator[Problem]:
    page_bytes = step.geometry.page_bytes
    for event in _calls(step.events):
        if event.start % page_bytes or event.end % page_bytes:
            call = f"{event.function}({event.start:#x}, {event.end:#x})"
            yield Problem(f"{call} is not aligned to the page size of {page_bytes} bytes")


def _calls(events: Events) -> Iterator[Call]:
    return (event for event in events.others if isinstance(event, Call))


def _ends(events: Events) -> Iterator[int]:
    """Yield a number that is a multiple of a page where all that calls begin and end with is, if there is a call."""
    found = [event.start | event.end for event in _calls(events)]
    if found:
        yield reduce(or_, found)


def _is_misaligned(step: Step) -> bool:
    return any(ends % step.geometry.page_bytes for ends in step.events.ask(_ends))


RANGES_ALIGNED = Invariant(
    "ranges-aligned",
    "every start and end that reaches vmemmap_populate() or vmemmap_free() is page aligned",
    _check,
    otherwise=_is_misaligned,
    is_soft=True,
)
