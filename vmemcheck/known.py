# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run has met: models, what operations make of them, and the situations that machines were in.

Equal models are one object, so that nothing is worked out twice. Judges nothing itself; forgets all when it is full.
"""

from dataclasses import replace

from vmemcheck.by_design import ByDesign
from vmemcheck.judgement import Judgements
from vmemcheck.model import Expectation, LiveRange, Model
from vmemcheck.observation import State
from vmemcheck.once import Once
from vmemcheck.operation import Operation
from vmemcheck.situation import Situation

Memory = tuple[frozenset[tuple[object, ...]], frozenset[int]]
"""What is present, whether it is initialised or not, and in whichever order it came."""
_MOST_PLACES = 20_000
_MOST_SITUATIONS = 5_000
"""A situation keeps its state, and that may be a hundred kilobytes."""


class Place:
    """A model, and what is known to come of it."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.expected: dict[Operation, tuple[Expectation, Place]] = {}
        self.situations: dict[int, Situation] = {}
        self.running: Place | None = None

    @Once
    def memory(self) -> Memory:
        """What is present."""
        return frozenset(map(_shape, self.model.ranges)), self.model.early


class Known:
    """What the sequences of a run on one machine have met.

    :param empty: the machine before anything happened
    :param by_design: what is no violation on it
    :ivar nothing: the situation then
    :ivar judgements: what was said of steps
    """

    def __init__(self, empty: Model, by_design: tuple[ByDesign, ...] = ()) -> None:
        self._empty = empty
        self._by_design = by_design
        self.nothing = Situation(empty, State())
        self.judgements = Judgements(by_design)
        self._places: dict[Model, Place] = {}
        self._situations = 0

    def start(self) -> Place:
        """Return the place where every sequence starts."""
        if len(self._places) > _MOST_PLACES or self._situations > _MOST_SITUATIONS:
            self._places = {}
            self._situations = 0
            self.judgements = Judgements(self._by_design)
        return self._place(self._empty)

    def expect(self, place: Place, operation: Operation) -> tuple[Expectation, Place]:
        """Return what an operation must do, and the place after it when it succeeds."""
        found = place.expected.get(operation)
        if found is None:
            expectation = place.model.expect(operation)
            after = expectation.after
            # Half of what is asked for changes nothing.
            found = expectation, place if after is place.model else self._place(after)
            place.expected[operation] = found
        return found

    def tried(self, place: Place) -> Place:
        """Return the place after an operation that changed nothing but that boot is over."""
        if place.running is None:
            place.running = self._place(replace(place.model, running=True))
        return place.running

    def situation(self, place: Place, state: State) -> Situation:
        """Return the situation that a machine is in; the same for the same ``state``, not for one that is equal."""
        found = place.situations.get(id(state))
        if found is None:
            # It keeps the state, so that no other gets its id.
            found = place.situations[id(state)] = Situation(place.model, state)
            self._situations += 1
        return found

    def _place(self, model: Model) -> Place:
        found = self._places.get(model)
        if found is None:
            found = self._places[model] = Place(model)
        return found


def _shape(live: LiveRange) -> tuple[object, ...]:
    return live.door, live.start_pfn, live.nr_pages, live.altmap, live.vmemmap_shift
