# SPDX-License-Identifier: GPL-2.0-or-later
"""How often each operation stands in a generated sequence: tables to choose evenly from.

One table serves every generator, so that Hypothesis and the bulk search look for the same things.
"""

import random
from collections import Counter, abc
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate, groupby
from typing import overload

from vmemcheck import scope as scopes
from vmemcheck.geometry import Geometry
from vmemcheck.model import most_altmap_pages, requested_ranges
from vmemcheck.operation import (
    AddDevice,
    AddMemory,
    Altmap,
    Boot,
    Fault,
    FaultKind,
    Initialise,
    Operation,
    Remove,
    Second,
    Sequence,
    failing,
)
from vmemcheck.scope import Scope

# How often each kind stands in a sequence. One number is drawn for each
# operation: a choice of the kind and then one within the kind would cost twice.
_WEIGHTS = {
    "device": 6,
    "memory": 2,
    "remove": 4,
    "initialise": 4,
    "compound": 2,
    "pair or private": 1,
    "altmap": 3,
    "fault": 3,
    "fallback": 2,
    "refused": 1,
}


def _kind(operation: Operation) -> str:
    match operation:
        case Remove():
            return "remove"
        case Initialise():
            return "initialise"
        case AddDevice(second=Second()) | AddDevice(private=True):
            return "pair or private"
        case AddMemory(fault=Fault(FaultKind.ORDER, 1)) | AddDevice(fault=Fault(FaultKind.ORDER, 1)):
            return "fallback"  # no leaf to be had
        case AddMemory(fault=Fault()) | AddDevice(fault=Fault()) | Remove(fault=Fault()):
            return "fault"
        case AddDevice(altmap=Altmap()) | AddMemory(memmap_on_memory=True):
            return "altmap"
        case AddDevice(vmemmap_shift=0):
            return "device"
        case AddDevice():
            return "compound"
        case AddMemory():
            return "memory"
        case _:
            return "refused"


def _copies(geometry: Geometry, operation: Operation) -> int:
    """What is rare in the table and leads far in a sequence comes more often."""
    if isinstance(operation, AddMemory):
        return 12
    if not isinstance(operation, AddDevice):
        return 1
    if operation.private:
        return 6 if operation.fault is None else 1
    if operation.second:
        # An allocation that fails late is one of the second range.
        return 3 if operation.fault is None or operation.fault.value > 3 else 1
    section = geometry.subsections_per_section
    start, end = operation.subsection, operation.subsection + operation.count
    whole = start % section == 0 and end % section == 0
    if operation.vmemmap_shift and operation.altmap:
        return 1
    if 1 << operation.vmemmap_shift > 2 * geometry.pages_per_section:
        return 1 if operation.fault is None else 0  # long to run, and little else than a compound page of two sections
    if operation.fault and operation.fault.kind is FaultKind.NTH:
        return 1 if start // section != (end - 1) // section else 2
    if operation.fault:  # leaves are allocated for whole sections only
        return 1 if whole or operation.fault.value == 0 else 0
    if whole:
        return 16 if 1 << operation.vmemmap_shift > geometry.pages_per_section else 12 if operation.altmap else 4
    if 1 << operation.vmemmap_shift > geometry.pages_per_subsection:
        return 4  # few of these leave room in their section
    return 3 if operation.count == 1 else 1  # several short ranges fit next to each other


