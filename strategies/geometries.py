# SPDX-License-Identifier: GPL-2.0-or-later
"""Geometries: the sizes that kernels have, and small ones with the same proportions."""

from collections.abc import Sequence

from hypothesis import strategies as st

from vmemcheck.geometry import Geometry, scaled

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


def _full(page_shift: int, struct_page_bytes: int) -> Geometry:
    section_shift = 29 if page_shift == 16 else 27
    return Geometry(struct_page_bytes, page_shift, section_shift, table_shift=page_shift - 3)
