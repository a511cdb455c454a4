# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck trace`` as text: a line for each step, then the first difference, call by call."""

import difflib
from collections.abc import Iterator

from vmemcheck.trace.result import StepResult, TraceResult, Verdict

_SIZES = ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))
_WIDEST = 70


def trace_text(result: TraceResult) -> str:
    """Return the report."""
    recording = result.recording
    lines = [
        f"recording  linux {recording.kernel or '(version not recorded)'}, {recording.architecture}, pages of"
        f" {1 << recording.page_shift >> 10}K, struct page {recording.struct_page_bytes}, {recording.levels} levels",
        f"executor   {result.machine}",
        *(f"warning    {warning}" for warning in result.warnings),
    ]
    for step in result.steps:
        lines.append(f"  step {step.number:>3}  {step.verdict.value:<12}  {_shortened(step.operation)}".rstrip())
        if step.verdict is Verdict.AGREES:
            lines += [f"            {remark}" for remark in step.remarks]
    if result.first_difference:
        lines += ["", *_difference(result.first_difference)]
    return "\n".join([*lines, "", _summary(result)])


def size_name(leaf_bytes: int) -> str:
    """Return 4K, 2M and the like."""
    for unit, letter in _SIZES:
        if leaf_bytes % unit == 0:
            return f"{leaf_bytes // unit}{letter}"
    return str(leaf_bytes)


def _summary(result: TraceResult) -> str:
    calls = sum(len(step.calls) for step in result.recording.steps)
    snapshots = sum(step.mapped is not None for step in result.recording.steps)
    if result.agrees:
        return f"agrees     in every step: {len(result.steps)} steps, {calls} calls, {snapshots} page-table snapshots"
    count = {verdict: sum(step.verdict is verdict for step in result.steps) for verdict in Verdict}
    left = count[Verdict.NOT_COMPARED]
    if not result.first_difference:
        return f"no verdict {count[Verdict.AGREES]} steps agree; the executor stopped, {left} steps are not compared"
    words = f"differs    in {count[Verdict.DIFFERS]} of {len(result.steps)} steps"
    return words + (f"; {left} not compared, since the executor was in another state" if left else "")


def _difference(step: StepResult) -> Iterator[str]:
    yield f"step {step.number}: {step.operation}"
    yield from (f"  {problem}" for problem in step.problems)
    yield from _calls(step)
    yield from (f"  mapped in the recording only  [{span.start:#x}, {span.stop:#x})" for span in step.missing)
    yield from (f"  mapped in the executor only   [{span.start:#x}, {span.stop:#x})" for span in step.extra)
    for leaf_bytes, recorded, executed in step.leaves:
        yield f"  leaves of {size_name(leaf_bytes)}: {recorded} in the recording, {executed} in the executor"
    yield from (f"  executor: {remark}" for remark in step.remarks)


def _calls(step: StepResult) -> Iterator[str]:
    if step.recorded == step.executed:
        yield f"  the {len(step.recorded)} calls agree" if step.recorded else "  no calls in either"
        return
    yield "  calls ('-' in the recording only, '+' in the executor only)"
    recorded, executed = [list(map(str, calls)) for calls in (step.recorded, step.executed)]
    yield from (f"  {line}" for line in difflib.ndiff(recorded, executed) if not line.startswith("?"))


def _shortened(operation: str) -> str:
    words = " ".join(operation.split())
    return words if len(words) <= _WIDEST else words[: _WIDEST - 3] + "..."
