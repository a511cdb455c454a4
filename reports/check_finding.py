# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of one finding of ``vmemcheck check`` or ``vmemcheck gate``: the sequence, why, where else, the replay."""

import re
import shlex

from vmemcheck.check import Cause, CheckResult
from vmemcheck.exploration import ExploreResult
from vmemcheck.gate.result import Change, GateResult
from vmemcheck.reports.check_words import (
    cell_words,
    cells_text,
    door_words,
    occurs_words,
    printable,
    shown_cell,
    wrapped,
)
from vmemcheck.reports.finding import reason_lines, sequence_lines, verdict_line

_KEY = " " * 10
# The forms of vmemcheck.kernel.tree: a folder, which may be a checkout, or a revision of a repository.
_FOLDER = re.compile(r"(/.*?)(?: at [0-9a-f]{12}(?: with local changes)?)?")
_REVISION = re.compile(r"(/.*) at .* \(([0-9a-f]{12})\)")


def cause_lines(result: CheckResult | GateResult, cause: Cause | Change, replay: str) -> list[str]:
    """Return the lines of one finding.

    :param replay: the file that its sequence was saved to; empty when it was not
    """
    cell = shown_cell(cause)
    lines = [
        verdict_line(cause.finding, f"{cell_words(cell)}, {result.tree}"),
        *(f"  {line}" for line in sequence_lines(cause.finding)),
        *(line for reason in reason_lines(cause.finding) for line in _reason(reason)),
    ]
    others = [one for one in cause.cells if one != cell]
    if others:
        hint = "" if all(one.reachable for one in others) else "   ( ) cannot occur"
        lines += wrapped(f"also in   {cells_text(others)}{hint}", _KEY)
    lines += wrapped(f"reachable {occurs_words(cell)}; {door_words(cause.finding)}", _KEY)
    if replay:
        lines.append(f"replay    vmemcheck replay {shlex.quote(replay)} {tree_arguments(result)}")
    return [printable(line) for line in lines]


def tree_arguments(result: CheckResult | ExploreResult | GateResult) -> str:
    """Return the options that name the same tree to another command; its name, where its origin has another form."""
    if found := _REVISION.fullmatch(result.origin):
        return f"--tree {shlex.quote(found[1])} --rev {found[2]}"
    found = _FOLDER.fullmatch(result.origin)
    return f"--tree {shlex.quote(found[1] if found else result.tree)}"


def _reason(line: str) -> list[str]:
    if line.startswith("    at "):
        return [line]
    return wrapped(line, "    ")
