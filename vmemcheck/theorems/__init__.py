# SPDX-License-Identifier: GPL-2.0-or-later
"""The theorems, one file each, and the table of them.

Each is derived by sympy over the integers (``Theorem.derive``), stated again over
64-bit words for a solver (``Theorem.obligations``), and judged for concrete sizes
(``Theorem.judge``). Only this package imports sympy and z3, and only where they are used:
the derivations import sympy when they are asked for, so that z3 can work meanwhile.
"""

from vmemcheck.theorems.both_doors import BOTH_DOORS
from vmemcheck.theorems.page_multiple import PAGE_MULTIPLE
from vmemcheck.theorems.range_alignment import RANGE_ALIGNMENT
from vmemcheck.theorems.reachable_sizes import REACHABLE_SIZES
from vmemcheck.theorems.sub_pmd import SUB_PMD
from vmemcheck.theorems.theorem import Theorem
from vmemcheck.theorems.unreachability import UNREACHABILITY
from vmemcheck.theorems.walkers import WALKERS

__all__ = ["THEOREMS", "Theorem"]

THEOREMS: tuple[Theorem, ...] = (
    PAGE_MULTIPLE,
    RANGE_ALIGNMENT,
    WALKERS,
    UNREACHABILITY,
    BOTH_DOORS,
    SUB_PMD,
    REACHABLE_SIZES,
)
