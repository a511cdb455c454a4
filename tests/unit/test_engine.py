# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine, the search and the shrinker."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from tests.negative.variants import SUB_PMD, WHOLE_PMD, ForgetsToFlush, NeverFreesPartlyUsedLeaf, with_part
from vmemcheck.engine import Coverage, check
from vmemcheck.errors import MachineError
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Verdict
from vmemcheck.invariants import INVARIANTS
from vmemcheck.marks import MARKS
from vmemcheck.observation import Location, Observation, State, Stopped
from vmemcheck.operation import AddDevice, AddMemory, Altmap, Fault, FaultKind, Initialise, Remove, Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.scope import Scope, operations
from vmemcheck.search import search
from vmemcheck.shrink import shrink


class Liar(ReferenceMachine):
    """Changes what it reported."""

    def __init__(self, geometry: Geometry, **changes: object) -> None:
        super().__init__(geometry)
        self.changes = changes

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        """Run, and lie about the last operation."""
        *others, last = super().run(sequence)
        return (*others, dataclasses.replace(last, **self.changes))  # type: ignore[arg-type]  # any field


class Silent(ReferenceMachine):
    """Stops before the last operation and says nothing."""

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        """Run all but the last."""
        return super().run(sequence)[:-1]


def test_check_machine_that_skips_what_applies_is_an_error() -> None:
    """A machine that disagrees with the model on what was asked gives no verdict."""
    with pytest.raises(MachineError, match="disagree"):
        check(Liar(SUB_PMD, applied=False), (AddDevice(0, 1),))
    with pytest.raises(MachineError, match="disagree"):
        check(Liar(SUB_PMD, pfns=range(7)), (AddDevice(0, 1),))


def test_check_add_that_does_not_come_back_is_named_by_that() -> None:
    """Its own memmap is no question then; that of others, which is gone, comes before the crash that it led to."""
    crash = (Stopped("BUG_ON(addr)", Location("mm/a.c", 1, "f")),)
    machine = Liar(SUB_PMD, events=crash, state=State())
    alone, beside = (check(machine, sequence) for sequence in ((AddDevice(0, 1),), (AddMemory(1, 1), AddDevice(0, 1))))
    assert alone is not None
    assert beside is not None
    assert ["no-warning"] == [violation.invariant for violation in alone.violations]
    assert ["memmap-mapped", "no-warning"] == [violation.invariant for violation in beside.violations]


def test_check_machine_that_stops_without_reason_is_an_error() -> None:
    """A machine may stop only at a fault or a BUG."""
    with pytest.raises(MachineError, match="1 of 2 operations"):
        check(Silent(SUB_PMD), (AddDevice(0, 1), Remove(0)))


def test_check_finding_ends_with_the_failing_step() -> None:
    """What follows the failing operation is not part of the finding, and skipped ones are not among its steps."""
    machine = with_part(NeverFreesPartlyUsedLeaf)(SUB_PMD)
    finding = check(machine, (Remove(0), AddMemory(0, 1), Remove(0), AddDevice(7, 1)))
    assert finding is not None
    assert (Remove(0), AddMemory(0, 1), Remove(0)) == finding.sequence
    assert [AddMemory(0, 1), Remove(0)] == [step.operation for step in finding.steps]
    assert finding.invariant == "no-leak"


def test_check_failed_add_may_be_tried_again() -> None:
    """After an add that failed for want of memory, the same add succeeds."""
    failing = AddDevice(0, 5, fault=Fault(FaultKind.NTH, 4))
    again = (failing, AddDevice(0, 5))
    observations = ReferenceMachine(WHOLE_PMD).run(again)
    assert [-12, 0] == [observation.returned for observation in observations]
    assert check(ReferenceMachine(WHOLE_PMD), again) is None


def test_search_is_repeatable() -> None:
    """The same seed gives the same finding, another seed another run."""
    machine = with_part(ForgetsToFlush)(SUB_PMD)
    first, second = (search(machine, examples=100, seed=4) for _ in range(2))
    assert first.finding == second.finding
    assert first.coverage.operations == second.coverage.operations
    other = search(ReferenceMachine(SUB_PMD), examples=50, seed=5).coverage.operations
    assert other != search(ReferenceMachine(SUB_PMD), examples=50, seed=6).coverage.operations


def test_search_without_the_operations_for_a_mark_is_vacuous() -> None:
    """A run that could not meet a mark does not say that the invariants hold."""
    result = search(ReferenceMachine(WHOLE_PMD), scope=Scope(boot=False), examples=100)
    assert result.verdict is Verdict.VACUOUS
    assert "early-section-freed" in {mark.name for mark in result.missing}


def test_search_counts_what_was_drawn_and_not_what_was_tried() -> None:
    """The sequences of a run are those before the first that fails, however many are tried to make that one smaller."""
    machine = with_part(NeverFreesPartlyUsedLeaf)(SUB_PMD)
    ran: list[Sequence] = []
    run = machine.run

    def noted(sequence: Sequence) -> tuple[Observation, ...]:
        ran.append(sequence)
        return run(sequence)

    machine.run = noted  # type: ignore[method-assign]  # to see what is run
    # Without failing allocations nothing is run a second time to compare with.
    result = search(machine, scope=Scope(faults=False, altmaps=False), examples=200)
    assert result.finding is not None
    machine.run = run  # type: ignore[method-assign]  # as it was
    drawn = next(number for number, sequence in enumerate(ran) if check(machine, sequence))
    assert drawn == result.coverage.sequences < len(ran) - 20


