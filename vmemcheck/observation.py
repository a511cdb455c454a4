# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine reported for one operation; plain data.

Addresses are bytes in the vmemmap, ranges are half-open ``[start, end)``. The
invariants see nothing else of a machine, whether it is the reference machine or
the kernel's own code. A sequence here is a tuple, or one that equals it: see
``vmemcheck.entries``.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field


class OwnerKind(enum.Enum):
    """Where a block of memory comes from and must go back to."""

    BUDDY = "buddy"
    BOOT = "boot"
    ALTMAP = "altmap"


@dataclass(frozen=True, slots=True)
class Owner:
    """Owner of a block.

    :param kind: allocator
    :param start_pfn: first pfn of the range whose altmap it is; -1 for the others
    """

    kind: OwnerKind
    start_pfn: int = -1

    def __str__(self) -> str:
        return self.kind.value if self.start_pfn < 0 else f"{self.kind.value} of pfn {self.start_pfn:#x}"


USAGE_MAPS = "struct mem_section_usage"
"""The counter of objects from slab that say which subsections of a section are there."""
DIRECT_MAP = "direct_pages_count"
"""The counter of pages of the direct map (arch/x86/mm/pat/set_memory.c), which a vmemmap is no part of."""
BUDDY = Owner(OwnerKind.BUDDY)
BOOT = Owner(OwnerKind.BOOT)


@dataclass(frozen=True, slots=True)
class Block:
    """Physical memory that was handed out: ``1 << order`` pages from ``pfn``.

    :param is_table: it is or was a page-table page; no part of what the block is
    """

    pfn: int
    order: int
    owner: Owner
    is_table: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"the block of order {self.order} at pfn {self.pfn:#x}"


@dataclass(frozen=True, slots=True)
class Location:
    """A place in the source of the machine; line 0 stands for the whole function."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.function}()" if self.line else f"{self.file}: {self.function}()"


class LeafKind(enum.Enum):
    """Size of a leaf entry."""

    PTE = "PTE page"
    PMD = "PMD leaf"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A leaf entry: vmemmap bytes ``[start, end)`` are backed by physical memory from ``pfn``."""

    start: int
    end: int
    kind: LeafKind
    pfn: int

    def __str__(self) -> str:
        return f"{self.kind.value} {self.start:#x}"


@dataclass(frozen=True, slots=True)
class Table:
    """A page-table page.

    :param level: level of its entries (0: PTEs)
    :param start: first byte that it covers
    :param end: end of what it covers
    :param pfn: physical page
    """

    level: int
    start: int
    end: int
    pfn: int

    def __str__(self) -> str:
        return f"the page-table page of level {self.level} for [{self.start:#x}, {self.end:#x})"


class Content(enum.Enum):
    """What a stretch of vmemmap holds."""

    STALE = "what its last user left"
    ZERO = "zero"
    POISON = "poison (uninitialised struct pages)"
    UNUSED = "PAGE_UNUSED"
    TABLE = "page-table entries"
    LIVE = "live struct pages"


@dataclass(frozen=True, slots=True)
class Extent:
    """Contents of mapped vmemmap ``[start, end)``.

    :param of: for LIVE: the vmemmap address whose struct pages the first byte holds;
        it is ``start`` where no mapping is shared. 0 for the other contents.
    """

    start: int
    end: int
    content: Content
    of: int = 0


@dataclass(frozen=True, slots=True)
class AltmapState:
    """The counters of an altmap in pages.

    Source: include/linux/memremap.h: struct vmem_altmap
    """

    start_pfn: int
    reserve: int
    free: int
    align: int
    alloc: int


@dataclass(frozen=True, slots=True)
class Call:
    """``vmemmap_populate()`` or ``vmemmap_free()`` was called on ``[start, end)``."""

    function: str
    start: int
    end: int
    returned: int = 0


@dataclass(frozen=True, slots=True)
class SectionCall:
    """``sparse_add_section()`` or ``sparse_remove_section()`` was called.

    :param altmap: its counters at the time of the call
    :param pgmap: ``type`` and ``vmemmap_shift`` of the struct dev_pagemap
    :param where: who called it; only where it returned an error
    """

    function: str
    start_pfn: int
    nr_pages: int
    returned: int = 0
    altmap: AltmapState | None = None
    pgmap: tuple[int, int] | None = None
    where: Location | None = None


