# SPDX-License-Identifier: GPL-2.0-or-later
"""The derivation of the lemma behind page-multiple and sub-pmd (``vmemcheck.theorems.divisibility``)."""

from sympy import Eq, Expr, solve

from vmemcheck.theorems.derivation import integer, natural, not_integer, positive, quotient, shown
from vmemcheck.theorems.theorem import Deduction


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
