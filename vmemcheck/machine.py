# SPDX-License-Identifier: GPL-2.0-or-later
"""The Machine protocol: whatever runs a sequence and reports observations."""

from dataclasses import dataclass
from typing import Protocol

from vmemcheck.by_design import ByDesign
from vmemcheck.geometry import Geometry
from vmemcheck.observation import Observation
from vmemcheck.operation import Sequence


class Machine(Protocol):
    """A vmemmap under test.

    Each run starts from the same empty machine. One observation is returned for
    each operation, fewer only when the machine stopped at a fault or a BUG: then
    the last observation has the event that says why.
    """

    @property
    def name(self) -> str:
        """What is tested, for reports."""
        ...

    @property
    def geometry(self) -> Geometry:
        """The sizes that it was built with."""
        ...

    @property
    def by_design(self) -> tuple[ByDesign, ...]:
        """What it does on purpose although an invariant objects."""
        ...

    @property
    def boot_stays(self) -> bool:
        """Whether boot memory cannot be removed."""
        ...

    @property
    def max_folio_order(self) -> int:
        """The largest order of a compound page that a devmap may consist of."""
        ...

    @property
    def never_met(self) -> frozenset[str]:
        """Names of marks that it cannot meet, because it has no such thing."""
        ...

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        """Run the operations in order."""
        ...


@dataclass(frozen=True, slots=True)
class Successor:
    """What one operation makes of a state, in few words.

    :param returned: 0, or a negative errno
    :param stopped: the machine did not come back from it
    :param is_silent: nothing happened on the way
    :param state: a number for the state afterwards: equal for states that differ only in which physical pages serve
        them, and in the order in which ranges arrived
    :param reads_left_over: where the code read memory that nobody had written since it was handed out, as *kernel file:
        function()*; empty where it did not
    :param observation: the details, where they were asked for
    """

    returned: int
    stopped: bool
    is_silent: bool
    state: int
    reads_left_over: str = ""
    observation: Observation | None = None


class Explorable(Machine, Protocol):
    """A machine whose states can be told apart, so that all of them can be visited."""

    def successors(self, prefix: Sequence, alternatives: Sequence, *, details: bool) -> tuple[Successor, ...]:
        """Run each of the alternatives, after the prefix and without the others.

        :param prefix: operations that apply, and from which the machine comes back
        :param alternatives: operations that apply
        """
        ...
