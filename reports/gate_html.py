# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` as a page that steps through the sequences: one file, which loads nothing.

Without scripts it shows all steps, one below the other.
"""

import base64
import hashlib
import importlib.resources
from dataclasses import dataclass
from itertools import groupby

import jinja2

from vmemcheck.gate.result import Change, GateResult, Standing
from vmemcheck.invariant import Step
from vmemcheck.reports import drawing
from vmemcheck.reports.check_words import cell_words, counted, door_words, occurs_words, printable, shown_cell
from vmemcheck.reports.finding import page_size, reason_lines, step_line
from vmemcheck.reports.gate_blame import hunk_header, told_hunk
from vmemcheck.reports.gate_words import (
    Replays,
    asides,
    between_words,
    change_words,
    headline,
    lines_not_run,
    lines_words,
    marks_words,
    next_words,
    patch_words,
    replay_lines,
    run_words,
)
from vmemcheck.reports.steps import MOST_DEEDS, Deed, deeds, outcome_words

MOST_VIOLATIONS = 40
_CELL, _HEIGHT, _LEFT, _BESIDE = 15, 22, 100, 260
MEANINGS = {
    ".": "unmapped",
    "p": "PTE page",
    "L": "PMD leaf, used part",
    "u": "PMD leaf, unused part",
    "s": "page shared by two ranges or by the tail pages of a compound page",
    "!": "mapped without present memmap",
    "X": "present memmap that is not mapped",
}
"""What the letters of a drawing stand for."""


@dataclass(frozen=True, slots=True)
class Run:
    """Cells of one kind side by side, in the coordinates of the drawing."""

    letter: str
    kind: str
    means: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the drawing."""

    label: str
    y: int
    runs: tuple[Run, ...]
    beside: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A step as the page shows it."""

    operation: str
    outcome: str
    deeds: tuple[Deed, ...]
    more: int
    scale: str
    lines: tuple[Line, ...]
    width: int
    height: int


def gate_html(result: GateResult, replays: Replays, latent: bool) -> str:
    """Return the page.

    :param replays: the files that sequences were saved to
    :param latent: violations in sizes that cannot occur count too
    """
    style, script = _part("gate_page.css"), _part("gate_page.js")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_finalized
    )
    order = (Standing.BREAKS, Standing.FIXES, Standing.ALREADY_THERE)  # numbered as in the text
    changes = [change for standing in order for change in result.standing(standing)]
    changes.sort(key=lambda change: (order.index(change.standing), not change.reachable))
    return environment.from_string(_part("gate_page.html")).render(
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        result=result,
        answer=result.answer(latent=latent),
        headline=headline(result, latent=latent),
        asides=asides(result, latent=latent),
        next=next_words(result, latent=latent),
        run=run_words(result) if result.cells or result.identical else "",
        marks=[marks_words(one) for one in result.cells if one.missing],
        lines=lines_words(result) if result.lines else "",
        missed=lines_not_run(result),
        violations=[_violation(result, change, replays.get(change, "")) for change in changes[:MOST_VIOLATIONS]],
        left_out=len(changes) - MOST_VIOLATIONS,
        meanings=[(letter, _kind(letter), means) for letter, means in MEANINGS.items()],
        cell=_CELL,
        page_size=page_size,
        patch_words=patch_words,
        between_words=between_words,
        counted=counted,
    )


def _finalized(value: object) -> object:
    """Return what is put into the page; text has no control characters."""
    return printable(value) if type(value) is str else value


def _part(name: str) -> str:
    return importlib.resources.files("vmemcheck.reports").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return the name by which the page's policy allows a script or a style, and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _violation(result: GateResult, change: Change, replay: str) -> dict[str, object]:
    cell, hunk = shown_cell(change), told_hunk(result, change)
    patch = change_words(result, change)
    return {
        "title": f"{change.standing.value}: {change.kind.invariant}",
        "standing": change.standing.name.lower(),
        "where": f"{cell_words(cell)}{', ' + patch if patch else ''}",
        "reachable": f"{occurs_words(cell)}; {door_words(change.finding)}",
        "hunk": "\n".join([f"+++ b/{hunk.file}", hunk_header(hunk), *hunk.lines])
        if hunk and change.standing is not Standing.ALREADY_THERE
        else "",
        "because": "\n".join(reason_lines(change.finding)),
        "replay": "\n# ".join(replay_lines(result, change, replay)),
        "steps": [_shown(step) for step in change.finding.steps],
    }


def _shown(step: Step) -> Shown:
    done = deeds(step)
    rows = drawing.draw(step)
    lines = tuple(_line(row, number) for number, row in enumerate(rows))
    cells = max((len(row.cells) for row in rows), default=0)
    return Shown(
        operation=" ".join(step_line(step).split()),
        outcome=outcome_words(step),
        deeds=tuple(done[:MOST_DEEDS]),
        more=max(0, len(done) - MOST_DEEDS),
        scale=drawing.scale_words(step),
        lines=lines,
        width=_LEFT + cells * _CELL + _BESIDE,
        height=len(rows) * _HEIGHT,
    )


def _line(row: drawing.Row, number: int) -> Line:
    runs, x = [], _LEFT
    for letter, cells in groupby(row.cells):
        width = len(list(cells)) * _CELL
        runs.append(Run(letter, _kind(letter), MEANINGS[letter], x, width))
        x += width
    return Line(row.label, number * _HEIGHT, tuple(runs), "; ".join(row.beside))


def _kind(letter: str) -> str:
    """Return the class of a cell in the style sheet."""
    names = {".": "unmapped", "p": "pte", "L": "leaf", "u": "unused", "s": "shared", "!": "leak", "X": "missing"}
    return names[letter]
