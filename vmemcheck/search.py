# SPDX-License-Identifier: GPL-2.0-or-later
"""Search: Hypothesis-generated sequences on one machine, and the shortest failing one."""

from dataclasses import dataclass, field

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, settings

from vmemcheck import scope as scopes
from vmemcheck.engine import Coverage, check, known_of
from vmemcheck.garbage import collected_seldom
from vmemcheck.invariant import Finding, Invariant, Mark, Verdict
from vmemcheck.invariants import INVARIANTS
from vmemcheck.known import Known
from vmemcheck.machine import Machine
from vmemcheck.operation import Sequence
from vmemcheck.scope import Scope
from vmemcheck.shrink import shrink
from vmemcheck.strategies import sequences

# Short lists first find most; the long ones, from 8 up, reach states that need a history.
_SIZES = ((1, 12), (8, 20))


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found.

    :param examples: sequences asked for
    :param seed: seed of the search; the same seed gives the same result
    :param finding: a shortest failing sequence, or None
    :param missing: marks that could be met and were not
    """

    machine: str
    examples: int
    seed: int
    coverage: Coverage
    finding: Finding | None
    missing: tuple[Mark, ...]

    @property
    def verdict(self) -> Verdict:
        """violated, else vacuous when a mark is missing, else holds."""
        if self.finding:
            return Verdict.VIOLATED
        return Verdict.VACUOUS if self.missing else Verdict.HOLDS


@dataclass(slots=True)
class _Attempt:
    """One sequence after the other, until one fails; then only those that fail in the same way."""

    machine: Machine
    invariants: tuple[Invariant, ...]
    coverage: Coverage = field(default_factory=Coverage)
    finding: Finding | None = None
    met: Known = field(init=False)

    def __post_init__(self) -> None:
        self.met = known_of(self.machine)

    def fails(self, sequence: Sequence) -> bool:
        # What is tried to make a sequence smaller is none of those that were asked for.
        coverage = None if self.finding else self.coverage
        finding = check(self.machine, sequence, coverage, self.invariants, met=self.met)
        if finding is None or (self.finding and finding.invariant != self.finding.invariant):
            return False
        self.finding = finding
        return True


class _ViolatedError(Exception):
    """Tells Hypothesis that a sequence fails; never leaves this module."""


@collected_seldom()
def search(
    machine: Machine,
    *,
    scope: Scope | None = None,
    examples: int = 500,
    seed: int = 0,
    invariants: tuple[Invariant, ...] = INVARIANTS,
) -> SearchResult:
    """Run up to ``examples`` generated sequences and shrink the first that fails.

    :param scope: limits, ``Scope()`` by default
    :param examples: number of sequences, 2 or more
    :param seed: seed of the generator
    :param invariants: what to check, in report order
    """
    scope = scope or Scope()
    attempt = _Attempt(machine, invariants)
    for min_size, max_size in _SIZES:
        if attempt.finding is None:
            _generate(attempt, scope, (min_size, max_size), examples // len(_SIZES), seed)
    if attempt.finding:
        shrink(attempt.finding.sequence, scopes.operations(machine.geometry, scope), attempt.fails)
    missing = attempt.coverage.missing(machine)
    return SearchResult(machine.name, examples, seed, attempt.coverage, attempt.finding, missing)


def _generate(attempt: _Attempt, scope: Scope, sizes: tuple[int, int], examples: int, seed: int) -> None:
    strategy = sequences(attempt.machine.geometry, scope, min_size=sizes[0], max_size=sizes[1])

    @hypothesis.seed(seed)
    @settings(
        max_examples=max(1, examples),
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
    )
    @hypothesis.given(strategy)
    def run(sequence: Sequence) -> None:
        if attempt.fails(sequence):
            raise _ViolatedError

    try:
        run()
    except _ViolatedError:
        return
