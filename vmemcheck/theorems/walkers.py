# SPDX-License-Identifier: GPL-2.0-or-later
"""walkers: pgd_addr_end() and its like keep ranges aligned, at every level."""

from vmemcheck.theorems import terms as t
from vmemcheck.theorems.theorem import Case, Deduction, Judgement, Obligation, Theorem, Verdict


def addr_end(address: t.Term, end: t.Term, shift: t.Term) -> t.Term:
    """Return ``p?d_addr_end(address, end)`` of a level whose entries map ``1 << shift`` bytes.

    Source: include/linux/pgtable.h: pmd_addr_end()
    """
    boundary = (address + t.power(shift)) & ~(t.power(shift) - t.const(1))
    return t.choose(t.below(boundary - t.const(1), end - t.const(1)), boundary, end)


def _derive() -> tuple[Deduction, ...]:
    from sympy import Min, expand, floor

    from vmemcheck.theorems.derivation import above_zero, integer, natural, not_negative, quotient, same, shown

    p, d, u, c, m, e = natural("p"), natural("d"), natural("u"), natural("c"), natural("m"), natural("e")
    size = 2 ** (p + d)
    boundary = floor(quotient(u * size + size, size)) * size
    address = u * size + (size - 1 - c)
    end = boundary + e
    earlier = m * 2**p
    return (
        shown("a level maps 2^(p + d) bytes by one entry; the boundary behind entry u is", "boundary", boundary),
        integer("it is on a page: boundary / 2^p", quotient(boundary, 2**p)),
        above_zero(
            "it is behind every addr = u*2^(p+d) + r, r = 2^(p+d) - 1 - c: boundary - addr", expand(boundary - address)
        ),
        same("first case, end = boundary + e: next = min(boundary, end)", Min(boundary, end), boundary),
        not_negative("not behind the end: end - next", expand(end - Min(boundary, end))),
        same(
            "second case, boundary = end + 1 + e with end = m*2^p: next = min(boundary, end)",
            Min(earlier + 1 + e, earlier),
            earlier,
        ),
        integer("which is on a page: next / 2^p", quotient(Min(earlier + 1 + e, earlier), 2**p)),
    )


def _obligations() -> tuple[Obligation, ...]:
    address, end, p, q = t.var("addr"), t.var("end"), t.var("p"), t.var("q")
    follows = addr_end(address, end, q)
    whole = ("an entry maps at least one page", t.at_most(p, q))
    not_empty = (
        "the range is not empty; an end of 0 is the top of the address space",
        t.at_most(address, end - t.const(1)),
    )
    one = t.const(1)
    return (
        Obligation(
            "walkers-aligned",
            "next is page aligned, also where addr + size wraps around",
            (whole, ("the end is page aligned", t.aligned(end, p))),
            t.aligned(follows, p),
        ),
        Obligation(
            "walkers-progress",
            "next is behind addr and not behind end",
            (not_empty,),
            t.both(t.at_most(address, follows - one), t.at_most(follows - one, end - one)),
        ),
    )


def _judge(case: Case) -> Judgement:
    geometry = case.geometry
    pte, pmd = geometry.page_bytes, geometry.pmd_bytes
    # An entry of each level above maps a table of the level below, so a multiple of a PMD leaf.
    because = f"an entry maps {pte >> 10} KiB (PTE), {pmd >> 10} KiB (PMD), and multiples of that on the levels above"
    return Judgement(Verdict.of(pmd % pte == 0), because)


WALKERS = Theorem(
    "walkers",
    "next = pgd/p4d/pud/pmd_addr_end(addr, end) is page aligned, behind addr and not behind end",
    (
        "the end is page aligned",
        "an entry maps at least one page",
        "addr <= end - 1",
    ),
    ("PAGE_SHIFT", "PMD_SHIFT"),
    "include/linux/pgtable.h: pgd_addr_end(), p4d_addr_end(), pud_addr_end(), pmd_addr_end()",
    _derive,
    _obligations(),
    _judge,
)
