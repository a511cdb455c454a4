# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sequence has met before: the machine with the same memory, and the add that failed just now.

Only looks back, and runs the sequence again without the failure where that must lead to the same; it judges nothing.
"""

from dataclasses import replace

from vmemcheck.invariant import Step
from vmemcheck.known import Memory
from vmemcheck.machine import Machine
from vmemcheck.model import Outcome
from vmemcheck.observation import State
from vmemcheck.operation import AddDevice, AddMemory, Operation, Sequence


class History:
    """The steps of one sequence on one machine, so far.

    :param memory: what is present before the first of them
    :param start: the machine then
    """

    def __init__(self, machine: Machine, sequence: Sequence, memory: Memory, start: State) -> None:
        self._machine = machine
        self._sequence = sequence
        self._states: dict[Memory, State] = {memory: start}
        self._failed: tuple[int, type[Operation], range] | None = None

    def alike(self, memory: Memory, state: State) -> State | None:
        """Return the machine when just this memory was present before, and remember ``state`` where it never was."""
        found = self._states.get(memory)
        if found is None:
            self._states[memory] = state
        return found

    def look_back(self, number: int, step: Step) -> Step:
        """Return a step with what the sequence tried before it, and remember what it tried.

        :param number: of the operation in the sequence
        """
        is_retry = self._is_retry(step)
        first = self._first(number) if is_retry and not step.failed else None
        may_fail = step.expectation.outcome is Outcome.MAY_FAIL and isinstance(step.operation, AddMemory | AddDevice)
        failed = may_fail and step.failed
        self._failed = (number, type(step.operation), step.expectation.pfns) if failed else None
        return replace(step, is_retry=True, first=first) if is_retry else step

    def _is_retry(self, step: Step) -> bool:
        """Tell whether an operation asks again for what failed just before, with nothing in its way."""
        if self._failed is None or step.expectation.outcome is not Outcome.SUCCEEDS:
            return False
        _, kind, pfns = self._failed
        return type(step.operation) is kind and step.expectation.pfns == pfns

    def _first(self, number: int) -> State:
        """Return the state after retry ``number`` in the same sequence without the add that failed before it."""
        assert self._failed is not None
        failed = self._failed[0]
        without = (*self._sequence[:failed], *self._sequence[failed + 1 : number + 1])
        return self._machine.run(without)[-1].state
