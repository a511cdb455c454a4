# SPDX-License-Identifier: GPL-2.0-or-later
"""A variant of the reference machine that leaves what it unmapped in TLBs."""

from tests.negative.variants import PLAIN, WHOLE_PMD, Variant, with_part
from vmemcheck.observation import Unflushed
from vmemcheck.reference.tables import PageTables


class NeverFlushes(PageTables):
    """Clears entries, and flushes nothing."""

    def unmap(self, address: int, function: str) -> None:
        """Clear a leaf entry, and say that it stays in TLBs."""
        mapping = self.leaf(address)
        super().unmap(address, function)
        if mapping:
            self.ledger.events.append(Unflushed(mapping.start, mapping.end))


TLB_VARIANTS = (Variant("never flushes TLBs", WHOLE_PMD, with_part(NeverFlushes), "tlb-flushed", 2, PLAIN),)
