# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge mutants: what the check finds on a mutant and not on the code as it is kills it.

What is run is what ``vmemcheck check`` runs: the same random sequences, invariants and marks. A sequence on which
a mutant does the same as the code, by the digests of all observations, needs no second look: its verdict is known.
One that does not get to the changed place is not even run.

As in the gate, what the code violates in other sequences does not excuse a mutant in one that the code passes.
"""

from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from typing import Protocol

from vmemcheck.bulk import random_sequences
from vmemcheck.engine import Coverage, applicable, check
from vmemcheck.errors import ExecutorError, MachineError
from vmemcheck.invariant import Kind
from vmemcheck.kernel.protocol import Record
from vmemcheck.machine import Machine
from vmemcheck.operation import FaultKind, Sequence
from vmemcheck.scope import Scope

NO_VERDICT = "no verdict"


class RecordingMachine(Machine, Protocol):
    """A machine that can also tell shortly what a sequence did."""

    def records(self, sequence: Sequence) -> tuple[Record, ...]:
        """Run the operations; return the outcome and the digest of each."""


class ReachingMachine(Protocol):
    """The code as it is, built so that it notes which mutants it gets to."""

    def reached(self, sequence: Sequence) -> bytes:
        """Run the operations; return 1 for each number of a mutant that they get to, else 0."""


@dataclass(frozen=True, slots=True)
class Original:
    """What the code as it is does on the sequences of one scope.

    :param sequences: in the order in which they are run
    :param records: of each sequence
    :param marks: names of the marks that each sequence meets
    :param known: kinds of violations that the check finds
    :param passed: of each sequence, whether nothing is violated in it
    :param wanted: names of the marks that are met, of those that apply
    :param reached: of each sequence, by number of the mutant: 1 where it gets to it
    """

    scope: Scope
    sequences: tuple[Sequence, ...]
    records: tuple[tuple[Record, ...], ...]
    marks: tuple[frozenset[str], ...]
    known: frozenset[Kind]
    passed: tuple[bool, ...]
    wanted: frozenset[str]
    reached: tuple[bytes, ...]

    def reaching(self, number: int) -> tuple[int, ...]:
        """Return the sequences, by place, that get to a mutant."""
        return tuple(at for at, reached in enumerate(self.reached) if reached[number])

    def excused(self, at: int) -> frozenset[Kind]:
        """Return the kinds of violations that do not kill a mutant in a sequence.

        Which allocation fails is counted, so that another one fails where a mutant makes more of them or fewer.
        """
        counted = (getattr(operation, "fault", None) for operation in self.sequences[at])
        is_counted = any(fault is not None and fault.kind is not FaultKind.ORDER for fault in counted)
        return frozenset() if self.passed[at] and not is_counted else self.known


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of one mutant in one geometry and scope.

    :param killed_by: name of the invariant, "mark NAME", or why there is no verdict; empty when it survived
    :param sequence: the one that killed it
    :param at: its place among the sequences
    :param reached: number of sequences that get to it
    :param differed: number of sequences on which it was seen to do something else than the code as it is
    """

    killed_by: str = ""
    sequence: Sequence = ()
    at: int | None = None
    reached: int = 0
    differed: int = 0


def original(machine: RecordingMachine, reaching: ReachingMachine, scope: Scope, examples: int, seed: int) -> Original:
    """Run the code as it is.

    :raises ExecutorError: when it cannot be run
    """
    sequences = tuple(random_sequences(machine.geometry, scope, examples, seed))
    known: set[Kind] = set()
    marks = []
    passed = []
    for sequence in sequences:
        coverage = Coverage()
        passed.append(check(machine, sequence, coverage) is None)
        while not passed[-1] and (finding := check(machine, sequence, coverage, known=known)):
            known.add(finding.kind)
        marks.append(frozenset(coverage.marks))
    met = frozenset[str]().union(*marks)
    return Original(
        scope=scope,
        sequences=sequences,
        records=tuple(machine.records(sequence) for sequence in sequences),
        marks=tuple(marks),
        known=frozenset(known),
        passed=tuple(passed),
        wanted=met & {mark.name for mark in applicable(machine, scope)},
        reached=tuple(map(reaching.reached, sequences)),
    )


def judge(mutant: RecordingMachine, number: int, code: Original, first: Many[int] = ()) -> Judgement:
    """Run the sequences that get to a mutant, up to the first that kills it.

    :param mutant: built of the same text as the code as it is, so that equal digests mean equal observations
    :param number: of the mutant
    :param first: places of sequences to begin with: those that killed its neighbours
    """
    reaching = code.reaching(number)
    found = Judgement(reached=len(reaching))
    begin = [at for at in first if at in reaching]
    met = frozenset[str]().union(*(marks for at, marks in enumerate(code.marks) if at not in reaching))
    for at in (*begin, *(at for at in reaching if at not in begin)):
        coverage = Coverage()
        sequence = code.sequences[at]
        try:
            if mutant.records(sequence) == code.records[at]:
                met |= code.marks[at]
                continue
            found = replace(found, differed=found.differed + 1)
            finding = check(mutant, sequence, coverage, known=code.excused(at))
        except (ExecutorError, MachineError) as error:
            what = error.what.removeprefix(f"{mutant.name}: ").removeprefix(mutant.name).strip()
            return replace(found, killed_by=f"{NO_VERDICT}: {what}", sequence=sequence, at=at)
        if finding is not None:
            return replace(found, killed_by=finding.invariant, sequence=finding.sequence, at=at)
        met |= coverage.marks
    missing = sorted(code.wanted - met)
    return replace(found, killed_by=f"mark {missing[0]}" if missing else "")
