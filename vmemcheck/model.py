# SPDX-License-Identifier: GPL-2.0-or-later
"""Specification state: from the present ranges to what must and may be mapped.

The model is the oracle. It knows ranges and interval arithmetic and no page
tables; where kernels may differ (PMD leaf or PTE pages, early or late free) it
gives bounds. It is written from the documented behaviour of memory hotplug, not
from the C.
"""

import enum
from dataclasses import dataclass, field, replace
from functools import lru_cache

from vmemcheck import intervals
from vmemcheck.geometry import PMD_LEVEL, Geometry
from vmemcheck.intervals import Intervals
from vmemcheck.operation import (
    Action,
    AddDevice,
    AddMemory,
    Altmap,
    Boot,
    Door,
    Initialise,
    Operation,
    Refused,
    Remove,
    Second,
)

COMPOUND_RESERVED_PAGES = 2
"""Vmemmap pages of a compound page that are never shared: the head page and the first tail page.

Source: include/linux/mm.h: VMEMMAP_RESERVE_NR
"""

ANY_ORDER = 63
"""No compound page is larger."""


@dataclass(frozen=True, slots=True)
class LiveRange:
    """A range of pages that was added and not removed.

    :param altmap: memory that its memmap may come from, at the start of the range, or of each of its memory blocks
    :param initialised: its memmap was brought to life
    :param other_pfn: first page of the other range of its device, which is removed together with it
    :param private: only its device can reach it
    """

    # Where memory is tells most ranges apart: the rest is for comparing them.
    door: Door = field(hash=False)
    start_pfn: int
    nr_pages: int
    altmap: Altmap | None = field(default=None, hash=False)
    vmemmap_shift: int = field(default=0, hash=False)
    initialised: bool = False
    other_pfn: int | None = field(default=None, hash=False)
    private: bool = field(default=False, hash=False)

    @property
    def pfns(self) -> range:
        """The pages, ``[start, end)``."""
        return range(self.start_pfn, self.start_pfn + self.nr_pages)


