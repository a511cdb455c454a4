# SPDX-License-Identifier: GPL-2.0-or-later
"""What an architecture's value says: its sizes, and the rule for struct page."""

from dataclasses import dataclass

from vmemcheck.geometry import Geometry

SUBSECTION_SHIFT = 21
"""The same on every architecture.

Source: include/linux/mmzone.h: SUBSECTION_SHIFT
"""


@dataclass(frozen=True, slots=True)
class PageSize:
    """The sizes that go with one page size.

    :param page_shift: ``PAGE_SHIFT``
    :param section_shift: ``SECTION_SIZE_BITS``
    :param table_shift: ``PMD_SHIFT - PAGE_SHIFT``
    :param levels: levels of page tables in the usual configuration
    """

    page_shift: int
    section_shift: int
    table_shift: int
    levels: int

    @property
    def name(self) -> str:
        """``4K``, ``16K`` or ``64K``."""
        return f"{1 << (self.page_shift - 10)}K"

    def geometry(self, struct_page_bytes: int) -> Geometry:
        """Return the geometry with this size of struct page."""
        return Geometry(
            struct_page_bytes,
            self.page_shift,
            self.section_shift,
            SUBSECTION_SHIFT,
            self.table_shift,
            self.levels,
        )


@dataclass(frozen=True, slots=True)
class Architecture:
    """An architecture, as it is in the newest kernel that was looked at (7.2).

    :param name: canonical name
    :param alias: its folder below arch/ in the kernel
    :param page_sizes: in ascending order
    :param struct_page_align: alignment of struct page in bytes: 16 where HAVE_ALIGNED_STRUCT_PAGE is selected, else 8
    :param source: where the values come from, as *kernel file: symbol*
    """

    name: str
    alias: str
    page_sizes: tuple[PageSize, ...]
    struct_page_align: int
    source: tuple[str, ...]
