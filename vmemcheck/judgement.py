# SPDX-License-Identifier: GPL-2.0-or-later
"""What the invariants say of a step, less what is so by design.

A sequence that is made smaller is tried hundreds of times, and most of its steps each time: what was said of a step is
said again.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from vmemcheck.by_design import ByDesign, covering
from vmemcheck.invariant import PROBLEMS_SHOWN, Invariant, Problem, Step, Violation
from vmemcheck.invariants import INVARIANTS
from vmemcheck.suspects import Suspects

_SUSPECTS = Suspects(INVARIANTS)
_suspects = lru_cache(maxsize=8)(Suspects)
_SOFT = frozenset(invariant.name for invariant in INVARIANTS if invariant.is_soft)
_MOST_STEPS = 1_000
"""A step keeps its events and two states."""


def violations_of(
    step: Step,
    invariants: tuple[Invariant, ...] = INVARIANTS,
    by_design: tuple[ByDesign, ...] = (),
    used: set[ByDesign] | None = None,
) -> Iterator[Violation]:
    """Yield the violations of one step in the order of ``invariants``.

    :param by_design: what is no violation
    :param used: gets those of them that mattered
    """
    suspects = _SUSPECTS if invariants is INVARIANTS else _suspects(invariants)
    for invariant in suspects.of(step):
        problems = tuple(invariant.check(step))
        if problems and by_design:
            problems = tuple(_undeclared(step, invariant.name, problems, by_design, used))
        if problems:
            problems = tuple(problem for problem in problems if not problem.alone) or problems
            shown, others = problems[:PROBLEMS_SHOWN], problems[PROBLEMS_SHOWN:]
            yield Violation(invariant.name, shown, sum(1 + problem.more for problem in others))


def are_soft(violations: Iterable[Violation]) -> bool:
    """Tell whether the vmemmap is as it should be in spite of these, so that a search can look beyond them."""
    return _SOFT.issuperset(violation.invariant for violation in violations)


class Judgements:
    """What was said of the steps of one machine; forgets all when it is full.

    :param by_design: what is no violation on it
    """

    def __init__(self, by_design: tuple[ByDesign, ...] = ()) -> None:
        self._by_design = by_design
        self._found: dict[tuple[object, ...], tuple[Step, tuple[Violation, ...]]] = {}

    def of(self, step: Step) -> tuple[Violation, ...]:
        """Return the violations of a step, as from ``violations_of()``."""
        observation, baseline = step.observation, step.baseline
        # All that a step is made of: the same objects, which it keeps, so that no others get their ids.
        key = (
            step.operation,
            id(step.was),
            id(step.now),
            id(observation.events),
            observation.returned,
            id(baseline.model),
            id(baseline.state),
            id(step.alike),
            step.is_retry,
            id(step.first),
        )
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MOST_STEPS:
                self._found.clear()
            found = self._found[key] = step, tuple(violations_of(step, by_design=self._by_design))
        return found[1]


def _undeclared(
    step: Step,
    invariant: str,
    problems: Iterable[Problem],
    by_design: tuple[ByDesign, ...],
    used: set[ByDesign] | None,
) -> Iterator[Problem]:
    for problem in problems:
        found = covering(by_design, invariant, problem.subject, step.geometry.levels)
        if found is None:
            yield problem
        elif used is not None:
            used.add(found)