@dataclass(frozen=True, slots=True)
class Allocated:
    """A block was handed out."""

    block: Block


@dataclass(frozen=True, slots=True)
class AllocationFailed:
    """An allocation of this order failed."""

    order: int
    owner: Owner


@dataclass(frozen=True, slots=True)
class Freed:
    """``1 << order`` pages from ``pfn`` were given to ``owner``.

    :param unflushed: while TLBs could still lead to them
    :param users: while the kernel still counted so many users of the page: ``get_page_bootmem()``
    """

    block: Block
    where: Location
    unflushed: bool = False
    users: int = 0


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A leaf entry was cleared."""

    mapping: Mapping
    where: Location


@dataclass(frozen=True, slots=True)
class Unflushed:
    """The operation left vmemmap ``[start, end)`` unmapped, but not flushed from TLBs."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class AltmapReleased:
    """The altmap of a range went away, with these last counters."""

    altmap: AltmapState


@dataclass(frozen=True, slots=True)
class TableLinked:
    """A page-table page was entered into the table above it.

    :param stale_entries: entries that did not read as none at that time
    """

    table: Table
    stale_entries: int


@dataclass(frozen=True, slots=True)
class TableFreed:
    """A page-table page was given back.

    :param entries_left: entries that were not none at that time
    """

    table: Table
    entries_left: int
    where: Location


@dataclass(frozen=True, slots=True)
class Constructed:
    """A page-table constructor ran on ``pfn``."""

    pfn: int


@dataclass(frozen=True, slots=True)
class Destructed:
    """A page-table destructor ran on ``pfn``.

    :param where: who called it, where that is known
    """

    pfn: int
    where: Location | None = None


@dataclass(frozen=True, slots=True)
class TopLinked:
    """An entry of the top table was written; it covers ``[start, end)``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Synced:
    """The top-level entries of ``[start, end)`` were copied to every page-table root."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Touched:
    """Vmemmap ``[start, end)`` was read or written through its mapping."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Faulted:
    """An access to ``address``, which is not mapped; the machine stopped there."""

    address: int
    where: Location


@dataclass(frozen=True, slots=True)
class Warned:
    """A WARN or BUG fired."""

    message: str
    where: Location


@dataclass(frozen=True, slots=True)
class Stopped:
    """The machine did not come back from the operation: a BUG, an endless loop, an impossible instruction."""

    message: str
    where: Location


Event = (
    Call
    | SectionCall
    | Allocated
    | AllocationFailed
    | Freed
    | Unmapped
    | Unflushed
    | AltmapReleased
    | TableLinked
    | TableFreed
    | Constructed
    | Destructed
    | TopLinked
    | Synced
    | Touched
    | Faulted
    | Warned
    | Stopped
)


@dataclass(frozen=True, slots=True)
class State:
    """A machine between two operations.

    :param present: pfn ranges that the machine itself takes for present, merged
    :param mappings: leaf entries in ascending order
    :param tables: page-table pages below the top one, by level and start
    :param blocks: what is handed out for memmap and tables, by pfn
    :param contents: contents of all that is mapped, ascending, merged
    :param altmaps: counters of the altmaps of live ranges, by pfn
    :param constructed: table pages whose constructor ran and whose destructor did not
    :param counters: the machine's own statistics and its objects from slab, by name
    """

    present: tuple[range, ...] = ()
    mappings: Sequence[Mapping] = ()
    tables: tuple[Table, ...] = ()
    blocks: Sequence[Block] = ()
    contents: Sequence[Extent] = ()
    altmaps: tuple[AltmapState, ...] = ()
    constructed: tuple[int, ...] = ()
    counters: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What one operation did.

    :param applied: False when the machine skipped the operation
    :param pfns: the pfn range that the machine acted on; empty when skipped
    :param returned: 0, or a negative errno
    :param events: in the order in which they happened
    :param state: afterwards
    """

    applied: bool
    pfns: range
    returned: int
    events: Sequence[Event]
    state: State
