# SPDX-License-Identifier: GPL-2.0-or-later
"""The findings of docs/findings.md: each of its sequences is replayed on the kernel series that it names.

A file in ``findings/`` is a replay file. Its comments say what must come of it::

    # arch: arm64
    # violates: memmap-mapped in 5.10 6.1
    # holds in: 6.12 7.2
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from vmemcheck.engine import steps
from vmemcheck.geometry import Geometry
from vmemcheck.judgement import violations_of
from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.operation import Sequence
from vmemcheck.sequence_text import parse

_FILES = sorted((Path(__file__).parent / "findings").glob("*.txt"))


@dataclass(frozen=True, slots=True)
class _Finding:
    arch: str
    invariant: str
    violated: tuple[str, ...]
    held: tuple[str, ...]
    by_design: bool
    geometry: Geometry
    sequence: Sequence


def _read(path: Path) -> _Finding:
    text = path.read_text()
    arch = re.search(r"^# arch: (\w+)$", text, re.MULTILINE)
    violates = re.search(r"^# violates: ([\w-]+) in (.+)$", text, re.MULTILINE)
    holds = re.search(r"^# holds in: (.+)$", text, re.MULTILINE)
    assert arch
    assert violates
    held = tuple(holds[1].split()) if holds else ()
    by_design = "\n# by design\n" in text
    return _Finding(arch[1], violates[1], tuple(violates[2].split()), held, by_design, *parse(text))


@cache
def _source(tree: Tree, arch: str, page_shift: int) -> KernelSource:
    return open_source(tree, arch, page_shift)


def _violated(tree: Tree, finding: _Finding) -> set[str]:
    """Return the names of all invariants that the sequence violates, at whichever step."""
    geometry = finding.geometry
    source = _source(tree, finding.arch, geometry.page_shift)
    sized = source.geometry(geometry.struct_page_bytes, geometry.levels)
    with source.machine(sized) as machine:
        played = [step for step in steps(machine, finding.sequence) if step]
    assert len(played) == len(finding.sequence)
    # What is declared is looked at as if it were not.
    declared = () if finding.by_design else machine.by_design
    return {one.invariant for step in played for one in violations_of(step, by_design=declared)}


_CASES = [
    pytest.param(path, series, id=f"{path.stem}-{series}")
    for path in _FILES
    for series in (*_read(path).violated, *_read(path).held)
]


@pytest.mark.parametrize(("path", "series"), _CASES)
def test_finding_replayed_is_there_or_gone_as_documented(
    path: Path, series: str, tree_of: Callable[[str], Tree]
) -> None:
    """The sequence violates its invariant on the series that are named, and not on those where it is gone."""
    finding = _read(path)
    expected = series in finding.violated
    assert (finding.invariant in _violated(tree_of(series), finding)) == expected
