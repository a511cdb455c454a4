# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck explore`` as JSON; equal results give equal bytes, and there are no times in it."""

import dataclasses
import json

from vmemcheck.exploration import CellExploration, ExploreResult, Shown
from vmemcheck.replay_file import to_json
from vmemcheck.reports.check_words import printable
from vmemcheck.reports.finding_json import replay_of

FORMAT = "vmemcheck explore 1"


def explore_json(result: ExploreResult) -> str:
    """Return the report of a tree as JSON."""
    data = {
        "format": FORMAT,
        "tree": printable(result.tree),
        "origin": printable(result.origin),
        "scope": dataclasses.asdict(result.scope),
        "max_states": result.most_states,
        "exit_code": result.exit_code(latent=False),
        "exit_code_latent": result.exit_code(latent=True),
        "cells": [_cell(result, one) for one in result.cells],
    }
    return json.dumps(data, indent=1)


def _cell(result: ExploreResult, one: CellExploration) -> dict[str, object]:
    return {
        "arch": one.cell.arch,
        "can_occur": one.cell.reachable,
        "geometry": dataclasses.asdict(one.cell.geometry),
        "scaled": dataclasses.asdict(one.scaled),
        "verdict": one.verdict.value,
        "complete": one.is_complete,
        "states": one.states,
        "transitions": one.transitions,
        "depth": one.depth,
        "marks_met": list(one.met),
        "marks_missing": list(one.missing),
        "by_design": [declared.name for declared in one.by_design],
        "kernel_variables": list(one.statics),
        "free_memory": {"told_apart": one.with_free, "read_by": list(one.left_over)},
        "findings": [_finding(result, one, shown) for shown in one.shown],
    }


def _finding(result: ExploreResult, one: CellExploration, shown: Shown) -> dict[str, object]:
    finding = shown.finding
    return {
        "invariant": finding.invariant,
        "file": shown.symptom.kind.file or None,
        "function": shown.symptom.kind.function or None,
        "at_full_size": shown.full is not None,
        "because": [printable(problem.because) for problem in finding.violations[0].problems],
        "replay": json.loads(to_json(replay_of(result.tree, one.cell, finding))),
    }
