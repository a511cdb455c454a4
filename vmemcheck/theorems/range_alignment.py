# SPDX-License-Identifier: GPL-2.0-or-later
"""range-alignment: subsection-aligned pfn ranges have page-aligned memmaps."""

from vmemcheck.theorems import terms as t
from vmemcheck.theorems.page_multiple import PAGE_MULTIPLE
from vmemcheck.theorems.theorem import Case, Deduction, Judgement, Obligation, Theorem, Verdict


def _derive() -> tuple[Deduction, ...]:
    from vmemcheck.theorems.derivation import integer, natural, positive, quotient, shown

    v, number, n, p = natural("v"), natural("t"), positive("n"), natural("p")
    memmap = n * 2**p
    address = v * 2**p + number * memmap
    return (
        shown("by page-multiple, the memmap of a subsection is n pages", "memmap", memmap),
        shown("vmemmap = v*2^p; the memmap of subsection t starts at", "address", address),
        integer("start and end of a range are such addresses: address / 2^p", quotient(address, 2**p)),
    )


def _obligations() -> tuple[Obligation, ...]:
    base, number, memmap, p = t.var("vmemmap"), t.var("t"), t.var("memmap"), t.var("p")
    return (
        Obligation(
            "range-alignment",
            "the memmap of subsection t, modulo 2^64, starts on a page",
            (
                ("the vmemmap base is page aligned", t.aligned(base, p)),
                ("the memmap of a subsection is a whole number of pages", t.aligned(memmap, p)),
            ),
            t.aligned(base + number * memmap, p),
        ),
    )


def _judge(case: Case) -> Judgement:
    geometry = case.geometry
    premise = PAGE_MULTIPLE.judge(case)
    if premise.verdict is Verdict.PROVED:
        return Judgement(
            Verdict.PROVED, f"every start and end is a multiple of {geometry.page_bytes} from the vmemmap base"
        )
    end = geometry.memmap_range(0, geometry.pages_per_subsection).stop
    return Judgement(
        Verdict.REFUTED, f"the memmap of subsection 0 ends at vmemmap + {end - geometry.vmemmap_base:#x}, within a page"
    )


RANGE_ALIGNMENT = Theorem(
    "range-alignment",
    "start and end of the memmap of every subsection-aligned pfn range are page aligned",
    ("the vmemmap base is page aligned", "the memmap of a subsection is a whole number of pages (page-multiple)"),
    ("PAGE_SHIFT", "SUBSECTION_SHIFT"),
    "mm/sparse-vmemmap.c: __populate_section_memmap(); mm/memory_hotplug.c: check_pfn_span()",
    _derive,
    _obligations(),
    _judge,
)
