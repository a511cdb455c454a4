# SPDX-License-Identifier: GPL-2.0-or-later
"""memmap-backed: what is behind present memmap is allocated, the right owner's, and nobody else's."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from vmemcheck import intervals
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Block, Mapping, OwnerKind


def _check(step: Step) -> Iterator[Problem]:
    present = _present_mappings(step)
    exact = {block.pfn: block for block in step.state.blocks}
    starts = [block.pfn for block in step.state.blocks]
    tables = {table.pfn for table in step.state.tables}
    page_bytes = step.geometry.page_bytes
    for mapping in present:
        nr_pages = (mapping.end - mapping.start) // page_bytes
        block = exact.get(mapping.pfn)
        if block is None or nr_pages > 1 << block.order:
            block = _block_of(step.state.blocks, starts, range(mapping.pfn, mapping.pfn + nr_pages))
        named = f"{mapping.kind.value} {mapping.start:#x} is backed by pfn {mapping.pfn:#x}"
        if block is None:
            yield Problem(f"{named}, which is not allocated")
        elif block.owner.kind is OwnerKind.ALTMAP and not _only_of(step, mapping, block.owner.start_pfn):
            yield Problem(f"{named} of the {block.owner}, but holds memmap of another range")
        if mapping.pfn in tables or (nr_pages > 1 and any(0 <= pfn - mapping.pfn < nr_pages for pfn in tables)):
            yield Problem(f"{named}, in which is a page-table page")
    yield from _shared(step, present)


def _present_mappings(step: Step) -> Sequence[Mapping]:
    """Return the leaf entries that hold memmap of what is present."""
    if not intervals.subtract(step.mapped, step.required):
        return step.state.mappings
    return [m for m in step.state.mappings if intervals.touches(range(m.start, m.end), step.memmap)]


def _start(span: range) -> int:
    return span.start


def _block_of(blocks: Sequence[Block], starts: list[int], pages: range) -> Block | None:
    """Return the block that holds all of ``pages``; ``starts`` are the first pfns of ``blocks``, ascending."""
    index = bisect_right(starts, pages.start) - 1
    if index < 0 or pages.stop > blocks[index].pfn + (1 << blocks[index].order):
        return None
    return blocks[index]


def _only_of(step: Step, mapping: Mapping, start_pfn: int) -> bool:
    """Whether all present memmap in ``mapping`` is that of the range that starts at ``start_pfn``."""
    own = [step.geometry.memmap_range(r.start_pfn, r.nr_pages) for r in step.after.ranges if r.start_pfn == start_pfn]
    if any(span.start <= mapping.start and mapping.end <= span.stop for span in own):
        return True
    inside = intervals.intersect([range(mapping.start, mapping.end)], step.memmap)
    return not intervals.subtract(inside, intervals.union(own))


def _shared(step: Step, present: Sequence[Mapping]) -> Iterator[Problem]:
    """Yield each mapping whose memory an earlier one has too, unless both are tails of one compound page."""
    # Not united: neighbouring compound pages have tails of their own.
    tails = tuple(sorted((t for live in step.after.ranges for t in step.after.shared_tails(live)), key=_start))
    page_bytes = step.geometry.page_bytes
    by_pfn = sorted(present, key=lambda mapping: mapping.pfn)
    for left, right in pairwise(by_pfn):
        if right.pfn >= left.pfn + (left.end - left.start) // page_bytes:
            continue
        tail = intervals.containing(left.start, tails)
        if tail is None or right.start not in tail or max(left.end, right.end) > tail.stop:
            yield Problem(
                f"vmemmap {left.start:#x} and {right.start:#x} are backed by the same page, pfn {right.pfn:#x},"
                " and are not tail pages of one compound page"
            )


MEMMAP_BACKED = Invariant(
    "memmap-backed",
    "what backs present memmap is allocated, belongs to the right owner, and is shared only by the tail pages"
    " of one compound devmap",
    _check,
)
