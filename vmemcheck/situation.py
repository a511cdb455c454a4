# SPDX-License-Identifier: GPL-2.0-or-later
"""The model and the machine at one time, between two operations, and what follows from the two alone.

A sequence meets few situations, and another sequence meets most of them again: what was asked of one is kept.
"""

from vmemcheck.entries import Blocks, Mappings
from vmemcheck.geometry import Geometry
from vmemcheck.intervals import Intervals
from vmemcheck.model import Model
from vmemcheck.observation import State
from vmemcheck.once import Asked, Once


class Situation(Asked):
    """What is present, and what the machine has made of it.

    :param model: afterwards
    :param state: of the machine
    """

    def __init__(self, model: Model, state: State) -> None:
        super().__init__()
        self.model = model
        self.state = state

    @property
    def geometry(self) -> Geometry:
        """The sizes of the model."""
        return self.model.geometry

    @Once
    def memmap(self) -> Intervals:
        """The bytes of all memmap that is present."""
        return self.model.memmap()

    @Once
    def required(self) -> Intervals:
        """The vmemmap that must be mapped."""
        return self.model.required()

    @Once
    def mappings(self) -> Mappings:
        """The leaf entries, as runs."""
        return Mappings.of(self.state.mappings, self.geometry.page_bytes)

    @Once
    def blocks(self) -> Blocks:
        """What is handed out, as runs."""
        return Blocks.of(self.state.blocks)

    @property
    def mapped(self) -> Intervals:
        """The vmemmap that is mapped."""
        return self.mappings.spans

    def __reduce__(self) -> tuple[type, tuple[Model, State]]:
        # Another process asks for itself.
        return Situation, (self.model, self.state)
