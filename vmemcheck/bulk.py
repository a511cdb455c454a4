# SPDX-License-Identifier: GPL-2.0-or-later
"""Bulk search: many random sequences on one machine, without Hypothesis, and the shortest failing one of each kind.

Sequences are data, so drawing one is a few choices from a table, and shrinking is deletion.
The same seed gives the same run.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from vmemcheck import scope as scopes
from vmemcheck.engine import Coverage, check, known_of
from vmemcheck.garbage import collected_seldom
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Finding, Kind
from vmemcheck.known import Known
from vmemcheck.life import of_a_kernel
from vmemcheck.machine import Machine
from vmemcheck.operation import Sequence
from vmemcheck.places import at_the_border, back_from_the_border
from vmemcheck.scope import Scope
from vmemcheck.shrink import plainer, shrink
from vmemcheck.weights import drawn_beginning, drawn_turn, weighted_blocks, weighted_boots, weighted_turns

MOST_KINDS = 8
"""Kinds of findings, more than were known, after which a search ends: by then the machine is beyond doubt."""
_LENGTHS = (3, 12)
_BEGINNING, _ELSEWHERE = 2, 4
_BLOCKS_ALONE = (1, 2)
"""Of those elsewhere, two in four, so that either way to begin stays among the others."""


@dataclass(slots=True)
class BulkResult:
    """What a bulk search has met and found.

    :param findings: the shortest sequence of each kind, in the order in which the kinds were found
    :param ended_early: that many kinds were found that more were not looked for
    """

    coverage: Coverage = field(default_factory=Coverage)
    findings: list[Finding] = field(default_factory=list)
    ended_early: bool = False


def random_sequences(geometry: Geometry, scope: Scope, examples: int, seed: int) -> Iterator[Sequence]:
    """Yield random sequences of a scope, the same for the same seed.

    Of five, one begins with what is rare otherwise: an add that fails on an empty machine, or memory that is added
    again; and one takes place in one section more, at the border of upper page tables, or, in half of the cases where
    sections share leaves, of memory blocks alone.
    """
    chosen = random.Random(seed)  # noqa: S311  # the same seed must give the same run
    turns, boots = weighted_turns(geometry, scope), weighted_boots(geometry, scope)
    wide = replace(scope, sections=scope.sections + 1)
    for number in range(examples):
        length = chosen.randint(*_LENGTHS)
        if number % 5 == _BEGINNING:
            begin = drawn_beginning(geometry, scope, chosen)
            yield (*begin, *(operation for _ in range(length) for operation in chosen.choice(turns)))
        elif number % 5 == _ELSEWHERE and geometry.sections_share_leaves and number % 4 in _BLOCKS_ALONE:
            yield tuple(chosen.choices(weighted_blocks(geometry, wide.sections), k=_LENGTHS[1]))
        elif number % 5 == _ELSEWHERE:
            begin = (
                drawn_beginning(geometry, wide, chosen) if number % 2 else chosen.choice(weighted_boots(geometry, wide))
            )
            rest = (operation for _ in range(length) for operation in drawn_turn(geometry, wide, chosen))
            yield at_the_border(geometry, (*begin, *rest))
        else:
            yield (*chosen.choice(boots), *(operation for _ in range(length) for operation in chosen.choice(turns)))


@collected_seldom()
def bulk_search(
    machine: Machine,
    scope: Scope,
    examples: int,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
    before: Iterable[Finding] = (),
) -> BulkResult:
    """Run random sequences; shrink the first of each kind of violation.

    :param examples: number of sequences, 1 or more
    :param progress: called now and then with the number of sequences that were run
    :param before: found on another machine; those that this one has too come first, and are not looked for
    """
    met = known_of(machine)
    result = BulkResult(findings=list(still_violated(machine, before, met)))
    known = {one.kind for one in result.findings}
    most = len(known) + MOST_KINDS
    for number, sequence in enumerate(random_sequences(machine.geometry, scope, examples, seed)):
        finding = check(machine, sequence, result.coverage, known=known, met=met)
        finding = finding and of_a_kernel(machine, finding, known, met)
        if finding:
            result.findings.append(_shortest(machine, scope, finding, known, met))
            known.add(finding.kind)
            if len(known) == most:
                result.ended_early = True
                break
        if number % 50 == 49:
            progress(number + 1)
    return result


def still_violated(machine: Machine, before: Iterable[Finding], met: Known | None = None) -> Iterator[Finding]:
    """Yield those of another machine's findings whose sequence violates on this one what it violated there."""
    known: set[Kind] = set()
    for one in before:
        found = check(machine, one.sequence, known=known, met=met)
        found = found and of_a_kernel(machine, found, known, met)
        if found and found.kind == one.kind:
            known.add(found.kind)
            yield found


def _shortest(machine: Machine, scope: Scope, finding: Finding, known: set[Kind], met: Known) -> Finding:
    """Return the finding with a sequence from which nothing can be left out."""
    shortest = finding

    def fails(sequence: Sequence) -> bool:
        nonlocal shortest
        found = check(machine, sequence, known=known, met=met)
        found = found and of_a_kernel(machine, found, known, met)
        if found is None or found.kind != finding.kind:
            return False
        shortest = found
        return True

    nearer = back_from_the_border(machine.geometry, finding.sequence)
    if nearer != finding.sequence:
        fails(nearer)
    shrink(shortest.sequence, scopes.operations(machine.geometry, scope), fails)
    for other in plainer(machine.geometry, shortest.sequence):
        if fails(other):
            break
    return shortest
