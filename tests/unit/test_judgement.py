# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a step: by whom, and whether it is said again of an equal one."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.negative.variants import SUB_PMD, WHOLE_PMD, NeverFreesPartlyUsedLeaf, with_part
from vmemcheck import judgement
from vmemcheck.engine import known_of, steps
from vmemcheck.invariant import Invariant, Problem, Step, Violation, never
from vmemcheck.invariants import INVARIANTS
from vmemcheck.judgement import Judgements, violations_of
from vmemcheck.known import Known
from vmemcheck.operation import AddMemory, Remove, Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.suspects import Suspects

THERE_AND_BACK: Sequence = (AddMemory(0, 1), Remove(0))


def _steps(machine: ReferenceMachine, met: Known | None = None) -> list[Step]:
    return [step for step in steps(machine, THERE_AND_BACK, met) if step]


def test_step_of_a_sound_machine_is_looked_at_by_few() -> None:
    """Invariants whose questions have no answer, and that ask for nothing else, do not look at a step."""
    added, removed = _steps(ReferenceMachine(WHOLE_PMD))
    looking = [{one.name for one in Suspects(INVARIANTS).of(step)} for step in (added, removed)]
    assert [{"counters-balanced", "tables-sound"}, {"counters-balanced", "freed-once", "memmap-mapped"}] == looking


def test_invariant_is_asked_for_each_of_its_reasons() -> None:
    """An answer about the situation, one about the events, and another reason: each is enough, in any mixture."""
    problem = Problem("because")

    def one(name: str, **reasons: object) -> Invariant:
        return Invariant(name, "says", lambda _: (problem,), **reasons)  # type: ignore[arg-type]  # any field

    invariants = (
        one("otherwise", otherwise=lambda _: True),
        one("situation", situation=(lambda _: (), lambda now: now.mappings), otherwise=never),
        one("always"),
        one("events", events=(lambda events: events.others,), otherwise=never),
        one("nothing", situation=(lambda _: (),), events=(lambda _: (),), otherwise=never),
    )
    added, _ = _steps(ReferenceMachine(WHOLE_PMD))
    names = [violation.invariant for violation in violations_of(added, invariants)]
    assert ["otherwise", "situation", "always", "events"] == names


def test_equal_steps_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was said of a step is said again, and forgotten in the end."""
    machine = with_part(NeverFreesPartlyUsedLeaf)(SUB_PMD)
    _, removed = _steps(machine, known_of(machine))
    judged: list[Step] = []
    ask = judgement.violations_of

    def asked(step: Step, **more: Any) -> Iterator[Violation]:
        judged.append(step)
        return ask(step, **more)

    monkeypatch.setattr(judgement, "violations_of", asked)
    judgements = Judgements()
    said = judgements.of(removed)
    assert ["no-leak", "counters-balanced"] == [violation.invariant for violation in said]
    assert (said, 1) == (judgements.of(removed), len(judged))
    monkeypatch.setattr(judgement, "_MOST_STEPS", 1)
    assert (said, 1) == (judgements.of(removed), len(judged))
    added, _ = _steps(machine)
    assert ((), 2) == (judgements.of(added), len(judged))
    assert (said, 3) == (judgements.of(removed), len(judged))
