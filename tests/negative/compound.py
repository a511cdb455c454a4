# SPDX-License-Identifier: GPL-2.0-or-later
"""Variants of the reference machine that share, or count, the memmap of compound devmaps wrongly."""

from tests.negative.variants import PLAIN, WHOLE_PMD, Variant, with_part
from vmemcheck.observation import Owner
from vmemcheck.reference import ReferenceMachine
from vmemcheck.reference.vmemmap import Vmemmap


class SharesNeighboursTail(Vmemmap):
    """Takes the page before a compound page for one of its tail pages."""

    def shares_tail(self, number: int) -> bool:
        """Return whether vmemmap page ``number`` of a compound page is one of the shared ones."""
        return number != 1


class CountsSharedPages(ReferenceMachine):
    """Counts a page as often as it is mapped."""

    def populate_section(self, start_pfn: int, nr_pages: int, owner: Owner, vmemmap_shift: int) -> None:
        """Map memmap, and count all of it."""
        super().populate_section(start_pfn, nr_pages, owner, vmemmap_shift)
        counter, pages = self.counted[start_pfn]
        memmap = len(self.geometry.memmap_range(start_pfn, nr_pages)) // self.geometry.page_bytes
        self.counted[start_pfn] = counter, memmap
        self.vmemmap.count(counter, memmap - pages)


COMPOUND_VARIANTS = (
    Variant(
        "shares a page with the compound page before",
        WHOLE_PMD,
        with_part(SharesNeighboursTail),
        "memmap-backed",
        1,
        PLAIN,
    ),
    Variant("counts shared tail pages each time", WHOLE_PMD, CountsSharedPages, "counters-balanced", 1, PLAIN),
)
