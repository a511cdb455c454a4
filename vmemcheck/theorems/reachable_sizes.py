# SPDX-License-Identifier: GPL-2.0-or-later
"""reachable-sizes: which sizes of struct page an alignment of the struct leaves."""

from vmemcheck.theorems import terms as t
from vmemcheck.theorems.theorem import Case, Deduction, Judgement, Obligation, Theorem, Verdict


def _derive() -> tuple[Deduction, ...]:
    from sympy import ceiling

    from vmemcheck.theorems.derivation import integer, natural, positive, proper_fraction, quotient

    members, a, n, r, c = positive("members"), natural("a"), natural("n"), natural("r"), natural("c")
    size = ceiling(members / 2**a) * 2**a
    return (
        integer(
            "members are padded to the alignment 2^a: sizeof = ceil(members / 2^a)*2^a; sizeof / 2^a",
            quotient(size, 2**a),
        ),
        integer("every multiple is such a size, of itself: ceil(n*2^a / 2^a)", ceiling(quotient(n * 2**a, 2**a))),
        proper_fraction(
            "no other is: what n*A + r + 1 has beyond n*A, with A = r + 2 + c, in units of A", (r + 1) / (r + 2 + c)
        ),
    )


def _obligations() -> tuple[Obligation, ...]:
    members, size, a = t.var("members"), t.var("size"), t.var("a")
    pad = t.power(a) - t.const(1)
    return (
        Obligation(
            "reachable-sizes-aligned",
            "sizeof(struct page) = (members + A - 1) & -A is a multiple of the alignment A",
            (),
            t.aligned((members + pad) & ~pad, a),
        ),
        Obligation(
            "reachable-sizes-exact",
            "every multiple of the alignment is the size of a struct with that many bytes of members",
            (("size is a multiple of the alignment", t.aligned(size, a)),),
            t.equal((size + pad) & ~pad, size),
        ),
        Obligation(
            "reachable-sizes-pages",
            "with 4K pages and 2 MiB subsections, struct pages of a multiple of 16 bytes fill an even number of pages",
            (("size is a multiple of 16", t.aligned(size, t.const(4))),),
            t.aligned(size << t.const(21 - 12), t.const(13)),
        ),
    )


def _judge(case: Case) -> Judgement:
    size, align = case.geometry.struct_page_bytes, case.struct_page_align
    left = ", ".join(map(str, case.struct_page_sizes))
    if case.can_occur:
        return Judgement(Verdict.PROVED, f"{size} is a multiple of {align}; {left} can occur")
    if size % align:
        because = f"struct page is aligned to {align} bytes, and {size} is not a multiple of {align}; {left} can occur"
    else:
        because = f"no configuration gives {size} bytes; {left} can occur"
    return Judgement(Verdict.REFUTED, because)


REACHABLE_SIZES = Theorem(
    "reachable-sizes",
    "sizeof(struct page) is a multiple of the alignment of struct page: with HAVE_ALIGNED_STRUCT_PAGE only multiples"
    " of 16 remain, without it multiples of 8",
    ("struct page is declared __aligned(2 * sizeof(long)) with HAVE_ALIGNED_STRUCT_PAGE",),
    (),
    "include/linux/mm_types.h: struct page, _struct_page_alignment",
    _derive,
    _obligations(),
    _judge,
)
