# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck prove`` as Markdown, for a wiki or a job summary."""

from collections.abc import Iterator

from vmemcheck.reports.prove_text import TABLES, case_words, grouped, provers_line
from vmemcheck.theorems.survey import Survey
from vmemcheck.theorems.theorem import Verdict


def survey_markdown(survey: Survey, *, steps: bool) -> str:
    """Return a survey as Markdown."""
    return "\n".join(_lines(survey, steps=steps))


def _lines(survey: Survey, *, steps: bool) -> Iterator[str]:
    sizes = sorted({row.subject.case.geometry.struct_page_bytes for row in survey.rows})
    for name, (heading, meaning) in TABLES.items():
        table = grouped(survey, name)
        if not table:
            continue
        yield f"### {heading[0].upper()}{heading[1:]}\n"
        yield f"| architecture | page | {' | '.join(map(str, sizes))} |"
        yield f"| --- | --- |{' ---: |' * len(sizes)}"
        for (arch, page_size), cells in table.items():
            yield f"| {arch} | {page_size} | {' | '.join(cells.get(size, '').strip() for size in sizes)} |"
        yield f"\n`{meaning}`; brackets: the size cannot occur.\n"
    yield "### Theorems\n"
    for number, proof in enumerate(survey.proofs):
        refuted = [row for row in survey.rows if row.judgements[number].verdict is Verdict.REFUTED]
        yield f"- **{proof.theorem.name}**: {Verdict.PROVED.value}. {_escaped(proof.theorem.statement)}."
        yield f"  The claim holds in {len(survey.rows) - len(refuted)} of {len(survey.rows)} cases."
        if refuted:
            because = refuted[0].judgements[number].because
            yield f"  Refuted first in {case_words(refuted[0].subject)}: {_escaped(because)}."
        if steps:
            yield from (f"  1. {_escaped(step.text)}: `{step.formula}`" for step in proof.deductions)
    yield f"\n{provers_line(survey.second_opinion)}"


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|" else letter for letter in text)
