# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` as JSON; equal judgements give equal bytes.

There are no times in it, and not what was known from an earlier run.
"""

import dataclasses
import json

from vmemcheck.gate.result import Change, GateResult, Standing
from vmemcheck.reports.check_words import shown_cell
from vmemcheck.reports.finding_json import cell_data, finding_data, printable_data
from vmemcheck.reports.gate_words import Replays, headline

FORMAT = "vmemcheck gate 1"


def gate_json(result: GateResult, replays: Replays, latent: bool) -> str:
    """Return the report of a judgement.

    :param replays: the files that sequences were saved to
    :param latent: which of the two answers the headline is of
    """
    changes = [change for standing in Standing for change in result.standing(standing)]
    data = {
        "format": FORMAT,
        "tree": result.tree,
        "origin": result.origin,
        "series": [_plain(head) for head in result.series],
        "budget": result.budget,
        "seed": result.seed,
        "answer": result.answer().value,
        "exit_code": result.answer().exit_code,
        "answer_latent": result.answer(latent=True).value,
        "exit_code_latent": result.answer(latent=True).exit_code,
        "headline": headline(result, latent=latent),
        "reason": result.reason or None,
        "cells": [
            {
                **cell_data(one.cell),
                "base": one.base.value,
                "patched": one.patched.value,
                "sequences": one.sequences,
                "missing": list(one.missing),
            }
            for one in result.cells
        ],
        "identical": [cell_data(cell) for cell in result.identical],
        "changes": [_change(result, change, replays.get(change)) for change in changes],
        "facts": [_plain(fact) for fact in result.facts],
        "lines": [{**_plain(line), "use": line.use.value} for line in result.lines],
        "unbuilt": [_plain(one) for one in result.unbuilt],
        "unbuilt_between": [_plain(one) for one in result.between],
        "skipped": list(result.skipped),
        "confined": list(result.confined),
        "unconfined": list(result.unconfined),
    }
    return json.dumps(printable_data(data), indent=1)


def _plain(value: object) -> dict[str, object]:
    """Return the fields of a value; a patch that is not known is null, tuples are lists."""
    data: dict[str, object] = {}
    for field in dataclasses.fields(value):  # type: ignore[arg-type]  # it is one of the dataclasses of a result
        item = getattr(value, field.name)
        data[field.name] = list(item) if isinstance(item, tuple) else item
    return data | {name: data[name] or None for name in ("patch", "mended") if name in data}


def _change(result: GateResult, change: Change, replay_file: str | None) -> dict[str, object]:
    return {
        "standing": change.standing.value,
        "patch": change.patch or None,
        "mended": change.mended or None,
        "arch": change.arch,
        "can_occur": change.reachable,
        "needs_device_range": change.by_device,
        "touched": change.touched,
        "cells": [cell_data(cell) for cell in change.cells],
        "replay_file": replay_file,
        **finding_data(result.tree, shown_cell(change), change.finding),
    }