class Outcome(enum.Enum):
    """What the model demands of an operation."""

    SKIPPED = "does not apply"
    SUCCEEDS = "must succeed"
    MAY_FAIL = "may fail for want of memory"
    REFUSED = "must be refused"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an operation must do.

    :param pfns: the pages that it is about, ``[start, end)``; of an add of two ranges, those of the first
    :param after: the model when it succeeds; when it fails, the model stays as it is, but for ``running``
    """

    outcome: Outcome
    pfns: range
    after: "Model"


@dataclass(frozen=True, slots=True)
class Model:
    """The ranges that are present, in order of their arrival.

    :param early: numbers of the early sections; their memmap stays whole as long as any page of them is present
    :param running: an operation other than boot was tried, so that boot is over
    :param boot_stays: boot memory is never removed
    :param max_folio_order: a devmap of larger compound pages is refused
    """

    # What is the same in all models of a machine need not tell them apart.
    geometry: Geometry = field(hash=False)
    ranges: tuple[LiveRange, ...] = ()
    early: frozenset[int] = frozenset()
    running: bool = False
    boot_stays: bool = field(default=False, hash=False)
    max_folio_order: int = field(default=ANY_ORDER, hash=False)

    def expect(self, operation: Operation) -> Expectation:
        """Return what ``operation`` must do in this state."""
        match operation:
            case Boot():
                return self._boot(operation)
            case AddMemory() | AddDevice():
                return self._add(operation)
            case Remove():
                return self._remove(operation)
            case Initialise():
                return self._initialise(operation)
            case Refused():
                return self._refused(operation)

    def memmap(self) -> Intervals:
        """Return the bytes of all memmap that is present."""
        return _memmap(self.geometry, tuple((live.start_pfn, live.nr_pages) for live in self.ranges), self.early)

    def required(self) -> Intervals:
        """Return the vmemmap that must be mapped: every page that present memmap touches."""
        return _pages_of(self.geometry, self.memmap())

    def early_memmap(self, section: int) -> range:
        """Return the memmap of a whole section."""
        return _early_memmap(self.geometry, section)

    def altmap_memmap(self, start_pfn: int) -> range | None:
        """Return the memmap that may come from the altmap at ``start_pfn``: of a device, or of a memory block.

        Source: mm/memory_hotplug.c: create_altmaps_and_memory_blocks()
        """
        for live in self.ranges:
            if live.door is Door.MEMORY and start_pfn in live.pfns:
                return self.geometry.memmap_range(start_pfn, self.geometry.pages_per_block)
            if live.start_pfn == start_pfn:
                return self.geometry.memmap_range(live.start_pfn, live.nr_pages)
        return None

    def shared_tails(self, live: LiveRange) -> tuple[range, ...]:
        """Return the vmemmap ranges of ``live`` in which all pages may be one page: each the tails of a compound page.

        A compound page over several sections is populated section by section, and the tails of the later sections are
        those of the first. Memmap from boot is never shared: what is added to an early section finds it there.

        Source: Documentation/mm/vmemmap_dedup.rst: Device DAX;
        mm/sparse-vmemmap.c: vmemmap_populate_compound_pages(), reuse_compound_section();
        include/linux/mm.h: vmemmap_can_optimize(); mm/sparse-vmemmap.c: section_activate()
        """
        return _shared_tails(self.geometry, live, self.early) if live.vmemmap_shift and not live.altmap else ()

    def _succeeds(
        self,
        pfns: range,
        ranges: tuple[LiveRange, ...],
        early: frozenset[int] | None = None,
        *,
        may_fail: bool = False,
    ) -> Expectation:
        early = self.early if early is None else early
        after = Model(self.geometry, ranges, early, True, self.boot_stays, self.max_folio_order)
        return Expectation(Outcome.MAY_FAIL if may_fail else Outcome.SUCCEEDS, pfns, after)

    def _skipped(self) -> Expectation:
        return Expectation(Outcome.SKIPPED, range(0), self)

    def _overlaps(self, pfns: range) -> bool:
        return any(live.start_pfn < pfns.stop and pfns.start < live.pfns.stop for live in self.ranges)

    def _boot(self, operation: Boot) -> Expectation:
        geometry = self.geometry
        if self.running or operation.section in self.early or operation.first >= geometry.subsections_per_section:
            return self._skipped()
        count = min(operation.count, geometry.subsections_per_section - operation.first)
        start = operation.section * geometry.pages_per_section + operation.first * geometry.pages_per_subsection
        live = LiveRange(Door.BOOT, start, count * geometry.pages_per_subsection, initialised=True)
        after = replace(self, ranges=(*self.ranges, live), early=self.early | {operation.section})
        return Expectation(Outcome.SUCCEEDS, live.pfns, after)

    def _add(self, operation: AddMemory | AddDevice) -> Expectation:
        new = requested_ranges(self.geometry, operation)
        if not new:
            return self._skipped()
        pfns = new[0].pfns
        if any(self._overlaps(live.pfns) or live.vmemmap_shift > self.max_folio_order for live in new):
            return Expectation(Outcome.REFUSED, pfns, self)
        may_fail = operation.fault is not None or not all(map(self._altmap_suffices, new))
        return self._succeeds(pfns, (*self.ranges, *new), may_fail=may_fail)

    def _altmap_suffices(self, live: LiveRange) -> bool:
        """Whether the altmap has room for the memmap however unluckily PMD leaves are aligned in it."""
        # A memory block has one only where its memmap is whole leaves.
        if live.altmap is None or live.door is Door.MEMORY:
            return True
        return live.altmap.free_pages >= most_altmap_pages(self.geometry, live)

    def _remove(self, operation: Remove) -> Expectation:
        if not self.ranges:
            return self._skipped()
        index = operation.victim % len(self.ranges)
        victim = self.ranges[index]
        if self.boot_stays and victim.door is Door.BOOT:
            return self._skipped()
        ranges = tuple(live for live in self.ranges if live.start_pfn not in (victim.start_pfn, victim.other_pfn))
        pages = self.geometry.pages_per_section
        present = {
            section for live in ranges for section in range(live.start_pfn // pages, -(-live.pfns.stop // pages))
        }
        return self._succeeds(victim.pfns, ranges, self.early & present)

    def _initialise(self, operation: Initialise) -> Expectation:
        if not self.ranges:
            return self._skipped()
        index = operation.victim % len(self.ranges)
        live = self.ranges[index]
        ranges = (*self.ranges[:index], replace(live, initialised=True), *self.ranges[index + 1 :])
        return self._succeeds(live.pfns, ranges)

    def _refused(self, operation: Refused) -> Expectation:
        geometry = self.geometry
        pfns = range(operation.start_pfn, operation.start_pfn + operation.nr_pages)
        unit = geometry.pages_per_block if operation.door is Door.MEMORY else geometry.pages_per_subsection
        misaligned = pfns.start % unit or pfns.stop % unit
        overlaps = self._overlaps(pfns)
        absent = operation.action is Action.REMOVE and not overlaps
        if misaligned or absent or (operation.action is Action.ADD and overlaps):
            return Expectation(Outcome.REFUSED, pfns, self)
        return self._skipped()


def most_altmap_pages(geometry: Geometry, live: LiveRange) -> int:
    """Return the pages of an altmap that the memmap of a range takes at most: leaves throughout, badly aligned.

    Where the memmap is whole leaves, and the altmap begins where a leaf can, neither leaves nor pages leave a gap.
    """
    span = geometry.page_aligned_outward(geometry.memmap_range(live.start_pfn, live.nr_pages))
    pages_per_leaf = 1 << geometry.table_shift
    leaves = sum(1 for _ in geometry.windows(PMD_LEVEL, span))
    begins = live.start_pfn + live.altmap.reserve_pages if live.altmap else 1
    fits = (span.start | span.stop) % geometry.pmd_bytes == 0 and begins % pages_per_leaf == 0
    whole = (leaves if fits else leaves + 1) * pages_per_leaf if geometry.leaves_pay else 0
    return max(whole, len(span) // geometry.page_bytes)


@lru_cache(maxsize=4096)
def _memmap(geometry: Geometry, spans: tuple[tuple[int, int], ...], early: frozenset[int]) -> Intervals:
    """Return the memmap of ranges, each a first pfn and a number of pages, and of early sections."""
    found = [geometry.memmap_range(start_pfn, nr_pages) for start_pfn, nr_pages in spans]
    return intervals.union([*found, *(_early_memmap(geometry, section) for section in early)])


@lru_cache(maxsize=4096)
def _pages_of(geometry: Geometry, memmap: Intervals) -> Intervals:
    return intervals.union(map(geometry.page_aligned_outward, memmap))


def _early_memmap(geometry: Geometry, section: int) -> range:
    return geometry.memmap_range(section * geometry.pages_per_section, geometry.pages_per_section)


@lru_cache(maxsize=4096)
def _shared_tails(geometry: Geometry, live: LiveRange, early: frozenset[int]) -> tuple[range, ...]:
    compound_bytes = (1 << live.vmemmap_shift) * geometry.struct_page_bytes
    reserved_bytes = COMPOUND_RESERVED_PAGES * geometry.page_bytes
    power_of_two = geometry.struct_page_bytes & (geometry.struct_page_bytes - 1) == 0
    if not power_of_two or compound_bytes <= reserved_bytes:
        return ()
    # The first tail page is the one that the others share.
    memmaps = (
        geometry.struct_page_address(start)
        for start in range(live.start_pfn, live.pfns.stop, 1 << live.vmemmap_shift)
        if start // geometry.pages_per_section not in early
    )
    return tuple(range(memmap + geometry.page_bytes, memmap + compound_bytes) for memmap in memmaps)


@lru_cache(maxsize=65536)
def requested_ranges(geometry: Geometry, operation: AddMemory | AddDevice) -> tuple[LiveRange, ...]:
    """Return the ranges that an add asks for, one or two; none where no caller of the kernel would ask.

    An altmap must lie within its device and leave a page of it for data, which the kernel takes for granted
    (mm/memremap.c: pfn_first()), and its device has one range (pagemap_range()) that is not private
    (pageunmap_range()); a devmap must consist of whole compound pages; two ranges of a device do not overlap.
    """
    if isinstance(operation, AddMemory):
        pages = geometry.pages_per_block
        live = LiveRange(Door.MEMORY, operation.block * pages, operation.count * pages)
        if not operation.memmap_on_memory:
            return (live,)
        memmap = geometry.page_aligned_outward(geometry.memmap_range(live.start_pfn, pages))
        return (replace(live, altmap=Altmap(0, len(memmap) // geometry.page_bytes)),)
    asked: tuple[AddDevice | Second, ...] = (operation, operation.second) if operation.second else (operation,)
    pages = geometry.pages_per_subsection
    starts = [each.subsection * pages for each in asked]
    new = tuple(
        LiveRange(
            Door.DEVICE,
            start,
            each.count * pages,
            altmap=operation.altmap,
            vmemmap_shift=operation.vmemmap_shift,
            other_pfn=other if operation.second else None,
            private=operation.private,
        )
        for each, start, other in zip(asked, starts, reversed(starts), strict=True)
    )
    return new if _is_asked(operation, new) else ()


def _is_asked(operation: AddDevice, new: tuple[LiveRange, ...]) -> bool:
    """Tell whether a caller of the kernel could ask for these ranges of a device."""
    altmap, first, last = operation.altmap, new[0], new[-1]
    if operation.private and (altmap or operation.vmemmap_shift):
        return False
    if altmap and (operation.second or altmap.reserve_pages + altmap.free_pages >= first.nr_pages):
        return False
    if operation.second and first.start_pfn < last.pfns.stop and last.start_pfn < first.pfns.stop:
        return False
    return not any((live.start_pfn | live.nr_pages) & ((1 << live.vmemmap_shift) - 1) for live in new)
