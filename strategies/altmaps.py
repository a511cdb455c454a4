# SPDX-License-Identifier: GPL-2.0-or-later
"""Altmaps: memory of a device for its own memmap."""

from hypothesis import strategies as st

from vmemcheck.geometry import Geometry
from vmemcheck.operation import Altmap


def altmaps(geometry: Geometry, nr_pages: int) -> st.SearchStrategy[Altmap]:
    """Draw an altmap that lies within a device of ``nr_pages`` pages, and leaves one of them for data.

    What is free is, in pages: exactly the memmap of the device, up to two PMD leaves more, or less than it needs.

    :param nr_pages: pages of the device, 2 or more
    """
    need = len(geometry.page_aligned_outward(geometry.memmap_range(0, nr_pages))) // geometry.page_bytes
    enough = st.integers(need, need + (2 << geometry.table_shift))
    free = st.one_of(st.just(need), enough, st.integers(0, need)).map(lambda pages: min(pages, nr_pages - 1))
    return free.flatmap(lambda pages: st.builds(Altmap, st.integers(0, min(8, nr_pages - 1 - pages)), st.just(pages)))
