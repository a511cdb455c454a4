# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` as Markdown, for the summary of a job or a comment: at most 1 MiB, the limit of job summaries.

What comes from a patch stands in code spans and code blocks only, where nothing is markup, a link or a name that is
called.
"""

import re
from collections.abc import Iterator

from vmemcheck.gate.result import Answer, Change, GateResult, Standing
from vmemcheck.reports.check_words import counted, printable, shown_cell, unusual_levels
from vmemcheck.reports.finding import geometry_words, page_size
from vmemcheck.reports.gate_blame import hunk_header, told_hunk
from vmemcheck.reports.gate_text import already_lines, change_lines, one_line
from vmemcheck.reports.gate_words import (
    Replays,
    asides,
    between_words,
    cause_words,
    change_words,
    headline,
    lines_not_run,
    lines_words,
    marks_words,
    next_words,
    patch_words,
    run_words,
)

MOST_BYTES = 1 << 20
_SIGNS = {
    Answer.BREAKS: "❌",
    Answer.NO_VERDICT: "⚠️",
    Answer.NOT_EXERCISED: "⚠️",
    Answer.FIXES: "✅",
    Answer.UNCHANGED: "✅",
    Answer.NOT_APPLICABLE: "⏭️",
}
_CUT = "\n*The report is longer than this place allows: the rest is in the JSON and the text.*"
_MOST_LETTERS = 20_000


def gate_markdown(result: GateResult, replays: Replays, latent: bool) -> str:
    """Return the report of a judgement.

    :param replays: the files that sequences were saved to
    :param latent: violations in sizes that cannot occur count too
    """
    answer = result.answer(latent=latent)
    parts = [
        f"## {_SIGNS[answer]} vmemcheck: {answer.value}",
        code(headline(result, latent=latent)),
        *(f"- {text}" for text in asides(result, latent=latent)),
        *_series(result),
        *_run(result),
        *_facts(result),
        *_unbuilt(result),
        *_lines(result),
        *_changes(result, replays),
        f"Next: {next_words(result, latent=latent)}.",
    ]
    return _limited(parts)


def code(text: str) -> str:
    """Return any text as one code span."""
    line = one_line(text)[:_MOST_LETTERS] or " "
    ticks = _fence(line, 1)
    blank = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{blank}{line}{blank}{ticks}"


def block(text: str, language: str = "") -> str:
    """Return any text as a code block."""
    shown = printable(text)[:_MOST_LETTERS]
    ticks = _fence(shown, 3)
    return f"{ticks}{language}\n{shown}\n{ticks}"


def _fence(text: str, least: int) -> str:
    return "`" * max([least, *(len(run) + 1 for run in re.findall("`+", text))])


def _limited(parts: list[str]) -> str:
    """Join parts as long as they fit; what is left out is said."""
    room = MOST_BYTES - len(_CUT.encode()) - 2
    kept: list[str] = []
    for part in parts:
        room -= len(part.encode()) + 2
        if room < 0:
            return "\n\n".join([*kept, _CUT.strip()])
        kept.append(part)
    return "\n\n".join(kept)


def _series(result: GateResult) -> Iterator[str]:
    heads = [f"{head.number}. {code(head.subject)}" for head in result.series]
    yield f"Tree {code(result.tree)}, {counted(len(heads), 'patch', 'patches')}:"
    yield "\n".join(heads)


def _run(result: GateResult) -> Iterator[str]:
    if result.cells or result.identical:
        yield f"Run: {run_words(result)}; budget {code(result.budget)}, seed {result.seed}."
    if not result.cells:
        return
    lines = ["| architecture | page | struct page | levels | base | patched | sequences |", f"|{' --- |' * 7}"]
    for one in result.cells:
        geometry = one.cell.geometry
        size = str(geometry.struct_page_bytes)
        model = f", {one.cell.memory_model}" if one.cell.memory_model else ""
        values = (
            one.cell.arch,
            f"{page_size(geometry)}{model}",
            size if one.cell.reachable else f"({size})",
            unusual_levels(one.cell) or str(geometry.levels),
            one.base.value,
            f"**{one.patched.value}**" if one.patched is not one.base else one.patched.value,
            str(one.sequences),
        )
        lines.append(f"| {' | '.join(values)} |")
    yield "\n".join(lines)
    if not all(one.cell.reachable for one in result.cells):
        yield "( ): a struct page of this size cannot occur in this tree."
    notes = [("marks", marks_words(one)) for one in result.cells if one.missing]
    notes += [("left out", text) for text in result.skipped]
    notes += [("unconfined", text) for text in result.unconfined]
    if notes:
        yield "\n".join(f"- {key}: {code(text)}" for key, text in notes)


def _facts(result: GateResult) -> Iterator[str]:
    for fact in result.facts:
        patch = patch_words(result, fact.patch)
        words = f"{fact.arch} {fact.name}: {fact.before} before, {fact.after} after"
        end = f" ({patch})" if patch else ""
        end += ", **breaks a theorem**" if fact.breaks else ""
        yield f"- {code(words)}{end}{': ' + code(fact.says) if fact.says else ''}"


def _unbuilt(result: GateResult) -> Iterator[str]:
    for one in (*result.unbuilt, *result.between):
        said = code(f"{one.arch} {one.page} pages")
        if one in result.between:
            said = f"{code(between_words(result, one))}, {said}"
        yield f"### Not {'built' if one in result.between else 'run'}: {said}, {cause_words(result, one)}"
        yield block(f"{one.where}: {one.message}" if one.where else one.message)


def _lines(result: GateResult) -> Iterator[str]:
    if result.lines:
        yield f"Lines: {lines_words(result)}."
    missed = lines_not_run(result)
    if missed:
        yield "These changed lines did not run:"
        yield block("\n".join(f"{line.file}:{line.line}: {one_line(line.text)}" for line in missed))


def _changes(result: GateResult, replays: Replays) -> Iterator[str]:
    number = 0
    for standing in (Standing.BREAKS, Standing.FIXES):
        for change in sorted(result.standing(standing), key=lambda one: not one.reachable):
            number += 1
            yield _change(result, change, number, replays.get(change, ""))
    if old := already_lines(result):
        summary = (
            f"<summary>{counted(len(result.standing(Standing.ALREADY_THERE)), 'violation')} already there</summary>"
        )
        yield f"<details>{summary}\n\n{block(chr(10).join(old))}\n\n</details>"


def _change(result: GateResult, change: Change, number: int, replay: str) -> str:
    patch = change_words(result, change)
    words = f"{change.kind.invariant} on {change.arch}, {geometry_words(shown_cell(change).geometry)}"
    end = f", {patch}" if patch else ""
    end += "" if change.reachable else ", cannot occur"
    text = block("\n".join(change_lines(result, change, replay)))
    hunk = told_hunk(result, change)
    diff = ""
    if hunk:
        diff = block("\n".join([f"+++ b/{one_line(hunk.file)}", hunk_header(hunk), *map(one_row, hunk.lines)]), "diff")
    return "\n\n".join(filter(None, [f"### Violation {number}: {change.standing.value}: {words}{end}", diff, text]))


def one_row(text: str) -> str:
    """Return a line of a diff as one line, with its blanks."""
    return " ".join(text.splitlines())
