# SPDX-License-Identifier: GPL-2.0-or-later
"""Cells and findings as JSON data, for each report that has them."""

import dataclasses
import json

from vmemcheck.check import Cell
from vmemcheck.invariant import Finding, Violation
from vmemcheck.observation import Location
from vmemcheck.replay_file import Replay, to_json
from vmemcheck.reports.check_words import door_of, needs_failure, printable
from vmemcheck.reports.finding import page_size, sequence_lines


def cell_data(cell: Cell) -> dict[str, object]:
    """Return the sizes of a cell, and whether it can occur."""
    return {
        "arch": cell.arch,
        "page_size": page_size(cell.geometry),
        "struct_page_bytes": cell.geometry.struct_page_bytes,
        "levels": cell.geometry.levels,
        "memory_model": cell.memory_model or "sparse vmemmap",
        "can_occur": cell.reachable,
        "geometry": dataclasses.asdict(cell.geometry),
    }


def finding_data(tree: str, cell: Cell, finding: Finding) -> dict[str, object]:
    """Return a finding, with the violations in words and its sequence as a replay file.

    :param tree: its name
    """
    door = door_of(finding)
    return {
        "invariant": finding.invariant,
        "file": finding.kind.file or None,
        "function": finding.kind.function or None,
        "door": door.value if door else None,
        "needs_failing_allocation": needs_failure(finding),
        "violations": [_violation(violation) for violation in finding.violations],
        "text": sequence_lines(finding),
        "replay": json.loads(to_json(replay_of(tree, cell, finding))),
    }


def replay_of(tree: str, cell: Cell, finding: Finding) -> Replay:
    """Return what ``vmemcheck replay`` needs to run the sequence of a finding again."""
    return Replay(
        geometry=finding.steps[-1].geometry,
        sequence=finding.sequence,
        machine=f"{tree} {cell.arch}",
        invariant=finding.invariant,
        memory_model=cell.memory_model,
    )


def printable_data(value: object) -> object:
    """Return JSON data whose texts every reader of JSON accepts."""
    match value:
        case str():
            return printable(value)
        case list():
            return [printable_data(item) for item in value]
        case dict():
            return {key: printable_data(item) for key, item in value.items()}
        case _:
            return value


def _violation(violation: Violation) -> dict[str, object]:
    return {
        "invariant": violation.invariant,
        "problems": [{"because": problem.because, "where": _location(problem.where)} for problem in violation.problems],
        "more": violation.more,
    }


def _location(where: Location | None) -> dict[str, object] | None:
    if where is None:
        return None
    return {"file": where.file, "line": where.line or None, "function": where.function}
