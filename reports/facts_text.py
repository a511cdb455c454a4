# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck facts`` as text: the facts of each architecture and page size, then the theorems for them."""

from collections.abc import Iterable, Iterator

from vmemcheck.kernel.facts import Facts
from vmemcheck.kernel.struct_page import minimal
from vmemcheck.reports.prove_text import provers_line
from vmemcheck.reproof import Claim, Difference, ProbedTarget, ProbedTree, Reproof
from vmemcheck.theorems.theorem import Verdict


def facts_text(tree: ProbedTree) -> str:
    """Return the report of a tree."""
    lines = [f"{tree.name}   {tree.origin}"]
    for target in tree.targets:
        lines += ["", *_fact_lines(target.facts), "", *_theorem_lines(target)]
    lines += ["", f"{len(tree.proofs)} theorems proved for all values that meet their conditions: vmemcheck prove"]
    return "\n".join([*lines, provers_line(tree.second_opinion)])


def _fact_lines(facts: Facts) -> Iterator[str]:
    yield f"{facts.arch}, pages of {1 << facts.page_shift} bytes, {facts.levels} levels of page tables"
    for name, value in facts.constants.items():
        yield f"  {name:<20} {'not a constant' if value is None else value}"
    for size in minimal(facts.sizes).values():
        symbols = " ".join(size.symbols) or "(none of the symbols below)"
        yield f"  struct page {size.bytes:>4} bytes  {'can occur' if size.reachable else 'cannot   '}  {symbols}"
    for signature in facts.signatures:
        yield f"  {signature.text}"
        yield f"      {signature.file}:{signature.line}"
    yield from (f"  {name}() does not exist" for name in facts.absent)


def _theorem_lines(target: ProbedTarget) -> Iterator[str]:
    yield "  theorems for these values, by sizeof(struct page); ( ) cannot occur here"
    for reproof in target.reproofs:
        yield from _reproof_lines(reproof)
    yield from map(_difference_line, target.differences)
    if not target.differences:
        yield "  vmemcheck/arches has the same values"


def _reproof_lines(reproof: Reproof) -> Iterator[str]:
    name = f"    {reproof.theorem.name:<16} "
    if reproof.gap:
        yield f"{name}not re-proved: {reproof.gap}"
        return
    proved = [claim for claim in reproof.claims if claim.judgement.verdict is Verdict.PROVED]
    refuted = [claim for claim in reproof.claims if claim.judgement.verdict is Verdict.REFUTED]
    words = [f"{verdict} {_sizes(claims)}" for verdict, claims in (("proved", proved), ("refuted", refuted)) if claims]
    yield f"{name}{'; '.join(words)}"
    # A witness is one line, which grep finds whole.
    yield from (f"      refuted {_size(claim)}: {claim.judgement.because}" for claim in refuted)


def _difference_line(difference: Difference) -> str:
    if difference.probed is None:
        return f"  differs: {difference.name} is not a constant here, {difference.expected} in vmemcheck/arches"
    return f"  differs: {difference.name} is {difference.probed} here, {difference.expected} in vmemcheck/arches"


def _sizes(claims: Iterable[Claim]) -> str:
    return " ".join(map(_size, claims))


def _size(claim: Claim) -> str:
    """Return the size, in brackets where it cannot occur."""
    return str(claim.struct_page_bytes) if claim.can_occur else f"({claim.struct_page_bytes})"
