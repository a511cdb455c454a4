# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of a mutation run, as data: the fate of each mutant, and the counts. Reports make text of it."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from vmemcheck.geometry import Geometry
from vmemcheck.mutation.mutant import Mutant
from vmemcheck.operation import Sequence
from vmemcheck.scope import Scope


class Fate(enum.Enum):
    """What became of a mutant."""

    KILLED = "killed"
    EQUIVALENT = "equivalent"
    """The kernel does the same."""
    OUTSIDE = "outside"
    """The kernel does something else, but not in this machine: docs/limits.md."""
    NOT_REACHED = "not reached"
    """No sequence gets there."""
    SURVIVED = "survived"


@dataclass(frozen=True, slots=True)
class MutantResult:
    """What came of one mutant.

    :param why: what killed it, or the reason
    :param geometry: where it was killed, else None
    :param sequence: that killed it; empty where a mark or nothing did
    :param differed: sequences on which it was seen to do something else than the code as it is
    """

    mutant: Mutant
    fate: Fate
    why: str = ""
    geometry: Geometry | None = None
    sequence: Sequence = ()
    differed: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of mutants."""

    killed: int = 0
    equivalent: int = 0
    outside: int = 0
    not_reached: int = 0
    survived: int = 0

    @classmethod
    def of(cls, results: Iterable[MutantResult]) -> "Counts":
        """Count the fates."""
        fates = [one.fate for one in results]
        return cls(*(fates.count(fate) for fate in Fate))

    @property
    def total(self) -> int:
        """All mutants."""
        return self.killed + self.equivalent + self.outside + self.not_reached + self.survived

    @property
    def different(self) -> int:
        """Those that are not equivalent."""
        return self.total - self.equivalent

    @property
    def inside(self) -> int:
        """Those that make a difference in this machine, reached or not."""
        return self.different - self.outside


@dataclass(frozen=True, slots=True)
class MutationResult:
    """What came of one tree and architecture.

    :param tree: name, for example ``linux-6.12.117``
    :param origin: where the tree is from
    :param refused: mutants that the compiler does not take; they were not tried
    :param geometries: in which mutants were tried, in order
    :param scopes: the same
    :param mutants: in the order of the kernel's text
    :param paths: functions of the vmemmap populate and free paths
    """

    tree: str
    origin: str
    arch: str
    refused: int
    geometries: tuple[Geometry, ...]
    scopes: tuple[Scope, ...]
    examples: int
    seed: int
    mutants: tuple[MutantResult, ...]
    paths: frozenset[str] = frozenset()

    @property
    def counts(self) -> Counts:
        """The counts of all mutants."""
        return Counts.of(self.mutants)

    @property
    def counts_of_paths(self) -> Counts:
        """The counts of the mutants in the vmemmap populate and free paths."""
        return Counts.of(one for one in self.mutants if one.mutant.function in self.paths)

    def by_function(self) -> dict[tuple[str, str], tuple[MutantResult, ...]]:
        """Return the mutants of each function, by file and name, in the order of the kernel's text."""
        found: dict[tuple[str, str], list[MutantResult]] = {}
        for one in self.mutants:
            found.setdefault((one.mutant.file, one.mutant.function), []).append(one)
        return {place: tuple(results) for place, results in found.items()}
