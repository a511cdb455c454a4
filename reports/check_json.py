# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck check`` as JSON; equal results give equal bytes, and there are no times in it."""

import dataclasses
import json
from collections.abc import Mapping

from vmemcheck.by_design import ByDesign
from vmemcheck.check import Cause, CellResult, CheckResult
from vmemcheck.marks import MARKS
from vmemcheck.reports.check_sub_page import sub_page_data
from vmemcheck.reports.check_words import overall, shown_cell
from vmemcheck.reports.finding_json import cell_data, finding_data, printable_data

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
        "confined": list(result.confined),
        "unconfined": list(result.unconfined),
    }
    return json.dumps(printable_data(data), indent=1)


def _cell_result(result: CheckResult, one: CellResult) -> dict[str, object]:
    return {
        **cell_data(one.cell),
        "verdict": one.verdict.value,
        "error": one.error or None,
        "sequences": one.sequences,
        "operations": one.operations,
        "marks_met": list(one.met),
        "marks_missing": list(one.missing),
        "by_design": [_by_design(declared) for declared in one.by_design],
        "ended_early": one.ended_early,
        "findings": [finding_data(result.tree, one.cell, finding) for finding in one.findings],
        "sub_page": sub_page_data(one.sub_page),
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
        **finding_data(result.tree, shown, cause.finding),
    }
