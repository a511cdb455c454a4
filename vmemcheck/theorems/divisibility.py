# SPDX-License-Identifier: GPL-2.0-or-later
"""The lemma behind page-multiple and sub-pmd: when 2^k structs fill a whole number of 2^q-byte units.

``S * 2^k`` is a multiple of ``2^q`` if and only if ``S`` is a multiple of
``2^max(0, q - k)``, and no smaller alignment of ``S`` is enough.
"""

from sympy import Eq, Expr, solve

from vmemcheck.theorems import terms as t
from vmemcheck.theorems.derivation import integer, natural, not_integer, positive, quotient, shown
from vmemcheck.theorems.theorem import Deduction, Obligation


def needed_alignment(count_shift: int, unit_shift: int) -> int:
    """Return the alignment of S in bytes that is needed: ``2^max(0, q - k)``."""
    return 1 << max(0, unit_shift - count_shift)


def derive_lemma() -> list[Deduction]:
    """Derive both directions and the tightness of the bound."""
    size, whole = positive("S"), positive("n")
    k, a, d, i = natural("k"), natural("a"), natural("d"), natural("i")
    steps = [shown("the structs of one range, 2^k of them", "memmap", size * 2**k)]

    # q <= k: written as k = q + d.
    q = natural("q")
    many = quotient(size * 2 ** (q + d), 2**q)
    steps.append(integer("first case, q <= k, that is k = q + d: memmap / 2^q", many))

    # q > k: written as q = k + a.
    few = quotient(size * 2**k, 2 ** (k + a))
    steps.append(shown("second case, q > k, that is q = k + a: units", "memmap / 2^q", few))
    sufficient = quotient((whole * 2**a) * 2**k, 2 ** (k + a))
    steps.append(integer("if S is a multiple of 2^a, S = n*2^a: memmap / 2^q", sufficient))
    (solution,) = solve(Eq(few, whole), size)
    steps.append(
        integer(f"only if: memmap / 2^q = n has the one solution S = {solution}: S / 2^a", quotient(solution, 2**a))
    )
    steps.append(shown("the bound 2^a in terms of q and k: a = q - k, from", "q - k", (k + a) - k))

    # Tight: 2^(a - 1 - i) is the largest power of two below the bound, or a smaller one; a > 0.
    b = natural("b")
    smaller = quotient(2 ** (b - i) * 2**k, 2 ** (k + b + 1))
    steps.append(not_integer("tight: for a = b + 1 and S = 2^(b - i), i >= 0: memmap / 2^q", smaller))
    return steps


def derive_bound(text: str, q: Expr, k: Expr) -> Deduction:
    """Put the quantities of a theorem into ``q - k``."""
    return shown(text, "q - k", q - k)


def lemma_obligations(
    name: str,
    unit: str,
    count_shift: t.Term,
    unit_shift: t.Term,
    hypotheses: tuple[tuple[str, t.Term], ...],
) -> tuple[Obligation, ...]:
    """Return the lemma over words: both directions, and that the bound is tight.

    :param unit: what is to be filled, in words
    :param count_shift: log2 of the number of structs
    :param unit_shift: log2 of the unit in bytes
    """
    size, j = t.var("S"), t.var("j")
    bound = t.excess(unit_shift, count_shift)
    return (
        Obligation(
            f"{name}-iff",
            f"the memmap is a multiple of the {unit} if and only if sizeof(struct page) is a multiple of the bound",
            hypotheses,
            t.equal(t.aligned(size << count_shift, unit_shift), t.aligned(size, bound)),
        ),
        Obligation(
            f"{name}-tight",
            "no smaller power of two is enough: a struct page of 2^j bytes, j below the bound, is a counterexample",
            (*hypotheses, ("2^j is smaller than the bound", t.below(j, bound))),
            t.negated(t.aligned(t.power(j) << count_shift, unit_shift)),
        ),
    )
