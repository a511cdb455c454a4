# SPDX-License-Identifier: GPL-2.0-or-later
"""The vocabulary of checking: steps, invariants, violations, marks, verdicts.

Only the types. The invariants are in ``vmemcheck.invariants``, the marks in
``vmemcheck.marks``, and what runs them is ``vmemcheck.engine``.
"""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vmemcheck.entries import Blocks, Events, Mappings
from vmemcheck.geometry import Geometry
from vmemcheck.intervals import Intervals
from vmemcheck.model import Expectation, Model, Outcome
from vmemcheck.observation import Block, Event, Faulted, Location, Mapping, Observation, State, Stopped, Table, Warned
from vmemcheck.once import Once
from vmemcheck.operation import Operation, Sequence
from vmemcheck.situation import Situation

PROBLEMS_SHOWN = 4
"""So many problems of a violation are told."""


@dataclass(frozen=True, init=False)
class Step:
    """One operation, as the model and the machine saw it.

    Without slots, for what is worked out of it once.

    :param before: the model before the operation
    :param after: the model afterwards: advanced when the machine reported success, else as before
    :param previous: the state of the machine before the operation
    :param baseline: the model and the machine when boot was over
    :param alike: the machine when just these ranges were present before; None where they never were
    :param is_retry: an add that failed in the operation before is asked for again, and nothing is in its way now
    :param first: for a retry that succeeded: the machine after the same add where none failed before
    """

    operation: Operation
    expectation: Expectation
    before: Model
    after: Model
    previous: State
    observation: Observation
    baseline: "Baseline"
    alike: State | None = None
    is_retry: bool = False
    first: State | None = None

    def __init__(
        self,
        operation: Operation,
        expectation: Expectation,
        before: Model,
        after: Model,
        previous: State,
        observation: Observation,
        baseline: "Baseline",
        alike: State | None = None,
        is_retry: bool = False,  # as a dataclass would have it
        first: State | None = None,
    ) -> None:
        # All at once: there are many steps, and a frozen dataclass sets its fields one by one.
        self.__dict__.update(
            operation=operation,
            expectation=expectation,
            before=before,
            after=after,
            previous=previous,
            observation=observation,
            baseline=baseline,
            alike=alike,
            is_retry=is_retry,
            first=first,
        )

    def __getstate__(self) -> dict[str, object]:
        # What was worked out may lead to a program of this process; another one works it out again.
        return {name: value for name, value in self.__dict__.items() if name in self.__dataclass_fields__}

    @Once
    def was(self) -> Situation:
        """The model and the machine before the operation."""
        return Situation(self.before, self.previous)

    @Once
    def now(self) -> Situation:
        """The model and the machine after the operation."""
        return Situation(self.after, self.observation.state)

    @property
    def memmap(self) -> Intervals:
        """The bytes of all memmap that is present."""
        return self.now.memmap

    @property
    def required(self) -> Intervals:
        """The vmemmap that must be mapped."""
        return self.now.required

    @Once
    def events(self) -> Events:
        """What happened, sorted by what it is about."""
        return Events.of(self.observation.events)

    @property
    def mappings(self) -> Mappings:
        """The leaf entries after the operation, as runs."""
        return self.now.mappings

    @property
    def blocks(self) -> Blocks:
        """What is handed out after the operation, as runs."""
        return self.now.blocks

    @property
    def mapped(self) -> Intervals:
        """The vmemmap that is mapped."""
        return self.mappings.spans

    @property
    def geometry(self) -> Geometry:
        """The sizes of the model."""
        return self.after.geometry

    @property
    def state(self) -> State:
        """The state of the machine after the operation."""
        return self.observation.state

    @Once
    def stopped(self) -> bool:
        """Whether the machine did not come back from the operation: a fault, a BUG, an endless loop."""
        return bool(self.events.ask(_ends))

    @property
    def refused(self) -> bool:
        """Whether the request is one that must be refused."""
        return self.expectation.outcome is Outcome.REFUSED

    @property
    def failed(self) -> bool:
        """Whether a valid request returned an error."""
        return self.observation.returned < 0 and not self.refused and not self.stopped


