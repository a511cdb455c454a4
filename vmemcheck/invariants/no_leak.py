# SPDX-License-Identifier: GPL-2.0-or-later
"""no-leak: what serves no present memmap is neither mapped nor allocated."""

import itertools
from collections.abc import Iterator

from vmemcheck import intervals
from vmemcheck.invariant import PROBLEMS_SHOWN, Invariant, Problem, Step, never
from vmemcheck.observation import Mapping
from vmemcheck.situation import Situation


def _check(step: Step) -> Iterator[Problem]:
    if step.failed or step.refused or step.stopped:
        return  # what these leave behind is the subject of failed-add-undone, refusals and no-warning
    yield from step.now.ask(_leaks)


def _leaks(now: Situation) -> Iterator[Problem]:
    # Where no more is mapped than required, each mapped page is needed.
    if now.mapped != now.required and intervals.subtract(now.mapped, now.required):
        yield from _needless(now)
    for table in now.state.tables:
        if not intervals.touches(range(table.start, table.end), now.memmap):
            yield Problem(
                f"{table} is allocated, but no memmap in it is present",
                subject=table,
            )
    if now.blocks.are_apart and now.in_use == now.blocks.pages:
        return
    for run in now.blocks.runs:
        if run.order == 0 and run.pages and not intervals.subtract([run.pages], now.in_use):
            continue
        for block in run.blocks():
            if not intervals.touches(range(block.pfn, block.pfn + (1 << block.order)), now.in_use):
                because = f"{block} is allocated, but nothing maps it"
                yield Problem(because, subject=block)


def _needless(now: Situation) -> Iterator[Problem]:
    for run in now.mappings.runs:
        around = intervals.containing(run.start, now.memmap)
        if around and run.span.stop <= around.stop:
            continue
        mappings = now.mappings.of_run(run)
        if intervals.touches(run.span, now.memmap):
            for mapping in mappings:
                if not intervals.touches(range(mapping.start, mapping.end), now.memmap):
                    yield _objection(mapping)
            continue
        # Hundreds may stay where a whole range was.
        *first, last = itertools.islice(mappings, PROBLEMS_SHOWN + 1)
        yield from map(_objection, first)
        yield _objection(last, run.nr - len(first) - 1)


def _objection(mapping: Mapping, more: int = 0) -> Problem:
    return Problem(f"{mapping} is mapped, but no memmap in it is present", subject=mapping, more=more)


NO_LEAK = Invariant(
    "no-leak",
    "a vmemmap page or table whose granule holds no present memmap is neither mapped nor allocated",
    _check,
    situation=(_leaks,),
    otherwise=never,
)
