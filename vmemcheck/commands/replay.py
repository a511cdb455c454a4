# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a saved sequence of hotplug operations and draw the vmemmap after each.

The file is a replay file in JSON, or lines of text as ``vmemcheck`` prints them
(docs/sequences.md).
"""

import argparse
import errno
import importlib
import re
import sys
from pathlib import Path

from vmemcheck import engine, replay_file
from vmemcheck.errors import SequenceError
from vmemcheck.invariant import Finding, Step
from vmemcheck.operation import Operation
from vmemcheck.reference import ReferenceMachine
from vmemcheck.replay_file import Replay
from vmemcheck.reports import drawing
from vmemcheck.reports.finding import finding_text, geometry_words, step_line
from vmemcheck.reports.terminal import wants_colour
from vmemcheck.sequence_text import to_text


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("file", metavar="FILE", help="replay file or text of a sequence; - for standard input")
    parser.add_argument("--step", action="store_true", help="on a terminal, wait for Enter after each operation")
    parser.add_argument("-q", "--quiet", action="store_true", help="no drawings, only the verdict")


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when all invariants hold, 1 when one is violated."""
    replay = _read(arguments.file)
    machine = ReferenceMachine(replay.geometry)
    if not arguments.quiet:
        print(f"replay    {geometry_words(replay.geometry)}, {machine.name} machine")
        if replay.invariant:
            print(f"saved for {replay.invariant}, violated on {replay.machine or 'an unnamed machine'}")
        print(drawing.LEGEND)
    return _run(machine, replay, arguments)


def _read(name: str) -> Replay:
    if name == "-":
        return replay_file.parse(sys.stdin.buffer.read(replay_file.MAX_BYTES + 1), "standard input")
    return replay_file.load(Path(name))


def _run(machine: ReferenceMachine, replay: Replay, arguments: argparse.Namespace) -> int:
    trail: list[Step] = []
    for number, step in enumerate(engine.steps(machine, replay.sequence)):
        if not arguments.quiet:
            _show(number, replay.sequence[number], step, first=not trail)
        if step is None:
            continue
        trail.append(step)
        violations = tuple(engine.violations_of(step))
        if violations:
            print(finding_text(Finding(replay.sequence[: number + 1], violations, tuple(trail)), machine.name))
            return 1
        if arguments.step and sys.stdin.isatty() and sys.stdout.isatty():
            _wait()
    if not trail:
        raise SequenceError("no operation of the sequence applies", to_fix="start with an add or with boot memory")
    print(f"holds     {len(trail)} operations, {len(replay.sequence) - len(trail)} skipped, {machine.name} machine")
    return 0


def _wait() -> None:
    try:
        input("Enter for the next operation ")
    except EOFError:
        print()


def _show(number: int, operation: Operation, step: Step | None, *, first: bool) -> None:
    if step is None:
        print(f"\n{number + 1:>3}  {to_text(operation)}   skipped: it does not apply")
        return
    returned = step.observation.returned
    outcome = "done" if returned >= 0 else f"error {returned} ({errno.errorcode.get(-returned, 'unknown')})"
    print(f"\n{number + 1:>3}  {step_line(step, outcome)}")
    if first:
        print(f"  {drawing.scale_words(step)}")
    rows = drawing.draw(step)
    if not rows:
        print("  nothing is mapped")
    for row in rows:
        _print_row(row)


def _print_row(row: drawing.Row) -> None:
    text = drawing.plain(row)
    if not (row.cells and wants_colour()):
        print(text)
        return
    console = importlib.import_module("rich.console").Console(highlight=False)
    line = importlib.import_module("rich.text").Text(text)
    first = text.index("|") + 1
    for run in re.finditer(r"(.)\1*", row.cells):
        line.stylize(drawing.STYLES[run[1]], first + run.start(), first + run.end())
    console.print(line, no_wrap=True, soft_wrap=True)
