# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run remembers of its sequences changes nothing of what it finds."""

import gc
import pickle
from dataclasses import replace

import pytest

from tests.negative.variants import VARIANTS, WHOLE_PMD, Variant
from vmemcheck import known as known_module
from vmemcheck.bulk import random_sequences
from vmemcheck.engine import check, known_of, steps
from vmemcheck.garbage import collected_seldom
from vmemcheck.invariant import Violation
from vmemcheck.machine import Machine
from vmemcheck.observation import Observation, State
from vmemcheck.operation import AddDevice, AddMemory, Initialise, Remove, Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.situation import Situation

SEQUENCES = 80
THERE_AND_BACK: Sequence = (AddMemory(0, 1), Remove(0), AddMemory(0, 1), Remove(0))
_REMEMBERING = {"memmap-mapped", "memmap-backed", "memmap-intact", "no-leak"}
_VARIANTS = [variant for variant in VARIANTS if variant.invariant in _REMEMBERING][::2]


def _interned(machine: ReferenceMachine, monkeypatch: pytest.MonkeyPatch) -> ReferenceMachine:
    """Let a machine report equal states as one object, as the decoder of a machine program does."""
    run, states = machine.run, dict[str, State]()

    def interning(sequence: Sequence) -> tuple[Observation, ...]:
        return tuple(replace(one, state=states.setdefault(repr(one.state), one.state)) for one in run(sequence))

    monkeypatch.setattr(machine, "run", interning)
    return machine


def _found(machine: Machine, variant: Variant, *, shares: bool) -> list[tuple[Violation, ...]]:
    met = known_of(machine) if shares else None
    drawn = random_sequences(machine.geometry, variant.scope, SEQUENCES, 4)
    findings = (check(machine, sequence, met=met) for sequence in drawn)
    return [finding.violations if finding else () for finding in findings]


@pytest.mark.parametrize("variant", _VARIANTS, ids=lambda variant: variant.broken.replace(" ", "-"))
def test_sequences_that_share_what_they_met_find_the_same(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken machine is objected to in the same words, whether its sequences share what they met or not."""
    alone = _found(variant.machine(variant.geometry), variant, shares=False)
    machine = _interned(variant.machine(variant.geometry), monkeypatch)
    assert alone == _found(machine, variant, shares=True)
    assert any(alone)


def test_situation_met_again_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same memory in the same state of the machine is one situation, another state is another one."""
    machine = _interned(ReferenceMachine(WHOLE_PMD), monkeypatch)
    added, removed, again, gone = (step.now for step in steps(machine, THERE_AND_BACK) if step)
    assert (removed, True) == (gone, removed is gone)
    assert (added is again) == (added.state is again.state)
    assert added is not removed


def test_situation_of_other_memory_in_the_same_state_is_another_one() -> None:
    """What is initialised, as far as the model knows, tells situations of one state apart."""
    met, state = known_of(ReferenceMachine(WHOLE_PMD)), State()
    _, added = met.expect(met.start(), AddDevice(0, 1))
    _, initialised = met.expect(added, Initialise(0))
    assert met.situation(added, state) is met.situation(added, state)
    assert met.situation(added, state) is not met.situation(initialised, state)
    assert met.situation(initialised, state) is not met.situation(initialised, State())


def test_question_put_twice_is_answered_once() -> None:
    """A situation keeps the answers to a question, and forgets them on the way to another process."""
    asked: list[Situation] = []

    def question(now: Situation) -> list[int]:
        asked.append(now)
        return [len(asked)]

    (step,) = (step for step in steps(ReferenceMachine(WHOLE_PMD), (AddMemory(0, 1),)) if step)
    now = Situation(step.after, step.state)
    assert ((1,), (1,), 1) == (now.ask(question), now.ask(question), len(asked))
    assert (2,) == pickle.loads(pickle.dumps(now)).ask(question)  # noqa: S301  # from the line itself


def test_run_that_met_too_much_forgets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is bounded: a full memory starts from nothing, with the next sequence."""
    monkeypatch.setattr(known_module, "_MOST_PLACES", 1)
    met = known_of(ReferenceMachine(WHOLE_PMD))
    start = met.start()
    assert start is met.start()
    met.expect(start, AddMemory(0, 1))
    assert start is not met.start()


def test_garbage_in_a_run_is_collected_seldom_and_as_before_behind_it() -> None:
    """The thresholds of the collector are larger in a run, and then what they were."""
    before = gc.get_threshold()
    with collected_seldom():
        assert gc.get_threshold()[0] > before[0]
    assert before == gc.get_threshold()
