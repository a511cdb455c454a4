# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a saved sequence of hotplug operations, on the reference machine or a kernel tree, and draw the vmemmap.

The file is a replay file in JSON, or lines of text as ``vmemcheck`` prints them
(docs/sequences.md).
"""

import argparse
import contextlib
import errno
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from vmemcheck import arches, engine, replay_file
from vmemcheck.errors import SequenceError, UsageError
from vmemcheck.invariant import Finding, Step
from vmemcheck.judgement import violations_of
from vmemcheck.machine import Machine
from vmemcheck.operation import Operation
from vmemcheck.reference import ReferenceMachine
from vmemcheck.replay_file import Replay
from vmemcheck.reports import drawing
from vmemcheck.reports.finding import finding_text, geometry_words, step_line
from vmemcheck.reports.terminal import wants_colour
from vmemcheck.sequence_text import geometry_to_text, to_text


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("file", metavar="FILE", help="replay file or text of a sequence; - for standard input")
    parser.add_argument("--tree", type=Path, metavar="FOLDER", help="run it on the code of this kernel tree")
    parser.add_argument("--rev", help="a revision, when --tree is a git repository")
    parser.add_argument("--arch", metavar="ARCH", help="with --tree: the architecture (that of the file)")
    parser.add_argument("--step", action="store_true", help="on a terminal, wait for Enter after each operation")
    parser.add_argument("-q", "--quiet", action="store_true", help="no drawings, only the verdict")


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when all invariants hold, 1 when one is violated."""
    if not arguments.tree and (arguments.rev or arguments.arch):
        raise UsageError("--rev and --arch go with --tree", to_fix="add --tree")
    replay = _read(arguments.file)
    with _machine(replay, arguments) as machine:
        if not arguments.quiet:
            print(f"replay    {geometry_words(machine.geometry)}, {machine.name} machine")
            if replay.invariant:
                print(f"saved for {replay.invariant}, violated on {replay.machine or 'an unnamed machine'}")
            if machine.geometry != replay.geometry:
                print(f"here      {geometry_to_text(machine.geometry)}")
            print(drawing.LEGEND)
        return _run(machine, replay, arguments)


@contextlib.contextmanager
def _machine(replay: Replay, arguments: argparse.Namespace) -> Iterator[Machine]:
    if not arguments.tree:
        yield ReferenceMachine(replay.geometry)
        return
    # Only who names a tree waits for the slicer.
    source_module = importlib.import_module("vmemcheck.kernel.source")
    tree = importlib.import_module("vmemcheck.kernel.tree").open_tree(arguments.tree, arguments.rev)
    name = arguments.arch or replay.machine.rpartition(" ")[2]
    if not name:
        raise UsageError("the file does not say on which architecture it was found", to_fix="add --arch")
    source = source_module.open_source(
        tree, arches.find(name).alias, replay.geometry.page_shift, _model(replay, arguments.file)
    )
    with source.machine(source.fitting(replay.geometry)) as machine:
        yield machine


def _model(replay: Replay, name: str) -> object:
    """Return the kernel's memory model that a replay file names.

    :param name: of the file, for messages
    """
    models = importlib.import_module("vmemcheck.kernel.memory_model").MemoryModel
    named = replay.memory_model or models.VMEMMAP.value
    if named not in [model.value for model in models]:
        raise SequenceError(
            f"there is no memory model {named!r}",
            where=name,
            to_fix=f"use {'; '.join(model.value for model in models)}",
        )
    return models(named)


def _read(name: str) -> Replay:
    if name == "-":
        return replay_file.parse(sys.stdin.buffer.read(replay_file.MAX_BYTES + 1), "standard input")
    return replay_file.load(Path(name))


def _run(machine: Machine, replay: Replay, arguments: argparse.Namespace) -> int:
    trail: list[Step] = []
    for number, step in enumerate(engine.steps(machine, replay.sequence)):
        if not arguments.quiet:
            _show(number, replay.sequence[number], step, first=not trail)
        if step is None:
            continue
        trail.append(step)
        violations = tuple(violations_of(step, by_design=machine.by_design))
        if violations:
            print(finding_text(Finding(replay.sequence[: number + 1], violations, tuple(trail)), machine.name))
            _compare(replay, [violation.invariant for violation in violations])
            return 1
        if arguments.step and sys.stdin.isatty() and sys.stdout.isatty():
            _wait()
    if not trail:
        raise SequenceError("no operation of the sequence applies", to_fix="start with an add or with boot memory")
    _compare(replay, [])
    print(f"holds     {len(trail)} operations, {len(replay.sequence) - len(trail)} skipped, {machine.name} machine")
    return 0


def _compare(replay: Replay, violated: list[str]) -> None:
    """Say whether what the file was saved for still happens."""
    if not replay.invariant:
        return
    if replay.invariant in violated:
        print(f"saved for {replay.invariant}: it still happens")
    elif violated:
        print(f"saved for {replay.invariant}: it does not happen before {violated[0]} is violated")
    else:
        print(f"saved for {replay.invariant}: it does not happen any more")


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
