# SPDX-License-Identifier: GPL-2.0-or-later
"""counters-balanced: statistics say what is there; constructors and destructors pair up.

They are what they were with the same memory before, and those that the kernel names count the pages of its memmap.
"""

from collections.abc import Iterator

from vmemcheck import intervals
from vmemcheck.entries import Mappings
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Constructed, Destructed, State
from vmemcheck.operation import Door

_HOT, _BOOT = "nr_memmap_pages", "nr_memmap_boot_pages"


def _check(step: Step) -> Iterator[Problem]:
    if step.refused or step.stopped:
        return  # a refused request changes nothing at all: that is the subject of refusals
    # Memory that a failed add left behind is counted, and is the subject of failed-add-undone.
    if not (step.failed and step.state.present != step.previous.present):
        yield from [*_statistics(step)] or _counted(step)
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


def _counted(step: Step) -> Iterator[Problem]:
    """Yield where a statistic is not the number of pages of memmap: shared tail pages count once, whatever maps them.

    Source: include/linux/vmstat.h: NR_MEMMAP_PAGES, NR_MEMMAP_BOOT_PAGES;
    mm/sparse-vmemmap.c: section_nr_vmemmap_pages()
    """
    counters = dict(step.state.counters)
    if _HOT in counters and (expected := _hot_pages(step)) != counters[_HOT]:
        yield Problem(f"{_HOT} is {counters[_HOT]}, but the memmap of what was added has {expected} pages")
    section = _pages_of(step.geometry, step.geometry.pages_per_section)
    if _BOOT in counters and (expected := section * len(step.after.early)) != counters[_BOOT]:
        yield Problem(f"{_BOOT} is {counters[_BOOT]}, but the memmap of early sections has {expected} pages")


def _hot_pages(step: Step) -> int:
    """Count the pages of the memmap of what was added, section by section, without those that are there twice."""
    geometry, early = step.geometry, step.after.early
    added = [live for live in step.after.ranges if live.door is not Door.BOOT]
    pages = sum(
        _pages_of(geometry, nr_pages)
        for live in added
        for section, _, nr_pages in geometry.sections(live.start_pfn, live.nr_pages)
        if section not in early  # its memmap is there since boot
    )
    compounds = intervals.union(tail for live in added for tail in step.after.shared_tails(live))
    if not compounds:
        return pages
    runs = [run for run in step.mappings.runs if intervals.touches(run.span, compounds)]
    runs = [run for run in runs if run.size == geometry.page_bytes]
    distinct = intervals.union(span for run in runs for span in run.pages(geometry.page_bytes))
    return pages - sum(run.nr for run in runs) + intervals.total(distinct)


def _pages_of(geometry: Geometry, nr_pages: int) -> int:
    return -(-nr_pages * geometry.struct_page_bytes // geometry.page_bytes)


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
    "the statistics are the pages of memmap that there are, and what they were with the same memory before;"
    " constructors and destructors of page-table pages pair up",
    _check,
    is_soft=True,
)
