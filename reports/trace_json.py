# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck trace`` as JSON; addresses and pfns are text in hexadecimal, as in a recording."""

import json

from vmemcheck.reports.trace_text import size_name
from vmemcheck.trace.result import StepResult, TraceResult

FORMAT = "vmemcheck trace 1"


def trace_json(result: TraceResult) -> str:
    """Return the report."""
    data = {
        "format": FORMAT,
        "kernel": result.recording.kernel,
        "architecture": result.recording.architecture,
        "executor": result.machine,
        "warnings": list(result.warnings),
        "agrees": result.agrees,
        "steps": [_step(step) for step in result.steps],
    }
    return json.dumps(data, indent=1)


def _step(step: StepResult) -> dict[str, object]:
    return {
        "step": step.number,
        "operation": step.operation,
        "verdict": step.verdict.value,
        "calls_recorded": [str(call) for call in step.recorded],
        "calls_executed": [str(call) for call in step.executed],
        "mapped_in_recording_only": [_span(span) for span in step.missing],
        "mapped_in_executor_only": [_span(span) for span in step.extra],
        "leaves": {
            size_name(leaf): {"recorded": recorded, "executed": executed} for leaf, recorded, executed in step.leaves
        },
        "problems": list(step.problems),
        "remarks": list(step.remarks),
    }


def _span(span: range) -> list[str]:
    return [f"{span.start:#x}", f"{span.stop:#x}"]
