# SPDX-License-Identifier: GPL-2.0-or-later
"""What an architecture's value says: its sizes, and the rule for struct page."""

from dataclasses import dataclass

from vmemcheck.by_design import ByDesign
from vmemcheck.geometry import Geometry

# Members of struct page: those that are always there, those of CONFIG_MEMCG (or CONFIG_SLAB_OBJ_EXT), of
# LAST_CPUPID_NOT_IN_PAGE_FLAGS (an int, and padding), and of CONFIG_KMSAN.
_MEMBERS_BYTES = 56
_MEMCG_BYTES = 8
_LAST_CPUPID_BYTES = 8
_KMSAN_BYTES = 16

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
    :param aligned_struct_page: whether HAVE_ALIGNED_STRUCT_PAGE is selected
    :param kmsan: whether HAVE_ARCH_KMSAN is selected
    :param source: where the values come from, as *kernel file: symbol*
    :param other_levels: numbers of levels of page tables that can be chosen at boot instead of the usual one
    :param by_design: what is no finding
    :param boot_stays: boot memory cannot be removed; *kernel file: function()* that prevents it, or empty
    """

    name: str
    alias: str
    page_sizes: tuple[PageSize, ...]
    aligned_struct_page: bool
    kmsan: bool
    source: tuple[str, ...]
    other_levels: tuple[int, ...] = ()
    by_design: tuple[ByDesign, ...] = ()
    boot_stays: str = ""

    @property
    def struct_page_align(self) -> int:
        """Alignment of struct page in bytes.

        Source: include/linux/mm_types.h: _struct_page_alignment
        """
        return 16 if self.aligned_struct_page else 8

    @property
    def struct_page_sizes(self) -> tuple[int, ...]:
        """The sizes of struct page that its configurations can give, ascending.

        An upper bound: each member that depends on a configuration symbol is counted both ways. None of these
        architectures defines WANT_PAGE_VIRTUAL.

        Source: include/linux/mm_types.h: struct page
        """
        align = self.struct_page_align
        optional = [_MEMCG_BYTES, _LAST_CPUPID_BYTES] + [_KMSAN_BYTES] * self.kmsan
        members = {_MEMBERS_BYTES}
        for more in optional:
            members |= {size + more for size in members}
        return tuple(sorted({-(-size // align) * align for size in members}))
