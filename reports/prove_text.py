# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck prove`` as text: tables of at most 80 columns, then the theorems."""

import textwrap
from collections.abc import Iterator
from fractions import Fraction

from vmemcheck.theorems.survey import Proof, Row, Subject, Survey
from vmemcheck.theorems.theorem import Judgement, Verdict

WIDTH = 80
_CELL = 10

TABLES = {
    "page-multiple": (
        "pages that the memmap of a subsection fills, by sizeof(struct page)",
        "!  not a whole number of pages: the claim page-multiple is refuted",
    ),
    "sub-pmd": (
        "PMD leaves that the memmap of a section fills, by sizeof(struct page)",
        "!  not a whole number of leaves: sub-PMD tracking, or base pages, needed",
    ),
}
"""The theorems that have a number for each case: heading, and what a refuted cell means."""


def survey_text(survey: Survey, *, steps: bool) -> str:
    """Return the report of a survey."""
    blocks = ["\n".join(table_lines(survey, name)) for name in TABLES if _index(survey, name) is not None]
    if blocks:
        blocks.append("( )  a struct page of this size cannot occur there, see reachable-sizes")
    blocks += ["\n".join(_proof_lines(survey, proof, steps=steps)) for proof in survey.proofs]
    blocks.append(provers_line(survey.second_opinion))
    return "\n\n".join(blocks)


def claim_text(survey: Survey, *, steps: bool) -> str:
    """Return the report of one claim: a line for each case, then the theorem."""
    (proof,) = survey.proofs
    lines: list[str] = []
    for row in survey.rows:
        (judgement,) = row.judgements
        lines += _wrapped(
            f"{judgement.verdict.value:<8} {proof.theorem.name}  ", f"{case_words(row.subject)}: {judgement.because}"
        )
    lines += ["", *_theorem_lines(proof, steps=steps), "", provers_line(survey.second_opinion)]
    return "\n".join(lines)


def table_lines(survey: Survey, name: str) -> Iterator[str]:
    """Yield the table of one theorem: a row for each architecture and page size, a column for each struct page."""
    heading, meaning = TABLES[name]
    sizes = sorted({row.subject.case.geometry.struct_page_bytes for row in survey.rows})
    yield heading
    yield "architecture  page" + "".join(f"{size:>{_CELL - 1}} " for size in sizes).rstrip()
    for (arch, page_size), cells in grouped(survey, name).items():
        yield f"{arch:<13} {page_size:<4}" + "".join(f"{cells.get(size, ''):>{_CELL}}" for size in sizes).rstrip()
    if any("!" in cell for cells in grouped(survey, name).values() for cell in cells.values()):
        yield meaning


def grouped(survey: Survey, name: str) -> dict[tuple[str, str], dict[int, str]]:
    """Return the cells of a table by architecture and page size, then by struct page size."""
    index = _index(survey, name)
    table: dict[tuple[str, str], dict[int, str]] = {}
    for row in survey.rows if index is not None else ():
        subject = row.subject
        cells = table.setdefault((subject.arch, subject.page_size), {})
        cells[subject.case.geometry.struct_page_bytes] = cell(subject, row.judgements[index or 0])
    return table


def cell(subject: Subject, judgement: Judgement) -> str:
    """Return one cell: the number, in brackets where the size cannot occur, with ! where the claim is refuted."""
    quantity = judgement.quantity if judgement.quantity is not None else Fraction(0)
    text = str(quantity)
    if not subject.case.can_occur:
        text = f"({text})"
    return text + ("!" if judgement.verdict is Verdict.REFUTED else " ")


def case_words(subject: Subject) -> str:
    """Return a case in a few words."""
    return f"{subject.arch} {subject.page_size}, struct page {subject.case.geometry.struct_page_bytes}"


def provers_line(second_opinion: bool) -> str:
    """Return which provers spoke."""
    if second_opinion:
        return "provers: sympy over the integers; z3 over all 64-bit words; they agree"
    return "provers: sympy over the integers; no second opinion: install vmemcheck[smt] for z3"


def _proof_lines(survey: Survey, proof: Proof, *, steps: bool) -> Iterator[str]:
    yield from _theorem_lines(proof, steps=steps)
    refuted = [row for row in survey.rows if _of(survey, proof, row).verdict is Verdict.REFUTED]
    met = len(survey.rows) - len(refuted)
    yield from _wrapped("  here    ", f"the claim holds in {met} of {len(survey.rows)} cases")
    if refuted:
        first = refuted[0]
        yield from _wrapped("  refuted ", f"first in {case_words(first.subject)}: {_of(survey, proof, first).because}")


def _theorem_lines(proof: Proof, *, steps: bool) -> Iterator[str]:
    theorem = proof.theorem
    yield f"theorem   {theorem.name}: {Verdict.PROVED.value}"
    yield from _wrapped("  states  ", theorem.statement)
    for hypothesis in theorem.hypotheses:
        yield from _wrapped("  if      ", hypothesis)
    yield from _wrapped("  kernel  ", theorem.source)
    if steps:
        yield "  steps by sympy"
        for number, step in enumerate(proof.deductions, start=1):
            yield from _wrapped(f"    {number:>2}  ", step.text)
            yield f"        {step.formula}"
        if proof.words:
            yield "  over 64-bit words by z3"
            for obligation in theorem.obligations:
                yield from _wrapped("    -   ", f"{obligation.name}: {obligation.says}")
                for label, _ in obligation.hypotheses:
                    yield from _wrapped("          if ", label)


def _index(survey: Survey, name: str) -> int | None:
    names = [proof.theorem.name for proof in survey.proofs]
    return names.index(name) if name in names else None


def _of(survey: Survey, proof: Proof, row: Row) -> Judgement:
    return row.judgements[survey.proofs.index(proof)]


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )
