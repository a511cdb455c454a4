# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure each row of the table and print it as Markdown.

Machines are noisy: rows compare a command with another one, run in turn, and
show medians. No test asserts any of it.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import kernel
from vmemcheck.arches import find
from vmemcheck.engine import Coverage
from vmemcheck.geometry import Geometry
from vmemcheck.reference import ReferenceMachine
from vmemcheck.search import search
from vmemcheck.strategies import scaled

RUNS = 7
ARCHES = ("x86", "arm64")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table; ``measure`` returns the figure as text."""

    what: str
    measure: Callable[[], str]


def _ratio(command: list[str], other: list[str]) -> str:
    ours, theirs = [], []
    for _ in range(RUNS):
        ours.append(_seconds(command))
        theirs.append(_seconds(other))
    left, right = statistics.median(ours), statistics.median(theirs)
    return f"{left / right:.1f}x ({left * 1000:.0f} ms against {right * 1000:.0f} ms)"


def _seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def _sequences(geometry: Geometry, examples: int) -> str:
    machine = ReferenceMachine(geometry)
    search(machine, examples=2)  # builds the table of operations
    start = time.perf_counter()
    coverage: Coverage = search(machine, examples=examples).coverage
    seconds = time.perf_counter() - start
    return f"{coverage.sequences / seconds:.0f} sequences/s ({coverage.operations / seconds:.0f} operations/s)"


ROWS = (
    Row(
        "`vmemcheck --help` against `python3 -c pass` plus argparse",
        lambda: _ratio(["-m", "vmemcheck", "--help"], ["-c", "import argparse"]),
    ),
    Row(
        "`vmemcheck prove`, all architectures and sizes, against `import sympy`",
        lambda: _ratio(["-m", "vmemcheck", "prove"], ["-c", "import sympy"]),
    ),
    Row(
        "reference machine, x86_64, struct page 64, Hypothesis and all invariants",
        lambda: _sequences(find("x86_64").page_sizes[0].geometry(64), 200),
    ),
    Row(
        "reference machine, scaled to 32 entries per table, struct page 56, the same",
        lambda: _sequences(scaled(Geometry(56)), 1000),
    ),
    *(Row(f"executor, inside the program, {arch}, struct page 64", kernel.inside_program(arch)) for arch in ARCHES),
    Row("kernel code through Python, all invariants, x86, full size", kernel.through_python("x86", is_scaled=False)),
    Row("kernel code through Python, all invariants, x86, scaled", kernel.through_python("x86", is_scaled=True)),
    Row("the same, memory blocks alone", kernel.through_python("x86", kernel.MEMORY_BLOCKS, is_scaled=True)),
    Row("sequences at full size with Hypothesis", kernel.over_hypothesis("x86")),
    *(Row(f"slice the tree, {arch}", kernel.slicing(arch)) for arch in ARCHES),
    *(Row(f"compile one program, {arch}", kernel.compiling(arch)) for arch in ARCHES),
)


def main() -> None:
    """Print the table."""
    print("| what | measured |\n| --- | --- |")
    for row in ROWS:
        print(f"| {row.what} | {row.measure()} |", flush=True)


main()
