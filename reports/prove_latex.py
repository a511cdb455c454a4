# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck prove`` as LaTeX: a complete document of the theorems, derivations and tables."""

from collections.abc import Iterator

from vmemcheck.reports.prove_text import TABLES, grouped, provers_line
from vmemcheck.theorems.survey import Survey

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
} | {letter: f"\\{letter}" for letter in "&%$#_"}


def survey_latex(survey: Survey) -> str:
    """Return a survey as a LaTeX document; it needs amsmath and amssymb only."""
    return "\n".join(_lines(survey))


def escaped(text: str) -> str:
    """Return ``text`` with all that LaTeX takes as a command made harmless."""
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _lines(survey: Survey) -> Iterator[str]:
    yield "\\documentclass{article}\n\\usepackage{amsmath,amssymb}\n\\begin{document}"
    for proof in survey.proofs:
        theorem = proof.theorem
        yield f"\\section*{{{escaped(theorem.name)}}}"
        yield f"{escaped(theorem.statement)}.\n"
        yield "\\begin{itemize}"
        yield from (f"\\item {escaped(hypothesis)}" for hypothesis in theorem.hypotheses)
        yield f"\\item[kernel] \\texttt{{{escaped(theorem.source)}}}"
        yield "\\end{itemize}\n\\begin{enumerate}"
        yield from (f"\\item {escaped(step.text)}: \\[ {step.latex} \\]" for step in proof.deductions)
        yield "\\end{enumerate}"
    sizes = sorted({row.subject.case.geometry.struct_page_bytes for row in survey.rows})
    for name, (heading, meaning) in TABLES.items():
        table = grouped(survey, name)
        if not table:
            continue
        yield f"\\section*{{{escaped(heading)}}}"
        yield f"\\begin{{tabular}}{{ll{'r' * len(sizes)}}}"
        yield f"architecture & page & {' & '.join(map(str, sizes))} \\\\ \\hline"
        for (arch, page_size), cells in table.items():
            row = " & ".join(escaped(cells.get(size, "").strip()) for size in sizes)
            yield f"{escaped(arch)} & {page_size} & {row} \\\\"
        yield f"\\end{{tabular}}\n\n{escaped(meaning)}; brackets: the size cannot occur.\n"
    yield f"{escaped(provers_line(survey.second_opinion))}\n\\end{{document}}"
