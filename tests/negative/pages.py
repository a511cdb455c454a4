# SPDX-License-Identifier: GPL-2.0-or-later
"""Broken variants of the reference machine that take the wrong pages for memmap, or count them wrongly."""

from tests.negative.variants import PLAIN, WHOLE_PMD, Variant, with_part
from vmemcheck.observation import Owner
from vmemcheck.reference.contents import Contents
from vmemcheck.reference.ledger import Ledger
from vmemcheck.reference.vmemmap import Vmemmap


class CountsEachPageTwice(Vmemmap):
    def count(self, pages: int) -> None:
        super().count(2 * pages)


class TakesAnyPagesForLeaf(Ledger):
    def _from_buddy(self, order: int, owner: Owner) -> int:
        if order:
            self._next_pfn += 1
        pfn = self._next_pfn
        self._next_pfn += 1 << order
        self._contents[pfn] = Contents(self._page_bytes << order)
        return pfn


PAGE_VARIANTS = (
    Variant(
        "counts each page of memmap twice", WHOLE_PMD, with_part(CountsEachPageTwice), "counters-balanced", 1, PLAIN
    ),
    Variant("takes any pages for a leaf", WHOLE_PMD, with_part(TakesAnyPagesForLeaf), "tables-sound", 1, PLAIN),
)
