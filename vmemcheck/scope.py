# SPDX-License-Identifier: GPL-2.0-or-later
"""Scope: which operations a run is made of, as one ordered table.

The operations on the edges are in it, not all of them: what goes wrong in a
vmemmap goes wrong at the borders of sections, PMD leaves and pages. Simple
operations come first, so that an earlier place in the table is a simpler test.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from vmemcheck.geometry import PMD_LEVEL, PTE_LEVEL, Geometry
from vmemcheck.model import COMPOUND_RESERVED_PAGES, most_altmap_pages, requested_ranges
from vmemcheck.operation import (
    Action,
    AddDevice,
    AddMemory,
    Altmap,
    Boot,
    Door,
    Fault,
    FaultKind,
    Initialise,
    Operation,
    Refused,
    Remove,
    Second,
    failing,
)

_VICTIMS = 4
FAULTS = (*(Fault(FaultKind.NTH, number) for number in (1, 2, 3, 4, 6, 9, 13, 20)), Fault(FaultKind.ORDER, 0))
"""The failing allocations that are tried with each add."""
RUNNING_OUT = tuple(Fault(FaultKind.FROM, number) for number in (2, 3, 4, 5, 6, 8, 12))
"""Memory that has run out: what would do instead of a large block is not to be had either."""
NO_LEAF = Fault(FaultKind.ORDER, 1)
"""No large block is to be had, so that base pages must do."""
_PUD_LEVEL = 2
_PUD_SECTIONS_SHIFT = 3
"""log2 of the sections of the longest compound page, whose memmap has thousands of entries."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Limits of a run.

    :param sections: sections, counted from pfn 0, in which ranges are added, 1 or more
    :param devices: with device ranges
    :param boot: with early sections
    :param faults: with allocations that fail, and altmaps that are too small: adds fail half-way
    :param fallback: with no large block to be had, so that base pages must do
    :param altmaps: with altmaps, of devices and of memory blocks
    :param compound: with compound devmaps
    :param pairs: with devices of two ranges
    :param private: with memory that is private to its device
    :param refusals: with requests that must be refused
    """

    sections: int = 2
    devices: bool = True
    boot: bool = True
    faults: bool = True
    fallback: bool = True
    altmaps: bool = True
    compound: bool = True
    pairs: bool = True
    private: bool = True
    refusals: bool = True


@lru_cache(maxsize=64)
def operations(geometry: Geometry, scope: Scope) -> tuple[Operation, ...]:
    """Return the table of operations, the simple ones first; each stands in it once."""
    table: list[Operation] = []
    plain: list[AddDevice | AddMemory] = [*_devices(geometry, scope)] if scope.devices else []
    plain += _blocks(geometry, scope)
    for victim in range(_VICTIMS):
        table += [Remove(victim), Initialise(victim)]
    table += plain
    if scope.boot:
        table += boots(geometry, scope)
    if scope.refusals:
        table += _refusals(geometry)
    compounds = [*_compounds(geometry, scope, plain)] if scope.compound else []
    table += compounds
    if scope.devices and scope.pairs:
        table += _pairs(geometry, scope)
    if scope.devices and scope.private:
        # The memmap of a private range is like any other: a short and a long one show how it is added and removed.
        table += [AddDevice(0, count, private=True) for count in dict.fromkeys((1, geometry.subsections_per_section))]
    if scope.altmaps:
        table += _with_altmaps(geometry, scope, [*plain, *compounds])
    adds = [op for op in table if isinstance(op, AddDevice | AddMemory)]
    if scope.fallback:
        table += [failing(op, NO_LEAF) for op in adds]
    if scope.faults:
        table += _with_faults(adds)
        # No kernel allocates when it removes. One that did would have to cope.
        table += [Remove(victim, Fault(FaultKind.ORDER, 0)) for victim in range(_VICTIMS)]
    return tuple(table)


def edges(geometry: Geometry, sections: int) -> tuple[int, ...]:
    """Return the subsections of the first ``sections`` sections at which ranges start and end.

    All of them where a section has few; else those at and next to the borders of sections, PMD leaves and pages.
    """
    last = sections * geometry.subsections_per_section
    if last <= 16:
        return tuple(range(last + 1))
    near: set[int] = {0, 1, 2, 3, last - 1, last}
    for section in range(sections + 1):
        near |= {section * geometry.subsections_per_section + step for step in (-1, 0, 1)}
    near.add(geometry.subsections_per_section // 2)
    size = geometry.subsection_memmap_bytes
    memmap = range(geometry.vmemmap_base, geometry.vmemmap_base + last * size)
    for level in (PTE_LEVEL, PMD_LEVEL):
        windows = list(geometry.windows(level, memmap))
        if len(windows) <= 4 * sections:
            for window in windows:
                border = (window.stop - memmap.start) // size
                near |= {border - 1, border, border + 1}
    return tuple(sorted(edge for edge in near if 0 <= edge <= last))


def compound_shifts(geometry: Geometry, sections: int = 2) -> tuple[int, ...]:
    """Return the sizes of compound pages: a subsection, PMD_SIZE, a section, two sections, PUD_SIZE.

    PUD_SIZE only up to eight sections; with 4K pages and sections of 128 MiB that is 1 GiB.

    :param sections: sections in which ranges are added; compound pages of two sections need two

    Source: drivers/dax/device.c: dev_dax_probe(), dev_dax->align, which is one of PAGE_SIZE, PMD_SIZE and PUD_SIZE
    """
    section = geometry.section_shift
    sizes = {geometry.subsection_shift, section}
    sizes |= {section + 1} if sections > 1 else set()
    leaves = (geometry.entry_shift(PMD_LEVEL), geometry.entry_shift(_PUD_LEVEL))
    sizes |= {size for size in leaves if geometry.subsection_shift < size < section}
    sizes |= {size for size in leaves if sections > 1 and section < size <= section + _PUD_SECTIONS_SHIFT}
    return tuple(size - geometry.page_shift for size in sorted(sizes))


def sharing_shifts(geometry: Geometry, sections: int = 2) -> tuple[int, ...]:
    """Return those sizes of compound pages whose tail pages may share vmemmap pages."""
    size = geometry.struct_page_bytes
    reserved = COMPOUND_RESERVED_PAGES * geometry.page_bytes
    if size & (size - 1):
        return ()
    return tuple(shift for shift in compound_shifts(geometry, sections) if size << shift > reserved)


def altmap_pages(geometry: Geometry, operation: AddDevice) -> tuple[int, int, int, int]:
    """Return the free pages of altmaps for a device: plenty, just enough, half of that, and a page less than that."""
    need = -(-operation.count * geometry.subsection_memmap_bytes // geometry.page_bytes)
    new = requested_ranges(geometry, replace(operation, altmap=None))
    return most_altmap_pages(geometry, new[0]) if new else need, need, need // 2, need - 1


def _devices(geometry: Geometry, scope: Scope) -> Iterator[AddDevice]:
    positions = edges(geometry, scope.sections)
    for count in sorted({end - start for start in positions for end in positions if start < end}):
        for start in positions:
            if start + count in positions:
                yield AddDevice(start, count)


def _blocks(geometry: Geometry, scope: Scope) -> Iterator[AddMemory]:
    blocks = max(1, scope.sections * geometry.pages_per_section // geometry.pages_per_block)
    for count in range(1, blocks + 1):
        for block in range(blocks - count + 1):
            yield AddMemory(block, count)


def boots(geometry: Geometry, scope: Scope) -> Iterator[Boot]:
    """Yield whole sections, then those that are memory only between two edges."""
    whole = geometry.subsections_per_section
    positions = edges(geometry, scope.sections)
    for section in range(scope.sections):
        yield Boot(section, 0, whole)
    for section in range(scope.sections):
        inside = [edge - section * whole for edge in positions if 0 <= edge - section * whole <= whole]
        parts = ((start, end - start) for start in inside for end in inside if 0 < end - start < whole)
        yield from (Boot(section, start, count) for start, count in parts)


def _refusals(geometry: Geometry) -> Iterator[Refused]:
    subsection, block = geometry.pages_per_subsection, geometry.pages_per_block
    for action in (Action.ADD, Action.REMOVE):
        yield Refused(action, Door.DEVICE, 0, subsection)
        if subsection > 1:
            yield Refused(action, Door.DEVICE, 0, subsection - 1)
            yield Refused(action, Door.DEVICE, 1, subsection)
            yield Refused(action, Door.DEVICE, subsection // 2, subsection)
        yield Refused(action, Door.MEMORY, 0, block)
        if subsection < block:
            yield Refused(action, Door.MEMORY, subsection, block)
            yield Refused(action, Door.MEMORY, 0, subsection)


def _compounds(geometry: Geometry, scope: Scope, plain: list[AddDevice | AddMemory]) -> Iterator[AddDevice]:
    shared = sharing_shifts(geometry, scope.sections)
    # Where none may be shared, one size is enough to see that none is.
    for shift in shared or compound_shifts(geometry, scope.sections)[:1]:
        unit = max(1, (1 << shift) // geometry.pages_per_subsection)
        for operation in plain:
            if isinstance(operation, AddDevice) and (operation.subsection | operation.count) % unit == 0:
                yield replace(operation, vmemmap_shift=shift)
        if unit > scope.sections * geometry.subsections_per_section:
            # One compound page that is longer than the ranges of the scope.
            yield AddDevice(0, unit, vmemmap_shift=shift)


def _pairs(geometry: Geometry, scope: Scope) -> Iterator[AddDevice]:
    """Yield devices of two ranges: side by side, apart in a section, in two sections, the second before the first."""
    whole = geometry.subsections_per_section
    pairs = [((0, 1), (1, 1)), ((2, 1), (0, 1))] if whole > 2 else []
    if scope.sections > 1:
        pairs += [((whole - 1, 1), (whole, 1)), ((0, whole), (whole, whole)), ((whole, whole), (0, 1))]
    # Compound pages of one size show whether the second range takes what the first one shares.
    shifts = (0, *sharing_shifts(geometry, scope.sections)[:1]) if scope.compound else (0,)
    for shift in shifts:
        for first, second in dict.fromkeys(pairs):
            operation = AddDevice(*first, vmemmap_shift=shift, second=Second(*second))
            if requested_ranges(geometry, operation):
                yield operation


def _with_altmaps(
    geometry: Geometry, scope: Scope, plain: list[AddDevice | AddMemory]
) -> Iterator[AddDevice | AddMemory]:
    for operation in plain:
        if isinstance(operation, AddMemory):
            yield replace(operation, memmap_on_memory=True)
            continue
        plenty, need, half, one_less = altmap_pages(geometry, operation)
        sizes = (Altmap(0, need), Altmap(0, plenty), Altmap(1, plenty), Altmap(0, half), Altmap(0, one_less))
        # The memmap of a compound devmap with an altmap is an ordinary one: one altmap shows it.
        for altmap in dict.fromkeys(sizes[1:2] if operation.vmemmap_shift else sizes):
            other = replace(operation, altmap=altmap)
            if requested_ranges(geometry, other) and (scope.faults or altmap.free_pages == plenty):
                yield other


def _with_faults(adds: list[AddDevice | AddMemory]) -> Iterator[AddDevice | AddMemory]:
    for operation in adds:
        for fault in FAULTS:
            yield failing(operation, fault)
