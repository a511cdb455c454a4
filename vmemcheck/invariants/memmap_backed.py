# SPDX-License-Identifier: GPL-2.0-or-later
"""memmap-backed: what is behind present memmap is allocated, the right owner's, and nobody else's."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from vmemcheck import intervals
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Block, Mapping, OwnerKind


def _check(step: Step) -> Iterator[Problem]:
    present = [m for m in step.state.mappings if intervals.touches(range(m.start, m.end), step.memmap)]
    starts = [block.pfn for block in step.state.blocks]
    for mapping in present:
        pages = _pages(step, mapping)
        block = _block_of(step.state.blocks, starts, pages)
        named = f"{mapping.kind.value} {mapping.start:#x} is backed by pfn {mapping.pfn:#x}"
        if block is None:
            yield Problem(f"{named}, which is not allocated")
        elif block.owner.kind is OwnerKind.ALTMAP and not _only_of(step, mapping, block.owner.start_pfn):
            yield Problem(f"{named} of the {block.owner}, but holds memmap of another range")
    yield from _shared(step, present)
    tables = intervals.union(range(table.pfn, table.pfn + 1) for table in step.state.tables)
    for mapping in present:
        if intervals.touches(_pages(step, mapping), tables):
            yield Problem(f"{mapping.kind.value} {mapping.start:#x} is backed by a page-table page, pfn {mapping.pfn:#x}")


def _start(span: range) -> int:
    return span.start


def _pages(step: Step, mapping: Mapping) -> range:
    return range(mapping.pfn, mapping.pfn + (mapping.end - mapping.start) // step.geometry.page_bytes)


def _block_of(blocks: Sequence[Block], starts: list[int], pages: range) -> Block | None:
    """Return the block that holds all of ``pages``; ``starts`` are the first pfns of ``blocks``, ascending."""
    index = bisect_right(starts, pages.start) - 1
    if index < 0 or pages.stop > blocks[index].pfn + (1 << blocks[index].order):
        return None
    return blocks[index]


def _only_of(step: Step, mapping: Mapping, start_pfn: int) -> bool:
    """Whether all present memmap in ``mapping`` is that of the range that starts at ``start_pfn``."""
    own = [step.geometry.memmap_range(r.start_pfn, r.nr_pages) for r in step.after.ranges if r.start_pfn == start_pfn]
    inside = intervals.intersect([range(mapping.start, mapping.end)], step.memmap)
    return not intervals.subtract(inside, intervals.union(own))


def _shared(step: Step, present: list[Mapping]) -> Iterator[Problem]:
    """Yield each mapping whose memory an earlier one has too, unless both are tails of one compound page."""
    # Not united: neighbouring compound pages have tails of their own.
    tails = tuple(sorted((t for live in step.after.ranges for t in step.after.shared_tails(live)), key=_start))
    by_pfn = sorted(present, key=lambda mapping: mapping.pfn)
    for left, right in zip(by_pfn, by_pfn[1:], strict=False):
        if right.pfn >= _pages(step, left).stop:
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
