# SPDX-License-Identifier: GPL-2.0-or-later
"""Variants of the reference machine that share, or count, the memmap of compound devmaps wrongly."""

from tests.negative.variants import PLAIN, WHOLE_PMD, Variant, with_part
from vmemcheck.reference.vmemmap import Vmemmap


class SharesNeighboursTail(Vmemmap):
    """Takes the page before a compound page for one of its tail pages."""

    def shares_tail(self, number: int) -> bool:
        """Return whether vmemmap page ``number`` of a compound page is one of the shared ones."""
        return number != 1


class CountsSharedPages(Vmemmap):
    """Counts a page as often as it is mapped."""

    def populate_compound(self, span: range, vmemmap_shift: int) -> None:
        """Map the memmap of compound pages, and count all of it."""
        before = self.populated_pages
        super().populate_compound(span, vmemmap_shift)
        self.count(len(span) // self.geometry.page_bytes - (self.populated_pages - before))


COMPOUND_VARIANTS = (
    Variant(
        "shares a page with the compound page before",
        WHOLE_PMD,
        with_part(SharesNeighboursTail),
        "memmap-backed",
        1,
        PLAIN,
    ),
    Variant(
        "counts shared tail pages each time", WHOLE_PMD, with_part(CountsSharedPages), "counters-balanced", 1, PLAIN
    ),
)
