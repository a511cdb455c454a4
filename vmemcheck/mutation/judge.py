# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge mutants: what the check finds on a mutant and not on the code as it is kills it.

What is run is what ``vmemcheck check`` runs: the same random sequences, invariants and marks. A sequence on which
a mutant does the same as the code, by the digests of all observations, needs no second look: its verdict is known.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from vmemcheck.bulk import random_sequences
from vmemcheck.engine import Coverage, applicable, check
from vmemcheck.errors import ExecutorError, MachineError
from vmemcheck.invariant import Kind
from vmemcheck.kernel.protocol import Record
from vmemcheck.machine import Machine
from vmemcheck.operation import Sequence
from vmemcheck.scope import Scope

NO_VERDICT = "no verdict"


Ran = tuple[Sequence, tuple[Record, ...]]
"""A sequence and what it did."""


class RecordingMachine(Machine, Protocol):
    """A machine that can also tell shortly what a sequence did."""

    def records(self, sequence: Sequence) -> tuple[Record, ...]:
        """Run the operations; return the outcome and the digest of each."""


@dataclass(frozen=True, slots=True)
class Original:
    """What the code as it is does on the sequences of one scope.

    :param sequences: in the order in which they are run
    :param records: of each sequence
    :param marks: names of the marks that each sequence meets
    :param known: kinds of violations that the check finds
    :param wanted: names of the marks that are met, of those that apply
    """

    scope: Scope
    sequences: tuple[Sequence, ...]
    records: tuple[tuple[Record, ...], ...]
    marks: tuple[frozenset[str], ...]
    known: frozenset[Kind]
    wanted: frozenset[str]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of one mutant in one geometry and scope.

    :param killed_by: name of the invariant, "mark NAME", or why there is no verdict; empty when it survived
    :param sequence: the one that killed it
    :param differed: number of sequences on which it was seen to do something else than the code as it is
    """

    killed_by: str = ""
    sequence: Sequence = ()
    differed: int = 0


def original(machine: RecordingMachine, scope: Scope, examples: int, seed: int) -> Original:
    """Run the code as it is.

    :raises ExecutorError: when it cannot be run
    """
    sequences = tuple(random_sequences(machine.geometry, scope, examples, seed))
    known: set[Kind] = set()
    marks = []
    for sequence in sequences:
        coverage = Coverage()
        while finding := check(machine, sequence, coverage, known=known):
            known.add(finding.kind)
        marks.append(frozenset(coverage.marks))
    met = frozenset[str]().union(*marks)
    return Original(
        scope=scope,
        sequences=sequences,
        records=tuple(machine.records(sequence) for sequence in sequences),
        marks=tuple(marks),
        known=frozenset(known),
        wanted=met & {mark.name for mark in applicable(machine, scope)},
    )


def judge(mutant: RecordingMachine, code: Original) -> Judgement:
    """Run the sequences on a mutant, up to the first that kills it.

    :param mutant: built of the same program as the code as it is, so that equal digests mean equal observations
    """
    met: set[str] = set()
    differed = 0
    for sequence, records, marks in zip(code.sequences, code.records, code.marks, strict=True):
        coverage = Coverage()
        try:
            if mutant.records(sequence) == records:
                met |= marks
                continue
            differed += 1
            finding = check(mutant, sequence, coverage, known=code.known)
        except (ExecutorError, MachineError) as error:
            what = error.what.removeprefix(f"{mutant.name}: ").removeprefix(mutant.name).strip()
            return Judgement(f"{NO_VERDICT}: {what}", sequence, differed)
        if finding is not None:
            return Judgement(finding.invariant, finding.sequence, differed)
        met |= coverage.marks
    missing = sorted(code.wanted - met)
    return Judgement(f"mark {missing[0]}" if missing else "", (), differed)


def ran(machine: RecordingMachine, scope: Scope, examples: int, seed: int) -> list[Ran]:
    """Run the sequences, and look at nothing.

    :raises ExecutorError: when one cannot be run
    """
    sequences = random_sequences(machine.geometry, scope, examples, seed)
    return [(sequence, machine.records(sequence)) for sequence in sequences]


def is_reached(stopping: RecordingMachine, code: Iterable[Ran]) -> bool:
    """Tell whether any sequence gets to the changed place, on a machine that stops there.

    :param code: sequences, and what the same program does with no mutant chosen
    """
    try:
        return any(stopping.records(sequence) != records for sequence, records in code)
    except ExecutorError:  # in the boot code the machine cannot go on
        return True
