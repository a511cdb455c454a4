# SPDX-License-Identifier: GPL-2.0-or-later
"""The judgement of the gate as JSON."""

import json

from vmemcheck.gate.result import Change, GateResult
from vmemcheck.replay_file import sequence_data


def gate_json(result: GateResult, latent: bool = False) -> str:
    """Return the judgement; equal runs give equal bytes."""
    answer = result.answer(latent=latent)
    data = {
        "answer": answer.value,
        "exit_code": answer.exit_code,
        "tree": result.tree,
        "budget": result.budget,
        "seed": result.seed,
        "reason": result.reason,
        "changes": [_change(change) for change in result.changes],
        "lines": [
            {"patch": line.patch, "file": line.file, "line": line.line, "use": line.use.value, "arches": line.arches}
            for line in result.lines
        ],
    }
    return json.dumps(data, indent=2)


def _change(change: Change) -> dict[str, object]:
    return {
        "standing": change.standing.value,
        "arch": change.arch,
        "invariant": change.kind.invariant,
        "function": change.kind.function,
        "patch": change.patch,
        "reachable": change.reachable,
        "sequence": sequence_data(change.finding.sequence),
    }
