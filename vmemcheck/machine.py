# SPDX-License-Identifier: GPL-2.0-or-later
"""The Machine protocol: whatever runs a sequence and reports observations."""

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
    def never_met(self) -> frozenset[str]:
        """Names of marks that it cannot meet, because it has no such thing."""
        ...

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        """Run the operations in order."""
        ...
