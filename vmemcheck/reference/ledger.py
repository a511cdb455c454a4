# SPDX-License-Identifier: GPL-2.0-or-later
"""Physical memory: a page allocator that recycles last-in-first-out and zeroes nothing.

Blocks are neither split nor merged.
"""

from vmemcheck.observation import (
    BOOT,
    BUDDY,
    Allocated,
    AllocationFailed,
    AltmapState,
    Block,
    Event,
    Freed,
    Location,
    Owner,
    OwnerKind,
)
from vmemcheck.operation import Altmap, Fault, FaultKind
from vmemcheck.reference.contents import Contents

FIRST_PFN = 1 << 40
"""Where the machine's own memory starts; above every pfn that is added."""


class OutOfMemoryError(Exception):
    """An allocation failed; never leaves the reference machine."""


class Ledger:
    """Every block that is handed out, and what is in it."""

    def __init__(self, page_bytes: int, events: list[Event]) -> None:
        self.events = events
        self.blocks: dict[int, Block] = {}
        self.altmaps: dict[int, AltmapState] = {}
        self.fault: Fault | None = None
        self._page_bytes = page_bytes
        self._contents: dict[int, Contents] = {}
        self._users: dict[int, int] = {}
        self._recycled: dict[int, list[int]] = {}
        self._next_pfn = FIRST_PFN
        self._allocations = 0

    def start_operation(self, fault: Fault | None) -> None:
        """Count allocations from 1 again; ``fault`` says which of them fail."""
        self.fault = fault
        self._allocations = 0

    def allocate(self, order: int, owner: Owner = BUDDY) -> int:
        """Return the first pfn of a new block.

        :raises OutOfMemoryError: by an injected fault, or when the altmap is exhausted
        """
        self._allocations += 1
        if self._faulty(order):
            self.events.append(AllocationFailed(order, owner))
            raise OutOfMemoryError
        pfn = self._from_altmap(order, owner) if owner.kind is OwnerKind.ALTMAP else self._from_buddy(order, owner)
        block = Block(pfn, order, owner)
        self.blocks[pfn] = block
        self._users[pfn] = 1
        self.events.append(Allocated(block))
        return pfn

    def share(self, pfn: int) -> None:
        """Count one more user of a block."""
        self._users[pfn] += 1

    def free(self, pfn: int, where: Location) -> None:
        """Drop one user of a block; the last one gives it back to its owner."""
        self._users[pfn] -= 1
        if self._users[pfn] == 0:
            self.give_back(self.blocks[pfn], where)

    def give_back(self, block: Block, where: Location) -> None:
        """Return a block to its owner."""
        self.blocks.pop(block.pfn, None)
        self.events.append(Freed(block, where))
        if block.owner.kind is OwnerKind.ALTMAP:
            if block.owner.start_pfn in self.altmaps:  # else its device is gone, and a broken machine still used it
                self.count_altmap(block.owner.start_pfn, -(1 << block.order))
        else:
            self._recycled.setdefault(block.order, []).append(block.pfn)

    def contents(self, pfn: int) -> Contents:
        """Return the contents of the block that starts at ``pfn``."""
        return self._contents[pfn]

    def open_altmap(self, start_pfn: int, altmap: Altmap) -> None:
        """Make the altmap of the range at ``start_pfn`` known."""
        self.altmaps[start_pfn] = AltmapState(start_pfn, altmap.reserve_pages, altmap.free_pages, align=0, alloc=0)

    def count_altmap(self, start_pfn: int, alloc: int, align: int = 0) -> None:
        """Add to the counters of an altmap."""
        old = self.altmaps[start_pfn]
        self.altmaps[start_pfn] = AltmapState(start_pfn, old.reserve, old.free, old.align + align, old.alloc + alloc)

    def _faulty(self, order: int) -> bool:
        if self.fault is None:
            return False
        if self.fault.kind is FaultKind.NTH:
            return self._allocations == self.fault.value
        if self.fault.kind is FaultKind.FROM:
            return self._allocations >= self.fault.value
        return order >= self.fault.value

    def _from_buddy(self, order: int, owner: Owner) -> int:
        recycled = self._recycled.get(order)
        if recycled and owner is not BOOT:
            pfn = recycled.pop()
            self._contents[pfn].let_go()
            return pfn
        pages = 1 << order
        pfn = -(-self._next_pfn // pages) * pages
        self._next_pfn = pfn + pages
        self._contents[pfn] = Contents(pages * self._page_bytes)
        return pfn

    def _from_altmap(self, order: int, owner: Owner) -> int:
        """Take naturally aligned pages from an altmap, as vmem_altmap_alloc() does."""
        altmap = self.altmaps[owner.start_pfn]
        pages = 1 << order
        pfn = altmap.start_pfn + altmap.reserve + altmap.alloc + altmap.align
        skip = -pfn % pages
        if altmap.alloc + altmap.align + skip + pages > altmap.free:
            self.events.append(AllocationFailed(order, owner))
            raise OutOfMemoryError
        self.count_altmap(owner.start_pfn, pages, skip)
        size, old = pages * self._page_bytes, self._contents.get(pfn + skip)
        if old and old.size == size:
            old.let_go()
        else:
            self._contents[pfn + skip] = Contents(size)
        return pfn + skip
