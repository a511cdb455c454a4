# SPDX-License-Identifier: GPL-2.0-or-later
"""The operations of memory hotplug, as data; a sequence of them is a test case.

A remove names its victim by its index among the live ranges, taken modulo their
number, and an operation that does not apply is skipped. So every sub-list of a
sequence is a sequence: deleting operations is always a valid way to shrink one.
The text form is in ``vmemcheck.sequence_text``, the JSON form in
``vmemcheck.replay_file``.
"""

import enum
from dataclasses import dataclass

from vmemcheck.errors import SequenceError


class Door(enum.Enum):
    """The way by which memory enters the kernel."""

    MEMORY = "memory"
    """``add_memory_resource()``: whole memory blocks."""
    DEVICE = "device"
    """``memremap_pages()``: subsection-aligned ZONE_DEVICE ranges."""
    BOOT = "boot"
    """Memory that was there at boot: early sections."""


class FaultKind(enum.Enum):
    """Which allocations fail."""

    NTH = "allocation"
    """The n-th allocation of the operation, counted from 1."""
    FROM = "allocations from"
    """The n-th allocation of the operation and all after it: memory has run out."""
    ORDER = "order"
    """Every allocation of this order and above."""


MOST_ALLOCATIONS = 24
"""So many allocations of an operation are tried one by one, where another one may have to fail; fewer are drawn."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A failing allocation during one operation.

    :param kind: how ``value`` is meant
    :param value: number of the (first) allocation, 1 or more, or an order, 0 or more
    """

    kind: FaultKind
    value: int

    def __post_init__(self) -> None:
        if self.value < (0 if self.kind is FaultKind.ORDER else 1):
            raise SequenceError(
                f"a fault at {self.kind.value} {self.value}", to_fix="count allocations from 1, orders from 0"
            )


@dataclass(frozen=True, slots=True)
class Altmap:
    """Memory that a device sets aside at its start for its own memmap.

    :param reserve_pages: pages before the first one that may be used
    :param free_pages: pages that may be used for memmap

    Source: include/linux/memremap.h: struct vmem_altmap
    """

    reserve_pages: int
    free_pages: int

    def __post_init__(self) -> None:
        if self.reserve_pages < 0 or self.free_pages < 0:
            raise SequenceError(
                f"an altmap with reserve {self.reserve_pages}, free {self.free_pages}", to_fix="use 0 or more pages"
            )


@dataclass(frozen=True, slots=True)
class Second:
    """The second range of a device, in the same ``struct dev_pagemap``.

    :param subsection: subsection number, counted from pfn 0
    :param count: number of subsections

    Source: include/linux/memremap.h: struct dev_pagemap, nr_range and ranges
    """

    subsection: int
    count: int

    def __post_init__(self) -> None:
        _check_range(self.subsection, self.count)


@dataclass(frozen=True, slots=True)
class Boot:
    """Early section: its whole memmap is there at boot, its memory perhaps only in part.

    Applies only before the first operation of another kind.

    :param section: section number
    :param first: first subsection that is present, counted within the section
    :param count: subsections that are present; fewer when the section ends before
    """

    section: int
    first: int
    count: int

    def __post_init__(self) -> None:
        _check_range(self.section, 1)
        _check_range(self.first, self.count)


@dataclass(frozen=True, slots=True)
class AddMemory:
    """Add memory blocks ``[block, block + count)``.

    :param block: memory block number, counted from pfn 0
    :param count: number of blocks
    :param memmap_on_memory: put the memmap at the start of the blocks (an altmap), where that is possible
    :param fault: a failing allocation

    Source: mm/memory_hotplug.c: add_memory_resource()
    """

    block: int
    count: int
    memmap_on_memory: bool = False
    fault: Fault | None = None

    def __post_init__(self) -> None:
        _check_range(self.block, self.count)


@dataclass(frozen=True, slots=True)
class AddDevice:
    """Add the device range of subsections ``[subsection, subsection + count)``.

    :param subsection: subsection number, counted from pfn 0
    :param count: number of subsections
    :param altmap: memory of the device for its own memmap
    :param vmemmap_shift: log2 of the pages of a compound page of the devmap, 0 for none
    :param fault: a failing allocation
    :param second: another range of the device, added behind this one and removed with it; without an altmap
    :param private: memory that only the device can reach (MEMORY_DEVICE_PRIVATE); without an altmap, and not compound

    Source: mm/memremap.c: memremap_pages()
    """

    subsection: int
    count: int
    altmap: Altmap | None = None
    vmemmap_shift: int = 0
    fault: Fault | None = None
    second: Second | None = None
    private: bool = False

    def __post_init__(self) -> None:
        _check_range(self.subsection, self.count)
        if self.vmemmap_shift < 0:
            raise SequenceError(f"a vmemmap_shift of {self.vmemmap_shift}", to_fix="use 0 or more")


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a live range, and with it the other range of its device.

    :param victim: index among the live ranges in order of their arrival, modulo their number
    :param fault: a failing allocation
    """

    victim: int
    fault: Fault | None = None

    def __post_init__(self) -> None:
        _check_range(self.victim, 1)


@dataclass(frozen=True, slots=True)
class Initialise:
    """Bring the memmap of a live range to life.

    :param victim: index among the live ranges in order of their arrival, modulo their number

    Source: mm/mm_init.c: memmap_init_range(), memmap_init_zone_device()
    """

    victim: int

    def __post_init__(self) -> None:
        _check_range(self.victim, 1)


class Action(enum.Enum):
    """What a refused request asks for."""

    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that the kernel must refuse: misaligned, overlapping, or not present.

    Skipped where the request would be a valid one.

    :param action: add or remove
    :param door: memory (whole memory blocks) or device (subsections)
    :param start_pfn: first page
    :param nr_pages: number of pages
    """

    action: Action
    door: Door
    start_pfn: int
    nr_pages: int

    def __post_init__(self) -> None:
        _check_range(self.start_pfn, self.nr_pages)
        if self.door is Door.BOOT:
            raise SequenceError("a request through the door boot", to_fix="use memory or device")


Operation = Boot | AddMemory | AddDevice | Remove | Initialise | Refused
Sequence = tuple[Operation, ...]


def failing(operation: AddMemory | AddDevice, fault: Fault | None) -> AddMemory | AddDevice:
    """Return an add that meets another fault; tables of operations have tens of thousands of these."""
    if isinstance(operation, AddMemory):
        return AddMemory(operation.block, operation.count, operation.memmap_on_memory, fault)
    one = operation
    return AddDevice(one.subsection, one.count, one.altmap, one.vmemmap_shift, fault, one.second, one.private)


def _check_range(start: int, count: int) -> None:
    if start < 0 or count < 1:
        raise SequenceError(f"an operation on {count} from number {start}", to_fix="numbers start at 0, counts at 1")
