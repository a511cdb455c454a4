# SPDX-License-Identifier: GPL-2.0-or-later
"""Geometries: the sizes that kernels have, and small ones with the same proportions."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st

from vmemcheck.geometry import Geometry

STRUCT_PAGE_BYTES = (64, 56, 72, 80, 88, 96)
PAGE_SHIFTS = (12, 14, 16)


def geometries(
    *,
    struct_page_bytes: Sequence[int] = STRUCT_PAGE_BYTES,
    page_shifts: Sequence[int] = PAGE_SHIFTS,
    scale: bool = True,
) -> st.SearchStrategy[Geometry]:
    """Draw a geometry, 64-byte struct pages and 4K pages first.

    :param struct_page_bytes: sizes of struct page to choose from
    :param page_shifts: page shifts to choose from
    :param scale: also draw scaled-down geometries
    """
    full = st.builds(_full, st.sampled_from(page_shifts), st.sampled_from(struct_page_bytes))
    if not scale:
        return full
    return st.builds(scaled, full, entries_shift=st.sampled_from((5, 6))) | full


def scaled(geometry: Geometry, entries_shift: int = 5) -> Geometry:
    """Return ``geometry`` with fewer entries per table and, in proportion, fewer subsections per section.

    With 5, a table has 32 entries and a section of 4K pages 4 subsections; the memmap of a section
    keeps its ratio to a PMD leaf.

    :param entries_shift: log2 of the entries of a table
    """
    fewer = max(0, geometry.table_shift - entries_shift)
    section_shift = max(geometry.section_shift - fewer, geometry.subsection_shift)
    return replace(geometry, table_shift=entries_shift, section_shift=section_shift, memory_block_shift=0)


def _full(page_shift: int, struct_page_bytes: int) -> Geometry:
    section_shift = 29 if page_shift == 16 else 27
    return Geometry(struct_page_bytes, page_shift, section_shift, table_shift=page_shift - 3)