def _ends(events: Events) -> list[Event]:
    return [event for event in events.others if isinstance(event, Faulted | Stopped)]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The model and the state when boot was over."""

    model: Model
    state: State


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that an invariant objects to.

    :param because: a sentence with the addresses or values
    :param where: the place in the machine's source that did it, where that is known
    :param subject: the page-table page, block, leaf or warning that it is about, if it is about one
    :param alone: told only where its invariant objects to nothing else that is not by design
    :param more: so many like it lie beside it, and are by design if it is; ``PROBLEMS_SHOWN`` of them were told before
    """

    because: str
    where: Location | None = None
    subject: Table | Block | Mapping | Warned | None = None
    alone: bool = False
    more: int = 0


@dataclass(frozen=True, slots=True)
class Invariant:
    """A statement that holds after every step (*Always*).

    What is there and what happens is mostly known from other steps. So an invariant names what it asks of the two: a
    step where that has no answer, and ``otherwise`` is false too, is surely right and is not checked.

    :param name: as in reports
    :param says: the statement
    :param check: yields what is wrong with a step, nothing when it holds
    :param situation: questions to the situation after the step without an answer to which it may have no objection
    :param events: questions to the events of the step, likewise
    :param otherwise: whether it may object to a step for another reason; always, where nothing is said
    :param is_soft: a violation leaves the vmemmap as it should be, so that a search can look beyond it
    """

    name: str
    says: str
    check: Callable[[Step], Iterable[Problem]]
    situation: tuple[Callable[[Situation], Iterable[object]], ...] = ()
    events: tuple[Callable[[Events], Iterable[object]], ...] = ()
    otherwise: Callable[[Step], object] = lambda _: True
    is_soft: bool = False


def never(_: Step) -> bool:
    """Tell that an invariant objects for no other reason than an answer to its questions."""
    return False


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold; a result, never raised.

    :param problems: what it objects to, one or more, the first few of them
    :param more: how many further ones there were
    """

    invariant: str
    problems: tuple[Problem, ...]
    more: int = 0

    @property
    def where(self) -> Location | None:
        """The first place in the source that is known to have to do with it."""
        return next((problem.where for problem in self.problems if problem.where), None)

    @property
    def kind(self) -> "Kind":
        """What violations of the same cause have in common: the invariant, and the function that did it."""
        where = self.where
        return Kind(self.invariant, where.file if where else "", where.function if where else "")


@dataclass(frozen=True, slots=True)
class Kind:
    """A cause, as far as it can be told: violations of one kind are one finding.

    :param file: of the source, empty where no place is known
    """

    invariant: str
    file: str
    function: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A step at which invariants were violated.

    :param sequence: the operations up to and including that step
    :param violations: in report order, one or more; the first names the finding
    :param steps: the steps that led there, skipped operations left out
    """

    sequence: Sequence
    violations: tuple[Violation, ...]
    steps: tuple[Step, ...]

    @property
    def invariant(self) -> str:
        """Name of the invariant that the finding goes by."""
        return self.violations[0].invariant

    @property
    def kind(self) -> Kind:
        """Kind of the violation that the finding goes by."""
        return self.violations[0].kind


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that a run must meet at least once (*Sometimes*); without it the run is vacuous.

    :param applies: whether it can be met with this geometry
    :param met: whether a step meets it
    :param needs: fields of ``Scope`` that must be on, without which it is not met
    :param looks_back: met only where a step knows what its sequence met before, which exhaustive exploration does not
    """

    name: str
    says: str
    applies: Callable[[Geometry], bool]
    met: Callable[[Step], bool]
    needs: tuple[str, ...] = ()
    looks_back: bool = False


class Verdict(enum.Enum):
    """The words of a report, with their exit codes."""

    HOLDS = "holds"
    VIOLATED = "violated"
    VACUOUS = "vacuous"
    NO_VERDICT = "no verdict"

    @property
    def exit_code(self) -> int:
        """0, 1 or 2, as in ``vmemcheck --help``."""
        return {Verdict.HOLDS: 0, Verdict.VIOLATED: 1, Verdict.VACUOUS: 2, Verdict.NO_VERDICT: 2}[self]
