# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutants are judged as the check would: variants of the reference machine stand for mutants of a kernel."""

from dataclasses import astuple

import pytest

from tests.negative.variants import WHOLE_PMD, KeepsEmptyTables, with_part
from vmemcheck.errors import ExecutorError
from vmemcheck.kernel.protocol import Record
from vmemcheck.mutation.judge import Judgement, Original, judge, original
from vmemcheck.observation import Observation, Owner
from vmemcheck.operation import Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.reference.vmemmap import Vmemmap
from vmemcheck.scope import Scope

SCOPE = Scope(faults=False)
EXAMPLES = 25
_REACHED, _NOT_REACHED = 1, 2


class _NoLeaves(Vmemmap):
    def _populate_leaf(self, window: range, part: range, owner: Owner) -> bool:
        return False


class _Recorded:
    """A reference machine that can also tell shortly what a sequence did."""

    def __init__(self, kind: type[ReferenceMachine] = ReferenceMachine) -> None:
        self._machine = kind(WHOLE_PMD)
        self.name = self._machine.name
        self.geometry = self._machine.geometry
        self.by_design = self._machine.by_design
        self.never_met = self._machine.never_met
        self.boot_stays = self._machine.boot_stays
        self.max_folio_order = self._machine.max_folio_order

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        return self._machine.run(sequence)

    def records(self, sequence: Sequence) -> tuple[Record, ...]:
        return tuple(
            Record(one.applied, one.pfns.start, len(one.pfns), one.returned, False, hash(repr(astuple(one))))
            for one in self.run(sequence)
        )


class _Dies(_Recorded):
    def records(self, sequence: Sequence) -> tuple[Record, ...]:
        raise ExecutorError(f"{self.name}: the program gave no answer")


class _Reaching:
    def reached(self, sequence: Sequence) -> bytes:
        return bytes((0, 1, 0))


@pytest.fixture(scope="module")
def code() -> Original:
    """Return what the machine as it is does."""
    return original(_Recorded(), _Reaching(), SCOPE, EXAMPLES, 0)


def test_judge_mutant_that_leaks_is_killed_by_the_invariant(code: Original) -> None:
    """The judgement names the invariant, and a sequence that shows it."""
    found = judge(_Recorded(with_part(KeepsEmptyTables)), _REACHED, code)
    assert (found.killed_by, bool(found.sequence), found.at is not None) == ("no-leak", True, True)


def test_judge_mutant_that_does_the_same_survives(code: Original) -> None:
    """All sequences get to it, and on none of them anything differs."""
    assert judge(_Recorded(), _REACHED, code) == Judgement(reached=EXAMPLES)


def test_judge_mutant_that_is_not_reached_is_not_run(code: Original) -> None:
    """A machine that would die is not asked at all."""
    assert judge(_Dies(), _NOT_REACHED, code) == Judgement()


def test_judge_mutant_that_dies_is_killed_without_verdict(code: Original) -> None:
    """What the check could not run, it did not pass."""
    assert judge(_Dies(), _REACHED, code).killed_by == "no verdict: the program gave no answer"


def test_judge_mutant_that_misses_a_mark_is_killed(code: Original) -> None:
    """Without leaves nothing is wrong, but a run would be vacuous."""
    found = judge(_Recorded(with_part(_NoLeaves)), _REACHED, code)
    assert found.killed_by.startswith("mark ")
    assert found.differed > 0


def test_judge_sequences_that_killed_a_neighbour_are_tried_first(code: Original) -> None:
    """The sequence that is named first kills first; the order of the others stays."""
    mutant = _Recorded(with_part(KeepsEmptyTables))
    first = judge(mutant, _REACHED, code).at
    assert first is not None
    later = next(
        at
        for at in range(EXAMPLES - 1, first, -1)
        if judge(mutant, _REACHED, code, [at]).differed == 1 and judge(mutant, _REACHED, code, [at]).at == at
    )
    assert judge(mutant, _REACHED, code, [later]).at == later
