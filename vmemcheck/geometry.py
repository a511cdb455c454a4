# SPDX-License-Identifier: GPL-2.0-or-later
"""Geometry: the shifts and sizes of one kernel configuration, and what follows from them.

Pure integer arithmetic. Which geometries exist is in ``vmemcheck.arches``; what
has been proved about them is in ``vmemcheck.theorems``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NewType

from vmemcheck.errors import GeometryError

Pfn = NewType("Pfn", int)
"""A page frame number."""
VAddr = NewType("VAddr", int)
"""A virtual address in bytes, in the vmemmap."""
Subsection = NewType("Subsection", int)
"""The number of a subsection, counted from pfn 0."""
Section = NewType("Section", int)
"""The number of a section, counted from pfn 0."""

PTE_LEVEL = 0
"""Level of the entries that map base pages; level 1 entries may be PMD leaves."""
PMD_LEVEL = 1

MAX_STRUCT_PAGE_BYTES = 1 << 16
USUAL_STRUCT_PAGE_BYTES = 64
"""The size of struct page of nearly every 64-bit kernel."""
"""Far above what any kernel has; a larger number is a typing error."""

_ADDRESS_BITS = 64


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of pages, tables, sections and ``struct page``.

    :param struct_page_bytes: ``sizeof(struct page)``, 1 to ``MAX_STRUCT_PAGE_BYTES``
    :param page_shift: ``PAGE_SHIFT``
    :param section_shift: ``SECTION_SIZE_BITS``
    :param subsection_shift: ``SUBSECTION_SHIFT``
    :param table_shift: log2 of the entries of a page-table page, so that
        ``PMD_SHIFT`` is ``page_shift + table_shift``
    :param levels: levels of page tables that map the vmemmap, 2 to 5
    :param memory_block_shift: log2 of ``memory_block_size_bytes()``; 0 means one section
    :param vmemmap_base: address of the struct page of pfn 0, page aligned
    :raises GeometryError: when the values do not fit each other
    """

    struct_page_bytes: int = 64
    page_shift: int = 12
    section_shift: int = 27
    subsection_shift: int = 21
    table_shift: int = 9
    levels: int = 4
    memory_block_shift: int = 0
    vmemmap_base: VAddr = VAddr(0)

    def __post_init__(self) -> None:
        if self.memory_block_shift == 0:
            object.__setattr__(self, "memory_block_shift", self.section_shift)
        size = self.struct_page_bytes
        _require(
            1 <= size <= MAX_STRUCT_PAGE_BYTES, f"struct page of {size} bytes", f"use 1 to {MAX_STRUCT_PAGE_BYTES}"
        )
        _require(3 <= self.page_shift <= 30, f"page shift {self.page_shift}", "use 3 to 30")
        _require(1 <= self.table_shift <= 16, f"table shift {self.table_shift}", "use 1 to 16")
        _require(2 <= self.levels <= 5, f"{self.levels} levels of page tables", "use 2 to 5")
        _require(
            self.page_shift <= self.subsection_shift <= self.section_shift <= self.memory_block_shift < _ADDRESS_BITS,
            f"page shift {self.page_shift}, subsection shift {self.subsection_shift}, section shift"
            f" {self.section_shift}, memory block shift {self.memory_block_shift}",
            "each must be at least the one before it, and below 64",
        )
        _require(
            0 <= self.vmemmap_base < 1 << _ADDRESS_BITS and self.vmemmap_base % self.page_bytes == 0,
            f"vmemmap base {self.vmemmap_base:#x}",
            f"align it to the page size, {self.page_bytes} bytes",
        )

    def changed(self, **sizes: int) -> "Geometry":
        """Return the geometry with other values in some fields; the memory block stays one section where it was one.

        :raises GeometryError: when the values do not fit each other
        """
        if self.memory_block_shift == self.section_shift:
            sizes.setdefault("memory_block_shift", 0)
        return replace(self, **sizes)  # type: ignore[arg-type]  # vmemmap_base is an int with a name

    @property
    def page_bytes(self) -> int:
        """``PAGE_SIZE``."""
        return 1 << self.page_shift

    @property
    def pmd_shift(self) -> int:
        """``PMD_SHIFT``."""
        return self.page_shift + self.table_shift

    @property
    def pmd_bytes(self) -> int:
        """``PMD_SIZE``: what one PMD leaf maps."""
        return 1 << self.pmd_shift

    @property
    def pages_per_subsection(self) -> int:
        """``PAGES_PER_SUBSECTION``."""
        return 1 << (self.subsection_shift - self.page_shift)

    @property
    def pages_per_section(self) -> int:
        """``PAGES_PER_SECTION``."""
        return 1 << (self.section_shift - self.page_shift)

    @property
    def pages_per_block(self) -> int:
        """Pages of one memory block."""
        return 1 << (self.memory_block_shift - self.page_shift)

    @property
    def subsections_per_section(self) -> int:
        """``SUBSECTIONS_PER_SECTION``."""
        return 1 << (self.section_shift - self.subsection_shift)

    @property
    def subsection_memmap_bytes(self) -> int:
        """Size of the memmap of one subsection."""
        return self.pages_per_subsection * self.struct_page_bytes

    @property
    def section_memmap_bytes(self) -> int:
        """Size of the memmap of one section."""
        return self.pages_per_section * self.struct_page_bytes

    @property
    def leaves_pay(self) -> bool:
        """Whether the memmap of a section fills more than half of a PMD leaf; with large pages it does not."""
        return 2 * self.section_memmap_bytes > self.pmd_bytes

    @property
    def sections_share_leaves(self) -> bool:
        """Whether a PMD leaf holds memmap of two sections, where leaves pay."""
        return self.leaves_pay and self.section_memmap_bytes % self.pmd_bytes != 0

    @property
    def grain_bytes(self) -> int:
        """Largest size that divides both the page and the memmap of a subsection.

        Every border between what is present, mapped or written falls on a multiple of it.
        """
        return math.gcd(self.page_bytes, self.subsection_memmap_bytes)

    def struct_page_address(self, pfn: int) -> VAddr:
        """Return the address of the struct page of ``pfn``.

        Source: include/asm-generic/memory_model.h: __pfn_to_page()
        """
        return VAddr(self.vmemmap_base + pfn * self.struct_page_bytes)

    def memmap_range(self, start_pfn: int, nr_pages: int) -> range:
        """Return the vmemmap bytes that describe a pfn range.

        :return: half-open byte range ``[start, end)``; not rounded to pages

        Source: mm/sparse-vmemmap.c: __populate_section_memmap()
        """
        return range(self.struct_page_address(start_pfn), self.struct_page_address(start_pfn + nr_pages))

    def page_aligned_outward(self, span: range) -> range:
        """Return the smallest range of whole pages that contains ``span``."""
        mask = self.page_bytes - 1
        return range(span.start & ~mask, (span.stop + mask) & ~mask)

    def entry_shift(self, level: int) -> int:
        """Return log2 of what one entry of a table at ``level`` maps (PTE 0, PMD 1, ...)."""
        return self.page_shift + level * self.table_shift

    def window(self, level: int, address: int) -> range:
        """Return what the entry at ``level`` that maps ``address`` covers."""
        shift = self.entry_shift(level)
        start = (address >> shift) << shift
        return range(start, start + (1 << shift))

    def windows(self, level: int, span: range) -> Iterator[range]:
        """Yield the window of each entry at ``level`` that ``span`` touches, in order."""
        address = span.start
        while address < span.stop:
            window = self.window(level, address)
            yield window
            address = window.stop

    def sections(self, start_pfn: int, nr_pages: int) -> Iterator[tuple[Section, Pfn, int]]:
        """Split a pfn range at section borders: yield ``(section, start_pfn, nr_pages)``.

        Source: mm/memory_hotplug.c: __add_pages()
        """
        pfn, end_pfn = start_pfn, start_pfn + nr_pages
        while pfn < end_pfn:
            section = pfn // self.pages_per_section
            stop = min((section + 1) * self.pages_per_section, end_pfn)
            yield Section(section), Pfn(pfn), stop - pfn
            pfn = stop


def scaled(geometry: Geometry, entries_shift: int = 5) -> Geometry:
    """Return ``geometry`` with fewer entries per table and, in proportion, fewer subsections per section.

    With 5, a table has 32 entries and a section of 4K pages 4 subsections; the memmap of a section
    keeps its ratio to a PMD leaf.

    :param entries_shift: log2 of the entries of a table
    """
    fewer = max(0, geometry.table_shift - entries_shift)
    section_shift = max(geometry.section_shift - fewer, geometry.subsection_shift)
    return replace(geometry, table_shift=entries_shift, section_shift=section_shift, memory_block_shift=0)


def _require(condition: bool, what: str, to_fix: str) -> None:
    if not condition:
        raise GeometryError(f"geometry: {what} is not possible", to_fix=to_fix)
