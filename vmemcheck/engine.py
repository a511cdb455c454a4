# SPDX-License-Identifier: GPL-2.0-or-later
"""Run one sequence on one machine against the model: the first violation, or none.

The engine knows neither Hypothesis nor the reference machine: ``vmemcheck.search``
feeds it, whatever the machine is.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace

from vmemcheck.by_design import ByDesign
from vmemcheck.entries import Events
from vmemcheck.errors import MachineError
from vmemcheck.history import History
from vmemcheck.invariant import Baseline, Finding, Invariant, Kind, Mark, Step, Violation
from vmemcheck.invariants import INVARIANTS
from vmemcheck.judgement import are_soft, violations_of
from vmemcheck.known import Known
from vmemcheck.machine import Machine
from vmemcheck.marks import MARKS, never_with
from vmemcheck.model import Expectation, Model, Outcome
from vmemcheck.observation import Faulted, Observation, State, Stopped
from vmemcheck.operation import AddDevice, AddMemory, Boot, Operation, Sequence
from vmemcheck.scope import Scope


@dataclass(slots=True)
class Coverage:
    """What the sequences of a run met.

    :param marks: names of the marks met; none is taken away again
    :param by_design: declarations without which there would have been a violation
    :param operations: operations that were applied
    :param sequences: sequences that were run
    """

    marks: set[str] = field(default_factory=set)
    by_design: set[ByDesign] = field(default_factory=set)
    operations: int = 0
    sequences: int = 0
    _waiting: tuple[int, ...] = field(default=tuple(range(len(MARKS))), init=False, repr=False, compare=False)

    def meet(self, step: Step) -> None:
        """Note the marks that a step meets."""
        met = [MARKS[number].name for number in self._waiting if MARKS[number].met(step)]
        if met:
            self.marks.update(met)
            # By their numbers, which can go to another process.
            self._waiting = tuple(number for number in self._waiting if MARKS[number].name not in self.marks)

    def missing(self, machine: Machine, scope: Scope | None = None) -> tuple[Mark, ...]:
        """Return the marks that this geometry, scope and machine can meet and that were not met."""
        return tuple(mark for mark in applicable(machine, scope or Scope()) if mark.name not in self.marks)


def applicable(machine: Machine, scope: Scope) -> tuple[Mark, ...]:
    """Return the marks that a run in this scope has to meet."""
    never = machine.never_met | never_with(machine.geometry, machine.max_folio_order)
    return tuple(
        mark
        for mark in MARKS
        if mark.applies(machine.geometry)
        and mark.name not in never
        and all(getattr(scope, need) for need in mark.needs)
    )


def check(
    machine: Machine,
    sequence: Sequence,
    coverage: Coverage | None = None,
    invariants: tuple[Invariant, ...] = INVARIANTS,
    known: Container[Kind] = (),
    met: Known | None = None,
) -> Finding | None:
    """Return the first step that violates one of ``invariants``, or None.

    :param known: kinds that were found before; a sequence ends at one, but goes on where that does no harm
    :param met: what other sequences on this machine have met
    :raises MachineError: when machine and model disagree on what was asked
    """
    met = met or known_of(machine)
    by_design = machine.by_design

    def judged(step: Step) -> tuple[Violation, ...]:
        if coverage is None and invariants is INVARIANTS:
            return met.judgements.of(step)
        # A sequence that is counted is drawn, not tried, and hardly any step of it is known.
        return tuple(violations_of(step, invariants, by_design, coverage.by_design if coverage else None))

    trail: list[Step] = []
    for number, step in enumerate(steps(machine, sequence, met)):
        if step is None:
            continue
        trail.append(step)
        violations = judged(step)
        if violations:
            new = tuple(violation for violation in violations if violation.kind not in known)
            if new:
                return Finding(sequence[: number + 1], new, tuple(trail))
            if not are_soft(violations):
                break
        if coverage is not None:
            coverage.operations += 1
            coverage.meet(step)
    if coverage is not None:
        coverage.sequences += 1
    return None


def known_of(machine: Machine) -> Known:
    """Return what is to be shared by all sequences that a run tries on a machine: nothing yet."""
    return Known(empty_model(machine), machine.by_design)


def empty_model(machine: Machine) -> Model:
    """Return what is present in a machine before anything happened: nothing."""
    return Model(machine.geometry, boot_stays=machine.boot_stays, max_folio_order=machine.max_folio_order)


def steps(machine: Machine, sequence: Sequence, met: Known | None = None) -> Iterator[Step | None]:
    """Yield one step for each operation, None for a skipped one; ends early where the machine stopped.

    :param met: what other sequences on this machine have met
    """
    met = met or known_of(machine)
    place, was = met.start(), met.nothing
    baseline = Baseline(place.model, was.state)
    history = History(machine, sequence, place.memory, was.state)
    observations = machine.run(sequence)
    for number, (operation, observation) in enumerate(zip(sequence, observations, strict=False)):
        expectation, following = met.expect(place, operation)
        _compare(machine, operation, expectation, observation)
        if expectation.outcome is Outcome.SKIPPED:
            yield None
            continue
        is_last = number + 1 == len(observations)
        after = following if _succeeded(operation, expectation, observation, is_last=is_last) else met.tried(place)
        if isinstance(operation, Boot):
            baseline = Baseline(after.model, observation.state)
        state = observation.state
        alike = history.alike(after.memory, state)
        step = Step(operation, expectation, place.model, after.model, was.state, observation, baseline, alike)
        step = history.look_back(number, step)
        # What was worked out of them for another sequence still is so.
        now = met.situation(after, state)
        vars(step).update(was=was, now=now)
        place, was = after, now
        yield step
    if len(observations) < len(sequence) and not (observations and _stopped(observations[-1])):
        raise MachineError(
            f"{machine.name} reported {len(observations)} of {len(sequence)} operations and did not say why it stopped"
        )


def step_of(
    machine: Machine,
    before: Model,
    operation: Operation,
    observation: Observation,
    previous: State,
    baseline: Baseline,
) -> Step | None:
    """Return the step that an operation was, or None where it does not apply.

    :param previous: the state of the machine before it
    :raises MachineError: when machine and model disagree on what was asked
    """
    expectation = before.expect(operation)
    _compare(machine, operation, expectation, observation)
    if expectation.outcome is Outcome.SKIPPED:
        return None
    succeeded = _succeeded(operation, expectation, observation, is_last=True)
    after = expectation.after if succeeded else replace(before, running=True)
    if isinstance(operation, Boot):
        baseline = Baseline(after, observation.state)
    return Step(operation, expectation, before, after, previous, observation, baseline)


def _succeeded(operation: Operation, expectation: Expectation, observation: Observation, *, is_last: bool) -> bool:
    """Tell whether what was asked for is so from now on; it is not where the machine stopped half-way through an add.

    :param is_last: of those that the machine reported: it may have stopped there
    """
    if observation.returned < 0 or expectation.outcome is Outcome.REFUSED:
        return False
    return not (is_last and isinstance(operation, AddMemory | AddDevice) and _stopped(observation))


def _compare(machine: Machine, operation: Operation, expectation: Expectation, observation: Observation) -> None:
    applied = expectation.outcome is not Outcome.SKIPPED
    if observation.applied != applied or (applied and observation.pfns != expectation.pfns):
        raise MachineError(
            f"{machine.name} and the model disagree on what {operation} asks for",
            where=f"machine: pfns {observation.pfns}; model: {expectation.outcome.value}, pfns {expectation.pfns}",
            to_fix="this is a defect of vmemcheck or of the machine; please report it with the sequence",
        )


def _stopped(observation: Observation) -> bool:
    return any(isinstance(event, Faulted | Stopped) for event in Events.of(observation.events).others)
