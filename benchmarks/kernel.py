# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows that need a kernel tree: the newest in the cache. Times are computing times of both processes together.

A sequence ends at a violation that leaves the vmemmap broken, as in every search.
"""

import contextlib
import os
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, settings

from vmemcheck.engine import Coverage, check, known_of
from vmemcheck.explore_scope import ExploreScope
from vmemcheck.garbage import collected_seldom
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Kind
from vmemcheck.kernel.build import build
from vmemcheck.kernel.cache import cache_folder
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.tree import open_tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.known import Known
from vmemcheck.operation import Sequence
from vmemcheck.scope import Scope
from vmemcheck.strategies import scaled, sequences
from vmemcheck.weights import weighted_operations

LENGTH = 12
RUNS = 5
NO_TREE = "no tree"
ALL = Scope(faults=False)
MEMORY_BLOCKS = replace(ExploreScope().scope, devices=False)
_PAGE_SHIFT = 12


def newest_tree() -> Path | None:
    """Return the folder of the newest kernel tree in the cache, or None."""
    folders = [path for path in cache_folder("trees").iterdir() if path.is_dir() and not path.name.startswith(".")]
    return max(folders, key=_version, default=None)


def with_tree(measure: Callable[[Path], str]) -> Callable[[], str]:
    """Return a measurement that says so when there is no tree."""

    def measured() -> str:
        tree = newest_tree()
        return measure(tree) if tree else NO_TREE

    return measured


def inside_program(arch: str) -> Callable[[], str]:
    """Measure what the program itself needs for an operation, observed and hashed."""

    def measure(tree: Path) -> str:
        source = _source(tree, arch)
        geometry = source.geometry(64)
        drawn = _drawn(geometry, 1000)
        figures = []
        for _ in range(RUNS):
            before = _children()
            with _one_processor(), source.machine(geometry) as machine:
                operations = sum(record.applied for one in drawn for record in machine.records(one))
            figures.append(operations / (_children() - before))
        return f"{statistics.median(figures):,.0f} operations/s"

    return with_tree(measure)


def through_python(arch: str, scope: Scope = ALL, *, is_scaled: bool) -> Callable[[], str]:
    """Measure sequences with all invariants and marks, drawn before."""

    def measure(tree: Path) -> str:
        source = _source(tree, arch)
        geometry = scaled(source.geometry(64)) if is_scaled else source.geometry(64)
        drawn = _drawn(geometry, 400, scope)
        figures = []
        for _ in range(RUNS):
            machine = source.machine(geometry)  # to make its program has a row of its own
            before = time.process_time() + _children()
            with _one_processor(), machine:
                _check_all(machine, drawn)
            figures.append(len(drawn) / (time.process_time() + _children() - before))
        return f"{statistics.median(figures):,.0f} sequences/s of {LENGTH} operations"

    return with_tree(measure)


def over_hypothesis(arch: str) -> Callable[[], str]:
    """Measure how much longer Hypothesis takes with the machine than without."""

    def measure(tree: Path) -> str:
        source = _source(tree, arch)
        geometry = source.geometry(64)
        ratios = []
        for _ in range(RUNS):
            with _one_processor():
                alone = _given(geometry, lambda _: None)
                before = _children()
                with source.machine(geometry) as machine:
                    both = _given(geometry, _checking(machine))
            ratios.append((both + _children() - before) / alone)
        return f"{100 * (statistics.median(ratios) - 1):.0f}% over drawing alone"

    return with_tree(measure)


def slicing(arch: str) -> Callable[[], str]:
    """Measure a slice that is not cached, and one that is."""

    def measure(tree: Path) -> str:
        with _empty_cache():
            cold, warm = _seconds(lambda: _source(tree, arch)), _seconds(lambda: _source(tree, arch))
        return f"{cold:.2f} s, cached {warm:.2f} s"

    return with_tree(measure)


def compiling(arch: str) -> Callable[[], str]:
    """Measure the compiler on one program."""

    def measure(tree: Path) -> str:
        source = _source(tree, arch)
        text = source.text(source.geometry(64))
        with _empty_cache():
            seconds = _seconds(lambda: build(text, Variant.FAST, source.name))
        return f"{seconds:.2f} s"

    return with_tree(measure)


def _version(tree: Path) -> list[int]:
    return [int(part) for part in tree.name.replace("_", "-").split("-")[2].split(".") if part.isdecimal()]


def _source(tree: Path, arch: str) -> KernelSource:
    return open_source(open_tree(tree), arch, _PAGE_SHIFT)


def _drawn(geometry: Geometry, number: int, scope: Scope = ALL) -> list[Sequence]:
    chosen = random.Random(0)  # noqa: S311  # the same sequences each time
    operations = weighted_operations(geometry, scope)
    return [tuple(chosen.choice(operations) for _ in range(LENGTH)) for _ in range(number)]


def _check(machine: KernelMachine, sequence: Sequence, coverage: Coverage, known: set[Kind], met: Known) -> None:
    finding = check(machine, sequence, coverage, known=known, met=met)
    if finding:
        known.update(violation.kind for violation in finding.violations)


def _checking(machine: KernelMachine) -> Callable[[Sequence], None]:
    coverage, known, met = Coverage(), set[Kind](), known_of(machine)
    return lambda sequence: _check(machine, sequence, coverage, known, met)


@collected_seldom()
def _check_all(machine: KernelMachine, drawn: list[Sequence]) -> None:
    checking = _checking(machine)
    for sequence in drawn:
        checking(sequence)


@collected_seldom()
def _given(geometry: Geometry, body: Callable[[Sequence], None]) -> float:
    strategy = sequences(geometry, ALL, min_size=LENGTH, max_size=LENGTH)
    quiet = settings(
        max_examples=200,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    start = time.process_time()
    quiet(hypothesis.given(strategy)(lambda sequence: body(sequence)))()
    return time.process_time() - start


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds(work: Callable[[], object]) -> float:
    before = time.process_time() + _children()
    work()
    return time.process_time() + _children() - before


@contextlib.contextmanager
def _one_processor() -> Iterator[None]:
    """Stay on one processor: a program and who asks it take turns, and to wake up an idle processor takes long."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def _empty_cache() -> Iterator[None]:
    kept = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        try:
            yield
        finally:
            del os.environ["XDG_CACHE_HOME"]
            if kept is not None:
                os.environ["XDG_CACHE_HOME"] = kept
