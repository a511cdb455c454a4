# SPDX-License-Identifier: GPL-2.0-or-later
"""tables-sound: page-table pages are empty when linked and when freed, synchronised before use; leaves are aligned."""

from collections.abc import Iterator

from vmemcheck import intervals
from vmemcheck.entries import Events
from vmemcheck.invariant import Invariant, Problem, Step, never
from vmemcheck.observation import Synced, TableFreed, TableLinked, TopLinked, Touched
from vmemcheck.situation import Situation


def _check(step: Step) -> Iterator[Problem]:
    yield from step.events.ask(_not_empty)
    if step.events.ask(_linked_at_the_top):
        yield from _synchronised(step)
    yield from step.now.ask(_aligned)


def _not_empty(events: Events) -> Iterator[Problem]:
    for event in events.others:
        if isinstance(event, TableLinked) and event.stale_entries:
            yield Problem(
                f"{event.table} was linked as a new one with {event.stale_entries} entries that do not read as none"
            )
        elif isinstance(event, TableFreed) and event.entries_left:
            yield Problem(f"{event.table} was freed with {event.entries_left} entries left", event.where)


def _linked_at_the_top(events: Events) -> Iterator[TopLinked]:
    return (event for event in events.others if isinstance(event, TopLinked))


def _aligned(now: Situation) -> Iterator[Problem]:
    """Yield each leaf whose memory does not start at a multiple of its size: no MMU can map that."""
    for run in now.mappings.leaves:
        nr_pages = run.size // now.geometry.page_bytes
        if (run.pfn | (run.pfn_step if run.nr > 1 else 0)) & (nr_pages - 1):
            for mapping in now.mappings.of_run(run):
                if mapping.pfn % nr_pages:
                    yield Problem(
                        f"{mapping} leads to pfn {mapping.pfn:#x}, no multiple of the {nr_pages} pages it maps",
                        subject=mapping,
                    )


def _synchronised(step: Step) -> Iterator[Problem]:
    pending: intervals.Intervals = ()
    for event in step.events.others:
        if isinstance(event, TopLinked):
            pending = intervals.union([*pending, range(event.start, event.end)])
        elif isinstance(event, Synced):
            pending = intervals.subtract(pending, (range(event.start, event.end),))
        elif isinstance(event, Touched) and intervals.touches(range(event.start, event.end), pending):
            yield Problem(
                f"vmemmap {event.start:#x} was used before the new top-level entry that maps it was copied to every"
                " page-table root"
            )
            return
    # Below an entry that a failed add leaves behind nothing is mapped: whoever maps something there copies it.
    needed = [span for span in pending if intervals.intersect([span], step.mapped)]
    if needed:
        yield Problem(f"the new top-level entry for {needed[0].start:#x} was never copied to every page-table root")


TABLES_SOUND = Invariant(
    "tables-sound",
    "a table is freed only when empty, new tables read as none, top-level entries are synchronised before first use,"
    " the memory of a leaf is aligned to its size",
    _check,
    situation=(_aligned,),
    events=(_not_empty, _linked_at_the_top),
    otherwise=never,
)
