# SPDX-License-Identifier: GPL-2.0-or-later
"""no-leak: what serves no present memmap is neither mapped nor allocated."""

from collections.abc import Iterator

from vmemcheck import intervals
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Mapping


def _check(step: Step) -> Iterator[Problem]:
    if step.failed or step.refused or step.stopped:
        return  # what these leave behind is the subject of failed-add-undone, refusals and no-warning
    in_use = [_pfns(step, mapping) for mapping in step.state.mappings]
    if intervals.subtract(step.mapped, step.required):  # else each mapped page is needed
        for mapping in step.state.mappings:
            if not intervals.touches(range(mapping.start, mapping.end), step.memmap):
                because = f"{mapping.kind.value} {mapping.start:#x} is mapped, but no memmap in it is present"
                yield Problem(because, subject=mapping)
    for table in step.state.tables:
        in_use.append(range(table.pfn, table.pfn + 1))
        if not intervals.touches(range(table.start, table.end), step.memmap):
            yield Problem(
                f"the page-table page of level {table.level} for [{table.start:#x}, {table.end:#x}) is allocated,"
                " but no memmap in it is present",
                subject=table,
            )
    used = intervals.union(in_use)
    for block in step.state.blocks:
        if not intervals.touches(range(block.pfn, block.pfn + (1 << block.order)), used):
            because = f"the block of order {block.order} at pfn {block.pfn:#x} is allocated, but nothing maps it"
            yield Problem(because, subject=block)


def _pfns(step: Step, mapping: Mapping) -> range:
    return range(mapping.pfn, mapping.pfn + (mapping.end - mapping.start) // step.geometry.page_bytes)


NO_LEAK = Invariant(
    "no-leak",
    "a vmemmap page or table whose granule holds no present memmap is neither mapped nor allocated",
    _check,
)
