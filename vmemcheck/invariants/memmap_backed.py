# SPDX-License-Identifier: GPL-2.0-or-later
"""memmap-backed: what is behind present memmap is allocated, the right owner's, and nobody else's.

Runs of entries are judged as a whole where that is enough; else their entries one by one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from vmemcheck import intervals
from vmemcheck.entries import BlockRun, MappingRun
from vmemcheck.invariant import Invariant, Problem, never
from vmemcheck.observation import Block, Mapping, OwnerKind
from vmemcheck.situation import Situation


def _check(now: Situation) -> Iterator[Problem]:
    present = _present_runs(now)
    tables = [table.pfn for table in now.state.tables]
    odd = _not_surely_backed(now, present, tables)
    if odd:
        yield from _one_by_one(now, odd, tables)
    if not _surely_shared_by_tails(now) and not _are_apart(present, now.geometry.page_bytes):
        yield from _shared(now, present)
        yield from _shared_in_part(now, present)


def _present_runs(now: Situation) -> Sequence[MappingRun]:
    """Return the leaf entries that hold memmap of what is present."""
    if now.mapped == now.required or not intervals.subtract(now.mapped, now.required):
        return now.mappings.runs
    present: list[MappingRun] = []
    for run in now.mappings.runs:
        if not intervals.touches(run.span, now.memmap):
            continue
        around = intervals.containing(run.start, now.memmap)
        if run.nr == 1 or (around and run.span.stop <= around.stop):
            present.append(run)
            continue
        present.extend(
            MappingRun(mapping.start, run.size, mapping.pfn, 1, 0)
            for mapping in now.mappings.of_run(run)
            if intervals.touches(range(mapping.start, mapping.end), now.memmap)
        )
    return present


def _not_surely_backed(now: Situation, present: Sequence[MappingRun], tables: list[int]) -> list[MappingRun]:
    """Return the runs that are to be looked at one by one."""
    apart = now.blocks.runs if now.blocks.are_apart else ()
    if apart and _base_pages_are_backed(now, tables):
        present = [run for run in present if run.size != now.geometry.page_bytes] if now.mappings.leaves else ()
    starts = [block.pfn for block in apart] if present else []
    return [run for run in present if not _is_backed(now, run, apart, starts, tables)]


def _base_pages_are_backed(now: Situation, tables: list[int]) -> bool:
    """Whether what PTEs lead to is in blocks that may back any memmap, with no table in it; the blocks are apart."""
    pages, common = now.mappings.base_pages, now.blocks.common
    if now.in_use == common and intervals.total(now.in_use) == intervals.total(now.mappings.pages) + len(tables):
        return True
    return not intervals.subtract(pages, common) and not any(intervals.containing(pfn, pages) for pfn in tables)


def _surely_shared_by_tails(now: Situation) -> bool:
    """Whether surely no page is mapped twice but by the tail pages of one compound page, all of them."""
    shared = now.mappings.shared
    return shared is not None and (not shared or set(shared).issubset(_tails(now)))


def _tails(now: Situation) -> list[range]:
    """Return the vmemmap of the tails of each compound page. Not united: those of neighbours are not shared."""
    return [tail for live in now.model.ranges for tail in now.model.shared_tails(live)]


def _are_apart(runs: Sequence[MappingRun], page_bytes: int) -> bool:
    """Whether surely no page is mapped twice."""
    if any(_overlaps_itself(run, page_bytes) for run in runs):
        return False
    spans = sorted((pages.start, pages.stop) for pages in (_pages(run, run.size // page_bytes) for run in runs))
    return all(left[1] <= right[0] for left, right in pairwise(spans))


def _pages(run: MappingRun, pages: int) -> range:
    """Return the range of pages that holds all that a run leads to; ``pages`` is what an entry maps."""
    _, _, near, count, step = run
    far = near + (count - 1) * step
    return range(near, far + pages) if near <= far else range(far, near + pages)


def _is_backed(
    now: Situation, run: MappingRun, blocks: Sequence[BlockRun], starts: list[int], tables: list[int]
) -> bool:
    """Whether all entries of a run are surely backed by blocks that may back them, with no table in them."""
    nr_pages = run.size // now.geometry.page_bytes
    pages = _pages(run, nr_pages)
    if any(pfn in pages for pfn in tables):
        return False
    position, index = pages.start, bisect_right(starts, pages.start) - 1
    if index < 0:
        return False
    while position < pages.stop:
        if index == len(blocks):
            return False
        block, covered = blocks[index], blocks[index].pages
        if covered is None or position not in covered:
            return False
        # A page is in one block. A leaf is if it is aligned and the block, which is aligned too, is not smaller.
        if nr_pages > 1 and (1 << block.order < nr_pages or (run.pfn | run.pfn_step) % nr_pages):
            return False
        if block.owner.kind is OwnerKind.ALTMAP and not _holds_only(now, run, block.owner.start_pfn):
            return False
        position, index = covered.stop, index + 1
    return True


def _holds_only(now: Situation, run: MappingRun, start_pfn: int) -> bool:
    """Whether a run surely maps nothing but memmap that the altmap at ``start_pfn`` is for."""
    own = now.model.altmap_memmap(start_pfn)
    return own is not None and own.start <= run.start and run.span.stop <= own.stop


def _one_by_one(now: Situation, runs: Sequence[MappingRun], tables: list[int]) -> Iterator[Problem]:
    exact = {block.pfn: block for block in now.state.blocks}
    starts = [block.pfn for block in now.state.blocks]
    page_bytes = now.geometry.page_bytes
    for mapping in (mapping for run in runs for mapping in now.mappings.of_run(run)):
        nr_pages = (mapping.end - mapping.start) // page_bytes
        block = exact.get(mapping.pfn)
        if block is None or nr_pages > 1 << block.order:
            block = _block_of(now.state.blocks, starts, range(mapping.pfn, mapping.pfn + nr_pages))
        named = f"{mapping.kind.value} {mapping.start:#x} is backed by pfn {mapping.pfn:#x}"
        if block is None:
            yield Problem(f"{named}, which is not allocated")
        elif block.owner.kind is OwnerKind.ALTMAP and not _only_of(now, mapping, block.owner.start_pfn):
            yield Problem(f"{named} of the {block.owner}, but holds memmap of another range")
        if mapping.pfn in tables or (nr_pages > 1 and any(0 <= pfn - mapping.pfn < nr_pages for pfn in tables)):
            yield Problem(f"{named}, in which is a page-table page")


def _block_of(blocks: Sequence[Block], starts: list[int], pages: range) -> Block | None:
    """Return the block that holds all of ``pages``; ``starts`` are the first pfns of ``blocks``, ascending."""
    index = bisect_right(starts, pages.start) - 1
    if index < 0 or pages.stop > blocks[index].pfn + (1 << blocks[index].order):
        return None
    return blocks[index]


def _only_of(now: Situation, mapping: Mapping, start_pfn: int) -> bool:
    """Whether all present memmap in ``mapping`` is what the altmap at ``start_pfn`` is for."""
    own = now.model.altmap_memmap(start_pfn)
    if own and own.start <= mapping.start and mapping.end <= own.stop:
        return True
    inside = intervals.intersect([range(mapping.start, mapping.end)], now.memmap)
    return not intervals.subtract(inside, (own,) if own else ())


def _shared(now: Situation, present: Sequence[MappingRun]) -> Iterator[Problem]:
    """Yield each mapping whose memory an earlier one has too, unless both are tails of one compound page."""
    tails: intervals.Intervals | None = None
    for group in _overlapping(present, now.geometry.page_bytes):
        if tails is None:
            tails = tuple(sorted(_tails(now), key=lambda tail: tail.start))
        first = intervals.containing(group[0].start, tails)
        if len(group) > 1 or first is None or group[0].span.stop > first.stop:
            members = set(group)
            yield from _pairs(now, [run for run in present if run in members], tails)


def _overlapping(runs: Sequence[MappingRun], page_bytes: int) -> Iterator[list[MappingRun]]:
    """Yield the groups of runs that lead to the same pages, or may do so."""
    group: list[MappingRun] = []
    end = 0
    for run in sorted(runs, key=lambda run: run.pfn + min(0, (run.nr - 1) * run.pfn_step)):
        nr_pages = run.size // page_bytes
        pages = _pages(run, nr_pages)
        if group and pages.start >= end:
            if len(group) > 1 or _overlaps_itself(group[0], page_bytes):
                yield group
            group = []
        end = max(end, pages.stop) if group else pages.stop
        group.append(run)
    if len(group) > 1 or (group and _overlaps_itself(group[0], page_bytes)):
        yield group


def _overlaps_itself(run: MappingRun, page_bytes: int) -> bool:
    return run.nr > 1 and abs(run.pfn_step) < run.size // page_bytes


def _pairs(now: Situation, group: list[MappingRun], tails: intervals.Intervals) -> Iterator[Problem]:
    page_bytes = now.geometry.page_bytes
    mappings = [mapping for run in group for mapping in now.mappings.of_run(run)]
    for left, right in pairwise(sorted(mappings, key=lambda mapping: mapping.pfn)):
        if right.pfn >= left.pfn + (left.end - left.start) // page_bytes:
            continue
        tail = intervals.containing(left.start, tails)
        if tail is None or right.start not in tail or max(left.end, right.end) > tail.stop:
            yield Problem(
                f"vmemmap {left.start:#x} and {right.start:#x} are backed by the same page, pfn {right.pfn:#x},"
                " and are not tail pages of one compound page"
            )


def _shared_in_part(now: Situation, present: Sequence[MappingRun]) -> Iterator[Problem]:
    """Yield each compound page whose tail pages are neither one page nor all different.

    Either all of its struct pages are initialised, or those of its head page and first tail page only.

    Source: mm/mm_init.c, before mm/page_alloc.c: compound_nr_pages(), memmap_init_compound()
    """
    size = now.geometry.page_bytes
    runs = sorted(run for run in present if run.size == size)
    starts = [run.start for run in runs]
    for tail in _tails(now):
        pfns: set[int] = set()
        is_shared = False
        for run in runs[max(0, bisect_right(starts, tail.start) - 1) : bisect_left(starts, tail.stop)]:
            first = max(0, -((run.start - tail.start) // size))
            last = min(run.nr, (tail.stop - run.start) // size) - 1
            if first <= last:
                ends = {run.pfn + first * run.pfn_step, run.pfn + last * run.pfn_step}
                is_shared |= not pfns.isdisjoint(ends) or (first < last and run.pfn_step == 0)
                pfns |= ends
        if is_shared and len(pfns) > 1:
            yield Problem(
                f"the tail pages of the compound page in vmemmap [{tail.start - size:#x}, {tail.stop:#x}) are shared in"
                " part, and nobody initialises what is not shared"
            )


MEMMAP_BACKED = Invariant(
    "memmap-backed",
    "what backs present memmap is allocated, belongs to the right owner, and is shared only by the tail pages"
    " of one compound devmap",
    lambda step: step.now.ask(_check),
    situation=(_check,),
    otherwise=never,
)
