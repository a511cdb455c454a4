# SPDX-License-Identifier: GPL-2.0-or-later
"""The third opinion: plain counting over all sizes and shifts of a box, without algebra."""

from collections.abc import Iterator
from dataclasses import dataclass

from vmemcheck.geometry import Geometry

SIZES = range(8, 129)
PAGE_SHIFTS = range(12, 17)
SUBSECTION_SHIFTS = range(16, 25)


@dataclass(frozen=True, slots=True)
class Counted:
    """One point of the box.

    :param whole: the memmap of one subsection ends on a page, found by counting bytes
    """

    geometry: Geometry
    whole: bool


def count() -> Iterator[Counted]:
    """Lay out the struct pages of a subsection one after the other, for every point of the box."""
    for page_shift in PAGE_SHIFTS:
        for subsection_shift in SUBSECTION_SHIFTS:
            if subsection_shift < page_shift:
                continue
            for size in SIZES:
                geometry = Geometry(size, page_shift, max(subsection_shift, 27), subsection_shift)
                yield Counted(geometry, _ends_on_page(size, 1 << (subsection_shift - page_shift), 1 << page_shift))


def _ends_on_page(size: int, structs: int, page_bytes: int) -> bool:
    """Count the bytes left in the last page, structs one by one."""
    left = 0
    for _ in range(structs):
        left = (left - size) % page_bytes
    return left == 0
