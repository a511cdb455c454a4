# SPDX-License-Identifier: GPL-2.0-or-later
"""The judgement of the gate as text for a terminal."""

from vmemcheck.gate.result import Change, GateResult, LineUse, Standing
from vmemcheck.reports.check_words import cells_text, door_words, printable
from vmemcheck.reports.finding import reason_lines, sequence_lines


def gate_text(result: GateResult, latent: bool = False) -> str:
    """Return the report.

    :param latent: violations in sizes that cannot occur count too
    """
    number = len(result.series)
    patches = "1 patch" if number == 1 else f"{number} patches"
    lines = [f"{result.answer(latent=latent).value}   {patches} on {result.tree}"]
    if result.reason:
        lines.append(f"  {result.reason}")
    for change in result.changes:
        lines += ["", *_change(change)]
    for fact in result.facts:
        lines += ["", f"fact  {fact.arch} {fact.name}: {fact.before} -> {fact.after} (patch {fact.patch})"]
        lines += [f"  {fact.says}"] if fact.says else []
    for one in result.unbuilt:
        cause = f"patch {one.patch}" if one.by_series else "a gap of vmemcheck, or of the tree"
        lines += ["", f"not run  {one.arch} {one.page}: {one.message}", f"  {one.where}", f"  cause: {cause}"]
    lines += ["", *_lines(result)]
    lines.append(f"compared  {len(result.cells)} rows, {result.cached} known before, {len(result.identical)} identical")
    return "\n".join(printable(line) for line in lines)


def _change(change: Change) -> list[str]:
    cause = f" by patch {change.patch}" if change.patch else ""
    lines = [f"{change.standing.value}{cause}  {change.kind.invariant}  {change.arch}"]
    lines.append(f"  in {cells_text(change.cells)}{'' if change.reachable else '   ( ) cannot occur'}")
    lines.append(f"  {door_words(change.finding)}")
    lines += [f"  {line}" for line in sequence_lines(change.finding)]
    if change.standing is not Standing.FIXES:
        lines += [f"  {line}" for line in reason_lines(change.finding)]
    return lines


def _lines(result: GateResult) -> list[str]:
    counts = {use: [line for line in result.lines if line.use is use] for use in LineUse}
    lines = [f"lines     {use.value}: {len(found)}" for use, found in counts.items() if found]
    for use in (LineUse.NOT_EXECUTED, LineUse.NOT_SLICED):
        lines += [f"  {line.file}:{line.line}: {line.use.value}: {line.text.strip()}" for line in counts[use]]
    return lines
