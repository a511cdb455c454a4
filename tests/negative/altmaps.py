# SPDX-License-Identifier: GPL-2.0-or-later
"""Broken ledgers: they count wrongly what an altmap gave and got back.

``tests.negative.variants`` lists them, with the invariant that must catch each.
"""

from vmemcheck.reference.ledger import Ledger


class NeverCountsBack(Ledger):
    def count_altmap(self, start_pfn: int, alloc: int, align: int = 0) -> None:
        super().count_altmap(start_pfn, max(alloc, 0), align)


class CountsTwice(Ledger):
    def count_altmap(self, start_pfn: int, alloc: int, align: int = 0) -> None:
        super().count_altmap(start_pfn, 2 * alloc, align)


class ForgetsSkippedPages(Ledger):
    def count_altmap(self, start_pfn: int, alloc: int, align: int = 0) -> None:
        super().count_altmap(start_pfn, alloc)
