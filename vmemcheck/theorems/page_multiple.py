# SPDX-License-Identifier: GPL-2.0-or-later
"""page-multiple: the memmap of a subsection is a whole number of pages."""

from fractions import Fraction

from vmemcheck.geometry import Geometry
from vmemcheck.theorems import terms as t
from vmemcheck.theorems.divisibility import DIVISIBILITY, needed_alignment
from vmemcheck.theorems.theorem import Case, Deduction, Judgement, Obligation, Theorem, Verdict


def pages_per_subsection_memmap(geometry: Geometry) -> Fraction:
    """Return the pages of the memmap of one subsection, exactly."""
    return Fraction(geometry.subsection_memmap_bytes, geometry.page_bytes)


def _derive() -> tuple[Deduction, ...]:
    from sympy import Integer

    from vmemcheck.theorems.derivation import natural, positive, quotient, shown
    from vmemcheck.theorems.lemma import derive_bound, derive_lemma

    p, shift, octets = natural("p"), natural("B"), positive("m")
    steps = derive_lemma()
    steps.append(derive_bound("here 2^k pages of 2^p bytes make 2^B bytes, k = B - p, and q = p", p, shift - p))
    pages = quotient(8 * octets * 2 ** Integer(21 - 12), Integer(2) ** 12)
    steps.append(shown("with 4K pages, 2 MiB subsections and S = 8*m", "memmap / 2^12", pages))
    return tuple(steps)


def _obligations() -> tuple[Obligation, ...]:
    size, p, shift = t.var("S"), t.var("p"), t.var("B")
    count = Obligation(
        "page-multiple-count",
        "with 4K pages and 2 MiB subsections the memmap is S/8 pages",
        (("S is a multiple of 8", t.aligned(size, t.const(3))),),
        t.equal((size >> t.const(3)) << t.const(12), size << t.const(21 - 12)),
    )
    bound = Obligation(
        "page-multiple-bound",
        "for k = B - p pages of 2^p bytes, the bound max(0, p - k) of the lemma is max(0, 2*p - B)",
        (
            ("a subsection is a whole number of pages", t.at_most(p, shift)),
            ("a subsection is smaller than the address space", t.below(shift, t.const(t.BITS))),
        ),
        t.equal(t.excess(p, shift - p), t.excess(p + p, shift)),
    )
    return (*DIVISIBILITY, bound, count)


def _judge(case: Case) -> Judgement:
    geometry = case.geometry
    pages = pages_per_subsection_memmap(geometry)
    bound = needed_alignment(geometry.subsection_shift - geometry.page_shift, geometry.page_shift)
    size = geometry.struct_page_bytes
    if pages.denominator == 1:
        because = f"{geometry.pages_per_subsection} struct pages of {size} bytes are {pages} pages"
    else:
        because = (
            f"{geometry.pages_per_subsection} struct pages of {size} bytes are {geometry.subsection_memmap_bytes}"
            f" bytes, {pages} of a page of {geometry.page_bytes}; {size} is not a multiple of {bound}"
        )
    return Judgement(Verdict.of(size % bound == 0), because, pages)


PAGE_MULTIPLE = Theorem(
    "page-multiple",
    "the memmap of a subsection is a whole number of pages if and only if sizeof(struct page) is a multiple of"
    " 2^max(0, 2*PAGE_SHIFT - SUBSECTION_SHIFT); no smaller alignment is enough",
    ("PAGE_SHIFT <= SUBSECTION_SHIFT < 64",),
    ("PAGE_SHIFT", "SUBSECTION_SHIFT"),
    "mm/sparse-vmemmap.c: __populate_section_memmap()",
    _derive,
    _obligations(),
    _judge,
)
