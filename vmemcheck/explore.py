# SPDX-License-Identifier: GPL-2.0-or-later
"""Exhaustive search: every sequence of a scope, up to states that are the same, breadth first, to the fixpoint.

A state is represented by the first, and so by a shortest, sequence that leads to it. The engine judges every
transition, also one that ends in a state that is known. Knows neither kernel trees nor processes.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b

from vmemcheck.engine import Coverage, empty_model, step_of
from vmemcheck.errors import MachineError
from vmemcheck.garbage import collected_seldom
from vmemcheck.invariant import Baseline, Kind, Step, Violation
from vmemcheck.invariants import INVARIANTS
from vmemcheck.judgement import are_soft, violations_of
from vmemcheck.machine import Explorable, Successor
from vmemcheck.model import Expectation, LiveRange, Model, Outcome
from vmemcheck.observation import Observation, State
from vmemcheck.operation import AddDevice, AddMemory, Boot, Door, Initialise, Operation, Remove, Sequence

_KEY_BYTES = 16
_ANY = 2
"""As many device ranges as one operation can ask for."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be tried.

    :param operations: adds, boot memory and requests that must be refused, the ones to be shown first at the front
    :param most_devices: device ranges that live at the same time; 0 for any number
    :param uninitialised: other operations may come before a range is brought to life
    """

    operations: tuple[Operation, ...]
    most_devices: int = 0
    uninitialised: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A state, by the sequence that leads to it.

    :param state: the machine's number for it; None before the first operation
    :param is_booted: all memory that was there at boot still is
    """

    sequence: Sequence
    model: Model
    state: int | None = None
    is_booted: bool = True

    def after(self, operation: Operation, expectation: Expectation, state: int, *, succeeded: bool) -> "Node":
        """Return what an operation that applies makes of it."""
        model = expectation.after if succeeded else replace(self.model, running=True)
        booted = self.is_booted and not (
            isinstance(operation, Remove)
            and self.model.ranges[operation.victim % len(self.model.ranges)].door is Door.BOOT
        )
        return Node((*self.sequence, operation), model, state, booted)

    @property
    def key(self) -> bytes:
        """What is the same for states whose futures are the same: the machine, and the model without an order."""
        ranges = sorted(map(_words, self.model.ranges))
        known = (self.state, ranges, sorted(self.model.early), self.model.running, self.is_booted)
        return blake2b(repr(known).encode(), digest_size=_KEY_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Edge:
    """A transition to another state, one that may be looked beyond.

    :param key: of the state that it leads to
    :param state: the machine's number for it
    """

    operation: Operation
    key: bytes
    state: int
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Violated:
    """A transition that violates invariants.

    :param kinds: what was violated, in report order, each with whether a search can look beyond it
    """

    operation: Operation
    kinds: tuple[tuple["Symptom", bool], ...]


@dataclass(frozen=True, slots=True)
class Symptom:
    """What violations that are shown once have in common.

    :param subject: whether it is about a mapping, a block or a table; empty for other things
    """

    kind: Kind
    subject: str = ""

    @classmethod
    def of(cls, violation: Violation) -> "Symptom":
        """Return that of a violation."""
        subject = violation.problems[0].subject
        return cls(violation.kind, "" if subject is None else type(subject).__name__)


@dataclass(frozen=True, slots=True)
class Expansion:
    """All that can happen in one state.

    :param transitions: operations that were tried
    :param left_over: where the code read what the last user of free memory had left
    """

    transitions: int
    edges: tuple[Edge, ...]
    violated: tuple[Violated, ...]
    left_over: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of several states, in their order."""

    expansions: tuple[Expansion, ...]
    coverage: Coverage


Expand = Callable[[list[Node]], Iterable[Batch]]
"""Expands states, in their order, in batches of any size."""


@dataclass(slots=True)
class Exploration:
    """What a search has visited and found.

    :param states: states that were reached without a violation, or in spite of a soft one; the first is the empty one
    :param transitions: operations that were tried in them
    :param depth: operations that the last state is away from the first
    :param is_complete: no state is left that was not expanded
    :param found: a shortest sequence for each kind of violation, in the order in which they were met
    :param left_over: where the code read what the last user of free memory had left. Where it never did, states that
        differ only in that have the same future
    """

    states: int = 1
    transitions: int = 0
    depth: int = 0
    is_complete: bool = True
    found: dict[Symptom, Sequence] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=Coverage)
    left_over: set[str] = field(default_factory=set)


def explore(
    root: Node, expand: Expand, most_states: int, progress: Callable[[int, int], None] = lambda _, __: None
) -> Exploration:
    """Visit all states that can be reached from ``root``.

    :param most_states: the search ends, incomplete, when it knows that many
    :param progress: called now and then with the numbers of states that were expanded, and that are known
    """
    result = Exploration()
    seen = {root.key}
    frontier = [root]
    expanded = 0
    while frontier:
        following: list[Node] = []
        done = 0
        for batch in expand(frontier):
            _join(result.coverage, batch.coverage)
            for expansion in batch.expansions:
                node = frontier[done]
                done += 1
                result.transitions += expansion.transitions
                result.left_over |= expansion.left_over
                for violated in expansion.violated:
                    _note(result.found, node, violated)
                for edge in expansion.edges:
                    if edge.key in seen:
                        continue
                    if len(seen) == most_states:
                        result.is_complete = False
                        continue
                    seen.add(edge.key)
                    expectation = node.model.expect(edge.operation)
                    following.append(node.after(edge.operation, expectation, edge.state, succeeded=edge.succeeded))
            progress(expanded + done, len(seen))
        expanded += done
        frontier = following
        result.depth += bool(following)
    result.states = len(seen)
    return result


class Expander:
    """Expands states on one machine, and judges each transition."""

    def __init__(self, machine: Explorable, rules: Rules) -> None:
        self._machine = machine
        self._rules = rules
        self._baselines: dict[Sequence, Baseline] = {}

    @collected_seldom()
    def batch(self, nodes: Iterable[Node]) -> Batch:
        """Expand states, in their order."""
        coverage = Coverage()
        return Batch(tuple(self._expanded(node, coverage) for node in nodes), coverage)

    def _expanded(self, node: Node, coverage: Coverage) -> Expansion:
        expected = dict(possible(node, self._rules))
        tried = tuple(expected)
        successors = dict(zip(tried, self._machine.successors(node.sequence, tried, details=False), strict=True))
        asked: dict[tuple[object, ...], Operation] = {}
        for operation, successor in successors.items():
            # Where the error and the state are the same, and nothing else happened, one of each kind will do.
            refused = expected[operation].outcome is Outcome.REFUSED and successor.returned < 0
            is_plain = refused and successor.is_silent and successor.state == node.state
            asked.setdefault((type(operation), successor.returned) if is_plain else (operation,), operation)
        violated = dict(self._judged(node, tuple(asked.values()), coverage))
        coverage.operations += len(tried)
        return Expansion(
            len(tried),
            tuple(
                edge
                for operation, successor in successors.items()
                if are_soft(violated.get(operation, ()))
                for edge in _edges(node, operation, expected[operation], successor)
            ),
            tuple(
                Violated(operation, tuple((Symptom.of(one), are_soft([one])) for one in violations))
                for operation, violations in violated.items()
                if violations
            ),
            frozenset(one.reads_left_over for one in successors.values() if one.reads_left_over),
        )

    def _judged(
        self, node: Node, operations: Sequence, coverage: Coverage
    ) -> Iterator[tuple[Operation, tuple[Violation, ...]]]:
        previous, baseline = self._state(node.sequence), self._baseline(node)
        found = self._machine.successors(node.sequence, operations, details=True)
        for operation, successor in zip(operations, found, strict=True):
            step = self._step(node, operation, successor, previous, baseline)
            violations = tuple(violations_of(step, INVARIANTS, self._machine.by_design, coverage.by_design))
            if are_soft(violations):
                coverage.meet(step)
            yield operation, violations

    def _step(
        self, node: Node, operation: Operation, successor: Successor, previous: State, baseline: Baseline
    ) -> Step:
        assert successor.observation is not None
        step = step_of(self._machine, node.model, operation, successor.observation, previous, baseline)
        if step is None:
            raise MachineError(f"{self._machine.name}: {operation} was tried where it does not apply")
        return step

    def _observed(self, sequence: Sequence) -> Observation:
        (last,) = self._machine.successors(sequence[:-1], sequence[-1:], details=True)
        assert last.observation is not None
        return last.observation

    def _state(self, sequence: Sequence) -> State:
        return self._observed(sequence).state if sequence else State()

    def _baseline(self, node: Node) -> Baseline:
        """Return the machine and the model when boot was over."""
        boots = tuple(operation for operation in node.sequence if isinstance(operation, Boot))
        if boots not in self._baselines:
            model = empty_model(self._machine)
            for operation in boots:
                model = model.expect(operation).after
            self._baselines[boots] = Baseline(model, self._state(boots))
        return self._baselines[boots]


def possible(node: Node, rules: Rules) -> Iterator[tuple[Operation, Expectation]]:
    """Yield the operations that are to be tried in a state, each with what it must do.

    A range is brought to life once: to do it again changes nothing, and is none of the kernel's business.
    """
    model = node.model
    new = [Initialise(victim) for victim, live in enumerate(model.ranges) if not live.initialised]
    if new and not rules.uninitialised:
        yield new[0], model.expect(new[0])
        return
    operations: list[Operation] = [Remove(victim) for victim in range(len(model.ranges))]
    operations += new
    devices = sum(live.door is Door.DEVICE for live in model.ranges)
    left = rules.most_devices - devices if rules.most_devices else _ANY
    operations += [one for one in rules.operations if _new_devices(one) <= left]
    for operation in operations:
        expectation = model.expect(operation)
        if expectation.outcome is not Outcome.SKIPPED:
            yield operation, expectation


def _new_devices(operation: Operation) -> int:
    if not isinstance(operation, AddDevice):
        return 0
    return 2 if operation.second else 1


def _edges(node: Node, operation: Operation, expectation: Expectation, successor: Successor) -> Iterator[Edge]:
    """Yield the transition, unless it leaves the state as it was."""
    succeeded = successor.returned >= 0 and expectation.outcome is not Outcome.REFUSED
    if not succeeded and successor.state == node.state and node.model.running:
        return
    key = node.after(operation, expectation, successor.state, succeeded=succeeded).key
    if key != node.key:
        yield Edge(operation, key, successor.state, succeeded)


def _note(found: dict[Symptom, Sequence], node: Node, violated: Violated) -> None:
    """Keep the first sequence of each kind; what comes with a kind that is known may come of it."""
    for cause, is_soft in violated.kinds:
        if cause not in found:
            found[cause] = (*node.sequence, violated.operation)
            return
        if not is_soft:
            return


def _join(coverage: Coverage, other: Coverage) -> None:
    coverage.marks |= other.marks
    coverage.by_design |= other.by_design
    coverage.operations += other.operations


@lru_cache(maxsize=4096)
def _words(live: LiveRange) -> str:
    return repr(live)


def by_interest(operation: Operation) -> int:
    """Rank operations: hot-added memory says more to a reader than device ranges, since everybody can add it."""
    return 0 if isinstance(operation, AddMemory) else 1
