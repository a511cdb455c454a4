# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck check`` as JSON; equal results give equal bytes, and there are no times in it."""

import dataclasses
import json
from collections.abc import Mapping

from vmemcheck.by_design import ByDesign
from vmemcheck.check import Cause, Cell, CellResult, CheckResult
from vmemcheck.invariant import Finding, Violation
from vmemcheck.marks import MARKS
from vmemcheck.observation import Location
from vmemcheck.replay_file import Replay, to_json
from vmemcheck.reports.check_sub_page import sub_page_data
from vmemcheck.reports.check_words import door_of, needs_failure, overall, printable, shown_cell
from vmemcheck.reports.finding import page_size, sequence_lines

FORMAT = "vmemcheck check 1"


def check_json(result: CheckResult, replays: Mapping[Cause, str]) -> str:
    """Return the report of a tree as JSON.

    :param replays: the files that sequences were saved to
    """
    met = {name for one in result.cells for name in (*one.met, *one.missing)}
    data = {
        "format": FORMAT,
        "tree": result.tree,
        "origin": result.origin,
        "scope": dataclasses.asdict(result.scope),
        "examples": result.examples,
        "seed": result.seed,
        "verdict": overall(result, latent=False).value,
        "exit_code": result.exit_code(latent=False),
        "verdict_latent": overall(result, latent=True).value,
        "exit_code_latent": result.exit_code(latent=True),
        "marks": {mark.name: mark.says for mark in MARKS if mark.name in met},
        "cells": [_cell_result(result, one) for one in result.cells],
        "findings": [_cause(result, cause, replays.get(cause)) for cause in result.causes],
        "skipped": list(result.skipped),
    }
    return json.dumps(_printable(data), indent=1)


def _cell_result(result: CheckResult, one: CellResult) -> dict[str, object]:
    return {
        **_cell(one.cell),
        "verdict": one.verdict.value,
        "error": one.error or None,
        "sequences": one.sequences,
        "operations": one.operations,
        "marks_met": list(one.met),
        "marks_missing": list(one.missing),
        "by_design": [_by_design(declared) for declared in one.by_design],
        "findings": [_finding(result, one.cell, finding) for finding in one.findings],
        "sub_page": sub_page_data(one.sub_page),
    }


def _cell(cell: Cell) -> dict[str, object]:
    return {
        "arch": cell.arch,
        "page_size": page_size(cell.geometry),
        "struct_page_bytes": cell.geometry.struct_page_bytes,
        "levels": cell.geometry.levels,
        "memory_model": cell.memory_model or "sparse vmemmap",
        "can_occur": cell.reachable,
        "geometry": dataclasses.asdict(cell.geometry),
    }


def _by_design(declared: ByDesign) -> dict[str, object]:
    return {
        "name": declared.name,
        "says": declared.says,
        "source": declared.source,
        "invariants": list(declared.invariants),
    }


def _cause(result: CheckResult, cause: Cause, replay_file: str | None) -> dict[str, object]:
    cells = [one.cell for one in result.cells]
    shown = shown_cell(cause)
    return {
        "arch": cause.arch,
        "can_occur": cause.reachable,
        "needs_device_range": cause.by_device,
        "cell": cells.index(shown),
        "cells": [cells.index(cell) for cell in cause.cells],
        "replay_file": replay_file,
        **_finding(result, shown, cause.finding),
    }


def _finding(result: CheckResult, cell: Cell, finding: Finding) -> dict[str, object]:
    door = door_of(finding)
    replay = Replay(
        geometry=finding.steps[-1].geometry,
        sequence=finding.sequence,
        machine=f"{result.tree} {cell.arch}",
        invariant=finding.invariant,
        memory_model=cell.memory_model,
    )
    return {
        "invariant": finding.invariant,
        "file": finding.kind.file or None,
        "function": finding.kind.function or None,
        "door": door.value if door else None,
        "needs_failing_allocation": needs_failure(finding),
        "violations": [_violation(violation) for violation in finding.violations],
        "text": sequence_lines(finding),
        "replay": json.loads(to_json(replay)),
    }


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


def _printable(value: object) -> object:
    """Return JSON data whose texts every reader of JSON accepts."""
    match value:
        case str():
            return printable(value)
        case list():
            return [_printable(item) for item in value]
        case dict():
            return {key: _printable(item) for key, item in value.items()}
        case _:
            return value
