# SPDX-License-Identifier: GPL-2.0-or-later
"""unreachability: the sub-page branch of remove_pte_table() is dead code on aligned ranges."""

from collections.abc import Iterator

from vmemcheck.theorems import terms as t
from vmemcheck.theorems.theorem import Case, Deduction, Judgement, Obligation, Theorem, Verdict


def iterations(span: range, page_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield ``(addr, next)`` for each iteration of the loop over ``[start, end)``.

    Source: arch/x86/mm/init_64.c: remove_pte_table()
    """
    address = span.start
    while address < span.stop:
        following = (address + page_bytes) & -page_bytes
        following = min(following, span.stop)
        yield address, following
        address = following


def sub_page_iteration(span: range, page_bytes: int) -> tuple[int, int] | None:
    """Return the first iteration that takes the sub-page branch, or None.

    Only the first and the last can; the ones between start and end on pages.
    """
    return next((pair for pair in iterations(span, page_bytes) if pair[0] % page_bytes or pair[1] % page_bytes), None)


def _derive() -> tuple[Deduction, ...]:
    from sympy import Min, expand, floor

    from vmemcheck.theorems.derivation import (
        above_zero,
        integer,
        natural,
        not_negative,
        proper_fraction,
        quotient,
        same,
        shown,
    )

    p, m, c, r = natural("p"), natural("m"), natural("c"), natural("r")
    page = 2**p
    address = m * page
    following = floor(quotient(address + page, page)) * page
    end = following + c * page
    # A range that ends within a page: r + 1 bytes behind a page border, page = r + 2 + c bytes.
    short = (r + 1) / (r + 2 + c)
    return (
        integer("base: addr = start = m*2^p is on a page: addr / 2^p", quotient(address, page)),
        shown("step: (addr + PAGE_SIZE) & PAGE_MASK", "next", following),
        integer("it is on a page: next / 2^p", quotient(following, page)),
        above_zero("the loop advances: next - addr", expand(following - address)),
        same("end > addr is on a page too, so end = next + c*2^p: min(next, end)", Min(following, end), following),
        not_negative("the loop does not pass the end: end - next", expand(end - Min(following, end))),
        integer(
            "conclusion: the next addr is next: both are on a page in every iteration; addr / 2^p",
            quotient(following, page),
        ),
        proper_fraction(
            "converse: an end r + 1 bytes behind a page border is reached as next: what is left of it, in pages", short
        ),
    )


def _obligations() -> tuple[Obligation, ...]:
    address, end, p = t.var("addr"), t.var("end"), t.var("p")
    page = t.power(p)
    following = (address + page) & ~(page - t.const(1))
    following = t.choose(t.below(end, following), end, following)
    on_page = (
        "addr is page aligned: the start (base), or the next of the iteration before (step)",
        t.aligned(address, p),
    )
    end_on_page = ("the end is page aligned", t.aligned(end, p))
    runs = ("the loop runs: addr < end", t.below(address, end))
    return (
        Obligation(
            "unreachability-step",
            "PAGE_ALIGNED(addr) && PAGE_ALIGNED(next) holds, so the sub-page branch is not taken",
            (on_page, end_on_page),
            t.both(t.aligned(address, p), t.aligned(following, p)),
        ),
        Obligation(
            "unreachability-progress",
            "next is behind addr and not behind end, also at the top of the address space",
            (end_on_page, runs),
            t.both(t.below(address, following), t.at_most(following, end)),
        ),
    )


def _judge(case: Case) -> Judgement:
    geometry = case.geometry
    pages = geometry.pages_per_subsection
    # From subsection to subsection the memmap moves on by the same number of bytes, so one period of offsets
    # within a page shows all ranges that there are.
    period = geometry.page_bytes // geometry.grain_bytes
    for subsection in range(period):
        span = geometry.memmap_range(subsection * pages, pages)
        found = sub_page_iteration(span, geometry.page_bytes)
        if found:
            return Judgement(
                Verdict.REFUTED,
                f"removing subsection {subsection}, memmap [{span.start:#x}, {span.stop:#x}), reaches the sub-page"
                f" branch with addr = {found[0]:#x}, next = {found[1]:#x}",
            )
    return Judgement(Verdict.PROVED, f"each iteration removes one page of {geometry.page_bytes} bytes")


UNREACHABILITY = Theorem(
    "unreachability",
    "in the loop of remove_pte_table(), PAGE_ALIGNED(addr) && PAGE_ALIGNED(next) holds in every iteration on the"
    " memmap of subsection-aligned ranges, so the sub-page branch is not reached",
    ("the start is page aligned (range-alignment, walkers)", "the end is page aligned (range-alignment, walkers)"),
    ("PAGE_SHIFT", "SUBSECTION_SHIFT"),
    "arch/x86/mm/init_64.c: remove_pte_table(), in trees where it has a sub-page branch;"
    " arch/powerpc/mm/book3s64/radix_pgtable.c: remove_pte_table()",
    _derive,
    _obligations(),
    _judge,
)
