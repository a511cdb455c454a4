# SPDX-License-Identifier: GPL-2.0-or-later
"""counters-balanced: statistics return to their start; constructors and destructors pair up."""

from collections.abc import Iterator

from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Constructed, Destructed


def _check(step: Step) -> Iterator[Problem]:
    baseline = step.baseline
    if step.refused or step.stopped:
        return  # a refused request changes nothing at all: that is the subject of refusals
    if _as_at_start(step):
        start = dict(baseline.state.counters)
        for name, value in step.state.counters:
            if value != start.get(name, 0):
                yield Problem(
                    f"{name} is {value} after all that was added was removed; it was {start.get(name, 0)} before"
                )
    elif not step.after.ranges and not step.after.early:
        for name, value in step.state.counters:
            if value:
                yield Problem(f"{name} is {value} though no memory is left")
    yield from _pairs(step)


def _as_at_start(step: Step) -> bool:
    """Whether just those ranges are present that were when boot was over."""
    now, start = step.after, step.baseline.model
    return len(now.ranges) == len(start.ranges) and now.early == start.early and set(now.ranges) == set(start.ranges)


def _pairs(step: Step) -> Iterator[Problem]:
    constructed = set(step.previous.constructed)
    for event in step.events.others:
        if isinstance(event, Constructed):
            if event.pfn in constructed:
                yield Problem(f"the constructor ran twice on the page-table page at pfn {event.pfn:#x}")
            constructed.add(event.pfn)
        elif isinstance(event, Destructed):
            if event.pfn not in constructed:
                yield Problem(f"the destructor ran on pfn {event.pfn:#x}, whose constructor did not run")
            constructed.discard(event.pfn)
    tables = {table.pfn for table in step.state.tables}
    for pfn in sorted(constructed - tables):
        yield Problem(f"the page-table page at pfn {pfn:#x} is gone, but its destructor did not run")


COUNTERS_BALANCED = Invariant(
    "counters-balanced",
    "the statistics return to their start; constructors and destructors of page-table pages pair up",
    _check,
    is_soft=True,
)