class _Table(abc.Sequence[Operation]):
    """Operations in which the kinds alternate, each from simple to complicated.

    With tens of thousands of places it is not made as a whole: what stands at one is worked out when it is asked for.
    The order of kinds comes again after as many places as the weights are together.
    """

    def __init__(self, kinds: Mapping[str, list[Operation]]) -> None:
        self.kinds = [(members, _WEIGHTS[kind]) for kind, members in kinds.items() if members]
        places = [
            ((number + 0.5) / weight, kind, number)
            for kind, (_, weight) in enumerate(self.kinds)
            for number in range(weight)
        ]
        self._order = [(kind, number) for _, kind, number in sorted(places)]
        self._times = max((-(-len(members) // weight) for members, weight in self.kinds), default=0)

    def __len__(self) -> int:
        return self._times * len(self._order)

    @overload
    def __getitem__(self, at: int) -> Operation: ...
    @overload
    def __getitem__(self, at: slice) -> list[Operation]: ...
    def __getitem__(self, at: int | slice) -> Operation | list[Operation]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        times, place = divmod(range(len(self))[at], len(self._order))
        kind, number = self._order[place]
        members, weight = self.kinds[kind]
        return members[(weight * times + number) % len(members)]

    def before(self, at: int) -> list[int]:
        """Return how many operations of each kind stand before a place."""
        times, place = divmod(at, len(self._order))
        first = Counter(kind for kind, _ in self._order[:place])
        return [weight * times + first[kind] for kind, (_, weight) in enumerate(self.kinds)]


@lru_cache(maxsize=64)
def weighted_operations(geometry: Geometry, scope: Scope) -> _Table:
    """Return the operations of a scope other than boot memory, each as often as it is to come; simple ones first."""
    kinds: dict[str, list[Operation]] = {kind: [] for kind in _WEIGHTS}
    for operation in scopes.operations(geometry, scope):
        if not isinstance(operation, Boot):
            kinds[_kind(operation)] += [operation] * _copies(geometry, operation)
    return _Table(kinds)


class _Turns(abc.Sequence[Sequence]):
    """The operations of a table, every other one of those that may fail with a second try behind it."""

    def __init__(self, geometry: Geometry, table: _Table) -> None:
        self._geometry = geometry
        self._table = table
        # How many of the first members of each kind may fail.
        self._failing = [list(accumulate(_may_fail(geometry, members), initial=0)) for members, _ in table.kinds]

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, at: int) -> Sequence: ...
    @overload
    def __getitem__(self, at: slice) -> list[Sequence]: ...
    def __getitem__(self, at: int | slice) -> Sequence | list[Sequence]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        operation = self._table[at]
        again = _again(self._geometry, operation)
        return (operation, again) if again and self._failing_before(at) % 2 == 0 else (operation,)

    def _failing_before(self, at: int) -> int:
        found = 0
        for number, so_far in zip(self._table.before(at), self._failing, strict=True):
            times, rest = divmod(number, len(so_far) - 1)
            found += times * so_far[-1] + so_far[rest]
        return found


@lru_cache(maxsize=64)
def weighted_turns(geometry: Geometry, scope: Scope) -> abc.Sequence[Sequence]:
    """Return what can come next: an operation, or for half of the adds that may fail, a second try behind it."""
    table = weighted_operations(geometry, scope)
    return _Turns(geometry, table) if scope.faults else [(operation,) for operation in table]


def _may_fail(geometry: Geometry, members: list[Operation]) -> Iterator[bool]:
    """Tell of each operation whether it is an add that fails for want of memory: see ``_again()``.

    :param members: the copies of an operation come one after the other
    """
    for operation, copies in groupby(members):
        if isinstance(operation, AddMemory | AddDevice) and operation.fault:
            may = operation.fault != scopes.NO_LEAF
        else:
            may = isinstance(operation, AddDevice) and bool(operation.altmap) and bool(_again(geometry, operation))
        yield from (may for _ in copies)


def _again(geometry: Geometry, operation: Operation) -> Operation | None:
    """Return an add that fails for want of memory with all that it needs; None for other operations."""
    if not isinstance(operation, AddMemory | AddDevice) or operation.fault == scopes.NO_LEAF:
        return None
    if isinstance(operation, AddDevice) and operation.altmap:
        new = requested_ranges(geometry, operation)
        if new and operation.altmap.free_pages < most_altmap_pages(geometry, new[0]):
            return replace(operation, altmap=None, fault=None)
    return failing(operation, None) if operation.fault else None


def drawn_turn(geometry: Geometry, scope: Scope, chosen: random.Random) -> Sequence:
    """Draw what can come next, as from ``weighted_turns()``, without a table of all that may fail."""
    operation = chosen.choice(weighted_operations(geometry, replace(scope, faults=False)))
    if (
        not scope.faults
        or not isinstance(operation, AddMemory | AddDevice)
        or operation.fault
        or chosen.random() < 0.75
    ):
        return (operation,)
    first = failing(operation, chosen.choice((*scopes.FAULTS, *scopes.RUNNING_OUT)))
    return (first, operation) if chosen.random() < 0.5 else (first,)


def drawn_beginning(geometry: Geometry, scope: Scope, chosen: random.Random) -> Sequence:
    """Draw a beginning on an empty machine: an add that fails, with its second try; or memory that is added again."""
    table = weighted_operations(geometry, replace(scope, faults=False))
    add = next(one for one in iter(lambda: chosen.choice(table), None) if isinstance(one, AddMemory | AddDevice))
    if scope.faults and chosen.random() < 0.5:
        return (failing(add, chosen.choice((*scopes.FAULTS, *scopes.RUNNING_OUT))), add)
    return (add, Remove(0), add)


@lru_cache(maxsize=64)
def weighted_blocks(geometry: Geometry, sections: int) -> Sequence:
    """Return what can be done with memory blocks alone, in so many sections; simple operations first.

    What a kernel keeps in a leaf to tell which part of it is in use takes several adds and removes to go wrong.
    """
    blocks = max(1, sections * geometry.pages_per_section // geometry.pages_per_block)
    single = tuple(AddMemory(block, 1) for block in range(blocks))
    several = tuple(AddMemory(block, 2) for block in range(blocks - 1))
    victims = range(blocks)
    return (
        *single,
        *single,
        *several,
        *(Remove(victim) for victim in victims),
        *(Remove(victim) for victim in victims),
        *(Initialise(victim) for victim in victims),
    )


@lru_cache(maxsize=64)
def weighted_boots(geometry: Geometry, scope: Scope) -> tuple[tuple[Operation, ...], ...]:
    """Return what can be there at boot: nothing, or in half of the cases one early section or two of them.

    One in two early sections is memory throughout.
    """
    sections: dict[int, list[Boot]] = {}
    for operation in scopes.boots(geometry, scope) if scope.boot else ():
        sections.setdefault(operation.section, []).append(operation)
    boots = {
        section: [boot for part in members[1:] for boot in (members[0], part)] or members
        for section, members in sections.items()
    }
    singles = [(boot,) for members in boots.values() for boot in members]
    couples = [(one, other) for one in boots for other in boots if one < other]
    pairs: list[Sequence] = []
    for number in range(len(singles) if couples else 0):
        first, second = (boots[section] for section in couples[number % len(couples)])
        # Whole and part by turns, and each of the two next to each.
        pairs.append((first[number % len(first)], second[(number + number // 2) % len(second)]))
    nothing: list[Sequence] = [()] * max(1, 2 * len(singles))
    return (*nothing, *singles, *pairs)
