# SPDX-License-Identifier: GPL-2.0-or-later
"""counters-balanced: statistics are those of the memmap that is there; constructors and destructors pair up."""

from collections.abc import Iterator

from vmemcheck import intervals
from vmemcheck.entries import Events, MappingRun, Mappings
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import DIRECT_MAP, USAGE_MAPS, Constructed, Destructed, State
from vmemcheck.situation import Situation


def _check(step: Step) -> Iterator[Problem]:
    if step.refused or step.stopped:
        return  # a refused request changes nothing at all: that is the subject of refusals
    # Memory that a failed add left behind is counted, and is the subject of failed-add-undone.
    if not (step.failed and step.state.present != step.previous.present):
        problems = list(_statistics(step))
        yield from problems or step.now.ask(_amounts)
    yield from _direct_map(step)
    yield from _pairs(step)


def _statistics(step: Step) -> Iterator[Problem]:
    alike = step.alike or _start(step)
    if alike and _is_mapped_alike(step, alike):
        if alike.counters == step.state.counters:
            return
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


def _direct_map(step: Step) -> Iterator[Problem]:
    """Yield a change of what is counted for the direct map: no memmap is a part of it.

    Source: arch/x86/mm/init_64.c: remove_pagetable(), which serves both; vmemmap_free() passes direct as false
    """
    if step.state.counters is step.previous.counters:
        return
    before, now = (dict(state.counters).get(DIRECT_MAP, 0) for state in (step.previous, step.state))
    if now != before:
        yield Problem(f"{DIRECT_MAP}, of the direct map, went from {before} to {now}")


def _start(step: Step) -> State | None:
    """Return the state when boot was over, where just that memory is present again."""
    now, start = step.after, step.baseline.model
    alike = len(now.ranges) == len(start.ranges) and now.early == start.early and set(now.ranges) == set(start.ranges)
    return step.baseline.state if alike else None


def _is_mapped_alike(step: Step, alike: State) -> bool:
    """Whether as much is mapped as then; base pages in the place of a leaf may be fewer. At the start it must be."""
    return alike is step.baseline.state or Mappings.of(alike.mappings, step.geometry.page_bytes).spans == step.mapped


def _amounts(now: Situation) -> Iterator[Problem]:
    """Yield each statistic that is not what the memmap comes to.

    How much of a leaf that is used in part is counted is the kernel's affair, and whether pages of an altmap are: its
    comment on nr_memmap_pages speaks of the buddy allocator only, its code counts them all.

    Source: mm/vmstat.c: memmap_pages_add(); mm/sparse-vmemmap.c: section_nr_vmemmap_pages()
    """
    page_bytes = now.geometry.page_bytes
    counters = {name: value for name, value in now.state.counters if name not in (USAGE_MAPS, DIRECT_MAP)}
    if not counters:
        return
    early = len(now.model.early) * -(-now.geometry.section_memmap_bytes // page_bytes)
    if counters.get("nr_memmap_boot_pages", early) != early:
        yield Problem(
            f"nr_memmap_boot_pages is {counters['nr_memmap_boot_pages']}; the memmap of the early sections has {early}"
        )
    total = sum(counters.values())
    least = sum(map(len, now.required)) // page_bytes
    if total == least and not any(live.vmemmap_shift for live in now.model.ranges):
        return
    least, most = _bounds(now)
    if not least <= total <= most:
        expected = f"{least}" if least == most else f"between {least} and {most}"
        names = " and ".join(counters)
        yield Problem(
            f"{names} {'are' if len(counters) > 1 else 'is'} {total}; the memmap that is there has {expected}"
        )


def _bounds(now: Situation) -> tuple[int, int]:
    """Return how many pages of memmap there are, at least and at most."""
    page_bytes = now.geometry.page_bytes
    pages = [run for run in now.mappings.runs if run.size == page_bytes]
    leaves = [run.span for run in now.mappings.leaves]
    # Tail pages of compound pages share theirs.
    least = most = sum(map(len, now.mappings.base_pages)) + sum(map(len, leaves)) // page_bytes
    if now.mapped != now.required:
        # What is mapped without need is the subject of no-leak.
        needed = [(run, part) for run in pages for part in intervals.intersect([run.span], now.required)]
        least = sum(map(len, intervals.union(span for run, part in needed for span in _pfns(run, part, page_bytes))))
        least += sum(map(len, intervals.intersect(leaves, now.required))) // page_bytes
    if now.geometry.subsection_memmap_bytes % page_bytes:
        # Each part of a range in a section is counted by its size, rounded up, wherever in a page it begins and ends.
        parts = (now.geometry.sections(live.start_pfn, live.nr_pages) for live in now.model.ranges)
        slack = sum(1 for part in parts for _ in part)
        least, most = least - slack, most + slack
    return least - sum(altmap.alloc for altmap in now.state.altmaps), most


def _pfns(run: MappingRun, part: range, page_bytes: int) -> Iterator[range]:
    """Yield the pages that a part of a run of base pages leads to."""
    nr, first = len(part) // page_bytes, run.pfn + (part.start - run.start) // page_bytes * run.pfn_step
    if abs(run.pfn_step) > 1:
        yield from (range(pfn, pfn + 1) for pfn in range(first, first + nr * run.pfn_step, run.pfn_step))
    else:
        last = first + (nr - 1) * run.pfn_step
        yield range(min(first, last), max(first, last) + 1)


def _pairs(step: Step) -> Iterator[Problem]:
    events = step.events.ask(_paired)
    if not events and not step.previous.constructed:
        return
    constructed = set(step.previous.constructed)
    for event in events:
        if isinstance(event, Constructed):
            if event.pfn in constructed:
                yield Problem(f"the constructor ran twice on the page-table page at pfn {event.pfn:#x}")
            constructed.add(event.pfn)
        else:
            if event.pfn not in constructed:
                # With the place, it is a finding of its own, behind which others of this invariant do not hide.
                because = f"the destructor ran on pfn {event.pfn:#x}, whose constructor did not run"
                yield Problem(because, event.where)
            constructed.discard(event.pfn)
    tables = {table.pfn for table in step.state.tables}
    for pfn in sorted(constructed - tables):
        yield Problem(f"the page-table page at pfn {pfn:#x} is gone, but its destructor did not run")


def _paired(events: Events) -> Iterator[Constructed | Destructed]:
    return (event for event in events.others if isinstance(event, Constructed | Destructed))


COUNTERS_BALANCED = Invariant(
    "counters-balanced",
    "the statistics are those of the memmap that is there, and what they were with the same memory before; constructors"
    " and destructors of page-table pages pair up",
    _check,
    is_soft=True,
)
