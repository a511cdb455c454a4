# SPDX-License-Identifier: GPL-2.0-or-later
"""Broken variants of what happens between a free and the next use of the same memory.

The other variants are in ``tests.negative.variants``.
"""

from tests.negative.variants import SUB_PMD, Variant
from vmemcheck.geometry import Geometry
from vmemcheck.observation import Content, Mapping
from vmemcheck.reference import ReferenceMachine
from vmemcheck.reference.vmemmap import Vmemmap
from vmemcheck.scope import Scope

ADDS = Scope(boot=False, faults=False, fallback=False, altmaps=False, compound=False, refusals=False)
"""So few kinds of operations that the same memory is soon used again."""


class ForgetsWhatRecycledLeafHolds(Vmemmap):
    def use_new_leaf(self, mapping: Mapping, part: range) -> None:
        self.flush_unused()
        self.mark(mapping, range(mapping.start, part.start), Content.UNUSED)
        self.unused = range(part.stop, mapping.end)


class Unpoisoned(ReferenceMachine):
    vmemmap_class = ForgetsWhatRecycledLeafHolds

    def __init__(self, geometry: Geometry) -> None:
        super().__init__(geometry, poison=False)


REUSE_VARIANTS = (
    Variant("takes what a recycled leaf holds for its own", SUB_PMD, Unpoisoned, "memmap-mapped", 5, ADDS),
)
