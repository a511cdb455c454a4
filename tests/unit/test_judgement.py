# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a step: by whom, and whether it is said again of an equal one."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.negative.variants import SUB_PMD, WHOLE_PMD, NeverFreesPartlyUsedLeaf, with_part
from vmemcheck import judgement, known
from vmemcheck.by_design import ByDesign
from vmemcheck.engine import known_of, steps
from vmemcheck.invariant import Baseline, Invariant, Problem, Step, Violation, never
from vmemcheck.invariants import INVARIANTS
from vmemcheck.judgement import Judgements, violations_of
from vmemcheck.known import Known
from vmemcheck.observation import State
from vmemcheck.operation import AddMemory, Remove, Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.situation import Situation
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
        one("both", situation=(lambda now: now.mappings,), otherwise=lambda _: True),
        one("events", events=(lambda events: events.others,), otherwise=never),
        one("nothing", situation=(lambda _: (),), events=(lambda _: (),), otherwise=never),
    )
    added, _ = _steps(ReferenceMachine(WHOLE_PMD))
    names = [violation.invariant for violation in violations_of(added, invariants)]
    assert ["otherwise", "situation", "always", "both", "events"] == names


def test_what_is_by_design_on_a_machine_is_no_violation_of_its_steps() -> None:
    """Also where steps are judged for no report: in the comparison of two machines."""
    leaking = with_part(NeverFreesPartlyUsedLeaf)
    keeps = ByDesign("stays", ("no-leak", "counters-balanced"), "says", "source", keeps_memmap=True)
    meant = type("Meant", (leaking,), {"by_design": (keeps,)})
    said = []
    for machine in (leaking(SUB_PMD), meant(SUB_PMD)):
        met = known_of(machine)
        _, removed = _steps(machine, met)
        said.append({violation.invariant for violation in met.judgements.of(removed)})
    assert "no-leak" in said[0]
    assert "no-leak" not in said[1]


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


def _like(step: Step, **changes: Any) -> Step:
    """Return a step that is the same, objects and all, but for these."""
    copy = replace(step, **{name: value for name, value in changes.items() if name not in {"was", "now"}})
    vars(copy).update({"was": step.was, "now": step.now} | changes)
    return copy


def _other(what: str, step: Step) -> Any:
    """Return what is equal where it can be, and not the same."""
    observation, baseline = step.observation, step.baseline
    match what:
        case "operation":
            return Remove(7)
        case "was" | "now":
            situation = getattr(step, what)
            return Situation(situation.model, situation.state)
        case "events":
            return replace(observation, events=(*observation.events,))
        case "returned":
            return replace(observation, returned=-12)
        case "model":
            return Baseline(replace(baseline.model), baseline.state)
        case "state":
            return Baseline(baseline.model, replace(baseline.state))
        case "is_retry":
            return True
    return State()


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ("operation", "operation"),
        ("was", "was"),
        ("now", "now"),
        ("events", "observation"),
        ("returned", "observation"),
        ("model", "baseline"),
        ("state", "baseline"),
        ("alike", "alike"),
        ("is_retry", "is_retry"),
        ("first", "first"),
    ],
)
def test_step_that_differs_in_anything_is_judged_by_itself(
    what: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judgement is that of the very same objects: of a step that only looks like another one nothing was said."""
    _, removed = _steps(with_part(NeverFreesPartlyUsedLeaf)(SUB_PMD))
    judged: list[Step] = []

    def asked(step: Step, **_: Any) -> tuple[Violation, ...]:
        judged.append(step)
        return ()

    monkeypatch.setattr(judgement, "violations_of", asked)
    judgements = Judgements()
    for step in (removed, _like(removed), other := _like(removed, **{field: _other(what, removed)})):
        judgements.of(step)
    assert [removed, other] == judged
    assert judged[1] is other


def test_judgements_go_with_what_a_run_has_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """They keep states, so that what is forgotten is forgotten by them too."""
    monkeypatch.setattr(known, "_MOST_PLACES", 0)
    met = known_of(ReferenceMachine(SUB_PMD))
    before = met.judgements
    met.start()
    assert before is met.judgements
    met.start()
    assert before is not met.judgements


def test_invariants_of_another_set_are_asked_once_of_one_thing() -> None:
    """What a situation was asked by some invariants it keeps, however often the same ones ask."""
    added, _ = _steps(ReferenceMachine(SUB_PMD))
    kept = []
    for _ in range(3):
        assert [] == list(violations_of(added, INVARIANTS[:-1]))
        kept.append(len(added.now._answers))
    assert kept[0] == kept[-1]
