# SPDX-License-Identifier: GPL-2.0-or-later
"""sub-pmd: when the memmap of a section is a whole number of PMD leaves, and no leaf is ever shared."""

from fractions import Fraction

from vmemcheck.theorems import terms as t
from vmemcheck.theorems.divisibility import DIVISIBILITY, needed_alignment
from vmemcheck.theorems.theorem import Case, Deduction, Judgement, Obligation, Theorem, Verdict


def _derive() -> tuple[Deduction, ...]:
    from vmemcheck.theorems.derivation import natural
    from vmemcheck.theorems.lemma import derive_bound, derive_lemma

    p, section, pmd = natural("p"), natural("M"), natural("D")
    bound = derive_bound(
        "here 2^k pages of 2^p bytes make 2^M bytes, k = M - p, and q = D = PMD_SHIFT", pmd, section - p
    )
    return (*derive_lemma(), bound)


def _obligations() -> tuple[Obligation, ...]:
    p, section, pmd = t.var("p"), t.var("M"), t.var("D")
    words = t.const(t.BITS)
    bound = Obligation(
        "sub-pmd-bound",
        "for k = M - p and q = D, the bound max(0, q - k) of the lemma is max(0, D + p - M)",
        (
            ("a section is a whole number of pages", t.at_most(p, section)),
            ("a section is smaller than the address space", t.below(section, words)),
            ("a PMD leaf is smaller than the address space", t.below(pmd, words)),
        ),
        t.equal(t.excess(pmd, section - p), t.excess(pmd + p, section)),
    )
    return (*DIVISIBILITY, bound)


def _judge(case: Case) -> Judgement:
    geometry = case.geometry
    leaves = Fraction(geometry.section_memmap_bytes, geometry.pmd_bytes)
    bound = needed_alignment(geometry.section_shift - geometry.page_shift, geometry.pmd_shift)
    size = geometry.struct_page_bytes
    if leaves.denominator == 1:
        because = f"the memmap of a section is {leaves} PMD leaves of {geometry.pmd_bytes >> 10} KiB: none is shared"
    else:
        because = (
            f"the memmap of a section is {geometry.section_memmap_bytes >> 10} KiB, {leaves} of a PMD leaf of"
            f" {geometry.pmd_bytes >> 10} KiB; {size} is not a multiple of {bound}: a leaf needs sub-PMD tracking"
        )
    return Judgement(Verdict.of(size % bound == 0), because, leaves)


SUB_PMD = Theorem(
    "sub-pmd",
    "the memmap of a section is a whole number of PMD leaves if and only if sizeof(struct page) is a multiple of"
    " 2^max(0, PAGE_SHIFT + PMD_SHIFT - SECTION_SIZE_BITS); otherwise PMD leaves need sub-PMD tracking",
    ("PAGE_SHIFT <= SECTION_SIZE_BITS < 64", "PMD_SHIFT < 64"),
    ("PAGE_SHIFT", "SECTION_SIZE_BITS", "PMD_SHIFT"),
    "arch/x86/mm/init_64.c: vmemmap_populate_hugepages(), vmemmap_use_new_sub_pmd()",
    _derive,
    _obligations(),
    _judge,
)
