# SPDX-License-Identifier: GPL-2.0-or-later
"""The model and the machine at one time, between two operations, and what follows from the two alone.

A sequence meets few situations, and another sequence meets most of them again: what was asked of one is kept.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar

from vmemcheck.entries import Blocks, Mappings
from vmemcheck.geometry import Geometry
from vmemcheck.intervals import Intervals
from vmemcheck.model import Model
from vmemcheck.observation import State

Answer = TypeVar("Answer")


class Situation:
    """What is present, and what the machine has made of it.

    :param model: afterwards
    :param state: of the machine
    """

    def __init__(self, model: Model, state: State) -> None:
        self.model = model
        self.state = state
        self._answers: dict[Callable[[Situation], Iterable[Any]], tuple[Any, ...]] = {}

    @property
    def geometry(self) -> Geometry:
        """The sizes of the model."""
        return self.model.geometry

    @cached_property
    def memmap(self) -> Intervals:
        """The bytes of all memmap that is present."""
        return self.model.memmap()

    @cached_property
    def required(self) -> Intervals:
        """The vmemmap that must be mapped."""
        return self.model.required()

    @cached_property
    def mappings(self) -> Mappings:
        """The leaf entries, as runs."""
        return Mappings.of(self.state.mappings, self.geometry.page_bytes)

    @cached_property
    def blocks(self) -> Blocks:
        """What is handed out, as runs."""
        return Blocks.of(self.state.blocks)

    @property
    def mapped(self) -> Intervals:
        """The vmemmap that is mapped."""
        return self.mappings.spans

    def ask(self, question: Callable[["Situation"], Iterable[Answer]]) -> tuple[Answer, ...]:
        """Return the answers to a question that sees nothing else than this; it is put once."""
        found = self._answers.get(question)
        if found is None:
            found = self._answers[question] = tuple(question(self))
        return found

    def __reduce__(self) -> tuple[type, tuple[Model, State]]:
        # Another process asks for itself.
        return Situation, (self.model, self.state)
