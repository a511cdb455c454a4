# SPDX-License-Identifier: GPL-2.0-or-later
"""Variants of the reference machine that mistake the two ranges of a device for two devices."""

from tests.negative.variants import PLAIN, WHOLE_PMD, Variant
from vmemcheck.model import LiveRange
from vmemcheck.reference import ReferenceMachine


class KeepsFirstRange(ReferenceMachine):
    """Leaves the first range where it is when the second one is refused."""

    def take_back(self, added: tuple[LiveRange, ...]) -> None:
        """Forget the ranges only."""
        del self.live[len(self.live) - len(added) :]


class RemovesOneRange(ReferenceMachine):
    """Removes the range that came first, and forgets the other."""

    def remove(self, live: LiveRange) -> None:
        """Remove a range, unless the other one of its device was removed just now."""
        if live.other_pfn is None or any(one.start_pfn == live.other_pfn for one in self.live):
            super().remove(live)
        else:
            self.mark_absent(live.pfns)


PAIR_VARIANTS = (
    Variant("keeps the first range of a device", WHOLE_PMD, KeepsFirstRange, "refusals", 2, PLAIN),
    Variant("removes one of the ranges of a device", WHOLE_PMD, RemovesOneRange, "no-leak", 2, PLAIN),
)