def test_search_of_the_reference_holds_with_all_marks() -> None:
    """With everything in scope, a short search meets every mark that applies."""
    result = search(ReferenceMachine(SUB_PMD), examples=400)
    assert (result.verdict, result.missing) == (Verdict.HOLDS, ())
    assert result.coverage.sequences == 400


def test_verdict_exit_codes_are_those_of_the_help() -> None:
    """0 holds, 1 violated, 2 vacuous."""
    assert [verdict.exit_code for verdict in (Verdict.HOLDS, Verdict.VIOLATED, Verdict.VACUOUS)] == [0, 1, 2]


def test_marks_each_can_be_met_somewhere() -> None:
    """No mark is out of reach on every geometry, and none is met by doing nothing."""
    coverage = Coverage()
    for geometry in (SUB_PMD, WHOLE_PMD, Geometry(64, 14, 23, 21, 5)):
        coverage.marks |= search(ReferenceMachine(geometry), examples=400).coverage.marks
    assert {mark.name for mark in MARKS} == coverage.marks
    nothing = Coverage()
    check(ReferenceMachine(SUB_PMD), (AddDevice(0, 1),), nothing)
    assert set() == nothing.marks


def test_shrink_of_an_add_with_another_one_tries_those_of_its_range() -> None:
    """What was left out may have done what an altmap does as well: first the shorter sequence, whatever is in it."""
    other = AddDevice(0, 2, altmap=Altmap(0, 8))
    table = [AddDevice(0, 1), AddDevice(0, 2), other]
    start, shorter = (AddDevice(0, 2), Initialise(0), Remove(0)), (other, Remove(0))
    assert shorter == shrink(start, table, {start, shorter}.__contains__)


def test_shrink_leaves_out_what_is_not_needed() -> None:
    """Only the operations that the failure needs remain, and in their simplest form."""
    table = operations(SUB_PMD, Scope())
    long = (AddDevice(5, 2), Initialise(0), AddDevice(0, 3, fault=Fault(FaultKind.NTH, 20)), Remove(1), Remove(0))

    def fails(sequence: Sequence) -> bool:
        return sum(isinstance(operation, AddDevice) for operation in sequence) == 1 and Remove(0) in sequence

    assert (AddDevice(0, 1), Remove(0)) == shrink((*long[2:3], *long[3:]), table, fails)


def test_shrink_simplifies_what_is_already_short() -> None:
    """A sequence from which nothing can be left out still gets the simplest operations."""
    table = operations(SUB_PMD, Scope())
    start = (AddDevice(3, 2, fault=Fault(FaultKind.NTH, 13)), Remove(2))

    def fails(sequence: Sequence) -> bool:
        return [AddDevice, Remove] == [type(operation) for operation in sequence]

    assert (AddDevice(0, 1), Remove(0)) == shrink(start, table, fails)


def test_search_does_not_depend_on_what_else_is_loaded(tmp_path: Path) -> None:
    """The same seed gives the same run, whatever modules, with whatever numbers in them, are loaded."""
    (tmp_path / "local_numbers.py").write_text(f"NUMBERS = {list(range(3, 3000, 7))}\n")
    code = (
        "from vmemcheck.search import search; from vmemcheck.reference import ReferenceMachine\n"
        "from vmemcheck.geometry import Geometry\n"
        "result = search(ReferenceMachine(Geometry(56, section_shift=23, table_shift=5)), examples=60)\n"
        "print(result.coverage.operations, sorted(result.coverage.marks))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", first + code], capture_output=True, text=True, check=True, cwd=tmp_path)
        for first in ("", "import local_numbers\n")
    ]
    assert runs[0].stdout == runs[1].stdout


def test_shrink_tries_nothing_twice_that_did_not_fail() -> None:
    """Each round but the first begins with what the one before has tried in vain."""
    tried: list[Sequence] = []

    def fails(sequence: Sequence) -> bool:
        tried.append(sequence)
        return {AddDevice, Remove} <= {type(operation) for operation in sequence}

    start = (AddDevice(3, 2, fault=Fault(FaultKind.NTH, 13)), Initialise(0), Remove(2))
    assert (AddDevice(0, 1), Remove(0)) == shrink(start, operations(SUB_PMD, Scope()), fails)
    passed = [sequence for sequence in tried if len({type(operation) for operation in sequence}) == 1]
    assert len(passed) > 10
    assert len(set(passed)) == len(passed)


def test_shrink_adjusts_the_failing_allocation() -> None:
    """When an operation is left out, the allocation that fails moves with it."""
    table = operations(WHOLE_PMD, Scope())

    def fails(sequence: Sequence) -> bool:
        want = Fault(FaultKind.NTH, 12 - 3 * (len(sequence) - 1))
        return isinstance(sequence[-1], AddDevice) and sequence[-1].fault == want

    start = (AddDevice(0, 1), AddDevice(1, 1), AddDevice(2, 1, fault=Fault(FaultKind.NTH, 6)))
    assert fails(start)
    assert len(shrink(start, table, fails)) == 1


def test_invariants_have_distinct_names_and_statements() -> None:
    """Reports name invariants; no two share a name."""
    assert len(INVARIANTS) == len({invariant.name for invariant in INVARIANTS}) == 13
    assert all(invariant.says for invariant in INVARIANTS)
