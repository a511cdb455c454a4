# SPDX-License-Identifier: GPL-2.0-or-later
"""What is told of the violations of all geometries: each once, the one that is easy to follow first."""

from dataclasses import replace

import pytest

from tests.unit.check_results import BLOCKS, BOOTED, DEVICES, LEAF, cell
from vmemcheck.arches import find
from vmemcheck.engine import check
from vmemcheck.errors import BuildError, ShimGapError, SliceError, VmemcheckError
from vmemcheck.gate.changes import changes_of, unbuilt_of
from vmemcheck.gate.compare import Compared
from vmemcheck.gate.targets import TargetPairs
from vmemcheck.invariant import Finding, Problem, Verdict, Violation
from vmemcheck.observation import Location
from vmemcheck.operation import Sequence
from vmemcheck.selection import Target

_CELL, _OTHER = cell("x86_64", "4K", 64), cell("x86_64", "4K", 80)
_WARNING = Violation("no-warning", (Problem("it warned", Location("mm/a.c", 3, "f")),))


def _finding(sequence: Sequence = BLOCKS) -> Finding:
    found = check(LEAF(cell("x86_64", "4K", 56).geometry), BLOCKS)
    assert found is not None
    return replace(found, sequence=sequence)


def _invariants(*breaks: Finding, elsewhere: tuple[Finding, ...] = ()) -> list[str]:
    compared = [
        Compared(_CELL, Verdict.HOLDS, Verdict.VIOLATED, breaks=breaks),
        Compared(_OTHER, Verdict.HOLDS, Verdict.VIOLATED, breaks=elsewhere),
    ]
    return [change.kind.invariant for change in changes_of(compared, {})]


def test_consequence_on_the_same_sequence_is_told_with_its_cause_only() -> None:
    """It is a violation of its own where the sequence is another one, or where the cause was not met."""
    cause = replace(_finding(), violations=(*_finding().violations, _WARNING))
    alone = replace(_finding(), violations=(_WARNING,))
    assert ["memmap-mapped"] == _invariants(alone, cause)
    assert ["memmap-mapped", "no-warning"] == _invariants(replace(alone, sequence=DEVICES), cause)
    assert ["memmap-mapped", "no-warning"] == _invariants(alone, cause, elsewhere=(alone,))


def test_cause_is_told_before_consequence_and_boot_memory_last() -> None:
    """Whatever was found first."""
    warning, mapped = replace(_finding(DEVICES), violations=(_WARNING,)), _finding()
    assert ["memmap-mapped", "no-warning"] == _invariants(warning, mapped)
    assert ["no-warning", "memmap-mapped"] == _invariants(replace(mapped, sequence=BOOTED), warning)


@pytest.mark.parametrize(
    ("error", "by_series", "message", "where"),
    [
        (
            BuildError("it does not compile", where="mm/a.c:7:3: error: bad (in f())\n  mm/b.c:9: error: worse"),
            True,
            "bad (in f())\nmm/b.c:9: error: worse",
            "mm/a.c:7",
        ),
        (
            ShimGapError("it needs frob", where="used by mm/a.c: f()", to_fix="add it"),
            False,
            "it needs frob\nused by mm/a.c: f()\nto fix   add it",
            "",
        ),
        (SliceError("it cannot be sliced", where="mm/a.c"), True, "it cannot be sliced\nmm/a.c", ""),
    ],
)
def test_what_could_not_be_run_is_told_at_the_line_of_the_compiler(
    error: VmemcheckError, by_series: bool, message: str, where: str
) -> None:
    """A gap says what to do about it; of what the series did, the first line says enough."""
    target = Target(find("x86"), 12)
    (one,) = unbuilt_of([TargetPairs(target, error=error, by_series=by_series)], [], {})
    assert (message, where, by_series) == (one.message, one.where, one.by_series)
