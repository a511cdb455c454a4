# SPDX-License-Identifier: GPL-2.0-or-later
"""The lemma behind page-multiple and sub-pmd, over words: when 2^k structs fill a whole number of 2^q-byte units.

``S * 2^k`` is a multiple of ``2^q`` if and only if ``S`` is a multiple of
``2^max(0, q - k)``, and no smaller alignment of ``S`` is enough. The derivation is in
``vmemcheck.theorems.lemma``.
"""

from vmemcheck.theorems import terms as t
from vmemcheck.theorems.theorem import Obligation


def needed_alignment(count_shift: int, unit_shift: int) -> int:
    """Return the alignment of S in bytes that is needed: ``2^max(0, q - k)``."""
    return 1 << max(0, unit_shift - count_shift)


def _lemma() -> tuple[Obligation, ...]:
    size, j, k, q = t.var("S"), t.var("j"), t.var("k"), t.var("q")
    bound = t.excess(q, k)
    small = ("a unit is smaller than the address space", t.below(q, t.const(t.BITS)))
    return (
        Obligation(
            "divisibility-iff",
            "S * 2^k is a multiple of 2^q if and only if S is a multiple of 2^max(0, q - k), also where S * 2^k wraps",
            (small,),
            t.equal(t.aligned(size << k, q), t.aligned(size, bound)),
        ),
        Obligation(
            "divisibility-tight",
            "no smaller power of two is enough: S = 2^j with j below max(0, q - k) is a counterexample",
            (small, ("2^j is smaller than the bound", t.below(j, bound))),
            t.negated(t.aligned(t.power(j) << k, q)),
        ),
    )


DIVISIBILITY = _lemma()
"""The obligations of the lemma; both theorems have them."""
