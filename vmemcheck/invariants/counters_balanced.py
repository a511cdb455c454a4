# SPDX-License-Identifier: GPL-2.0-or-later
"""counters-balanced: statistics return to what they were with the same memory; constructors and destructors pair up."""

from collections.abc import Iterator

from vmemcheck.entries import Mappings
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Constructed, Destructed, State


def _check(step: Step) -> Iterator[Problem]:
    if step.refused or step.stopped:
        return  # a refused request changes nothing at all: that is the subject of refusals
    # Memory that a failed add left behind is counted, and is the subject of failed-add-undone.
    if not (step.failed and step.state.present != step.previous.present):
        yield from _statistics(step)
    yield from _pairs(step)


def _statistics(step: Step) -> Iterator[Problem]:
    alike = step.alike or _start(step)
    if alike and _is_mapped_alike(step, alike):
        before = dict(alike.counters)
        for name, value in step.state.counters:
            if value != before.get(name, 0):
                yield Problem(
                    f"{name} is {value}; it was {before.get(name, 0)} when the same memory was present before"
                )
    elif not step.after.ranges and not step.after.early:
        for name, value in step.state.counters:
            if value:
                yield Problem(f"{name} is {value} though no memory is left")


def _start(step: Step) -> State | None:
    """Return the state when boot was over, where just that memory is present again."""
    now, start = step.after, step.baseline.model
    alike = len(now.ranges) == len(start.ranges) and now.early == start.early and set(now.ranges) == set(start.ranges)
    return step.baseline.state if alike else None


def _is_mapped_alike(step: Step, alike: State) -> bool:
    """Whether as much is mapped as then; base pages in the place of a leaf may be fewer. At the start it must be."""
    return alike is step.baseline.state or Mappings.of(alike.mappings, step.geometry.page_bytes).spans == step.mapped


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
    "the statistics are what they were with the same memory before; constructors and destructors of page-table pages"
    " pair up",
    _check,
    is_soft=True,
)
