# SPDX-License-Identifier: GPL-2.0-or-later
"""Which invariants may object to a step: the others need not look at it, which is most of them at most steps."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from vmemcheck.entries import Events
from vmemcheck.invariant import Invariant, Step, never
from vmemcheck.situation import Situation

Subject = TypeVar("Subject", Situation, Events)


class Suspects:
    """Asks the questions of some invariants, all that are about one thing at once.

    :param invariants: in report order
    """

    def __init__(self, invariants: tuple[Invariant, ...]) -> None:
        self._invariants = invariants
        self._otherwise = [
            (number, one.otherwise) for number, one in enumerate(invariants) if one.otherwise is not never
        ]
        self._of_situation = _answered([one.situation for one in invariants])
        self._of_events = _answered([one.events for one in invariants])

    def of(self, step: Step) -> Iterable[Invariant]:
        """Return those that may object to a step, in their order."""
        answered = step.now.ask(self._of_situation) + step.events.ask(self._of_events)
        found = [number for number, otherwise in self._otherwise if otherwise(step)]
        if answered:
            found = sorted({*found, *answered})
        return [self._invariants[number] for number in found]


def _answered(
    questions: list[tuple[Callable[[Subject], Iterable[object]], ...]],
) -> Callable[[Subject], Iterator[int]]:
    """Return the question which invariants have an answer, by their numbers."""
    pairs = [(number, question) for number, asked in enumerate(questions) for question in asked]

    def numbers(subject: Subject) -> Iterator[int]:
        # Hardly any has one. What it is, is asked by whom it concerns.
        for number, question in pairs:
            for _ in question(subject):
                yield number
                break

    return numbers
