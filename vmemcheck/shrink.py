# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a failing sequence smaller: by leaving operations out, then by taking simpler ones.

Works on any sequence, wherever it came from, because every sub-list of a
sequence is a sequence.
"""

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Table
from dataclasses import replace
from functools import cached_property, lru_cache

from vmemcheck.geometry import Geometry
from vmemcheck.operation import (
    MOST_ALLOCATIONS,
    AddDevice,
    AddMemory,
    Boot,
    Fault,
    FaultKind,
    Initialise,
    Operation,
    Refused,
    Remove,
    Sequence,
)

_SHORT = 3


def shrink(
    sequence: Sequence, table: Table[Operation], fails: Callable[[Sequence], bool], *, simplify: bool = True
) -> Sequence:
    """Return a sequence that still fails and from which nothing can be left out.

    :param table: operations to put in the place of others, the simple ones first
    :param fails: whether a sequence shows the same failure
    :param simplify: also try simpler operations in each place, which takes many tries
    """
    others = _others(tuple(table))
    passed: set[Sequence] = set()

    def fails_now(candidate: Sequence) -> bool:
        # The last round tries all that the one before has tried.
        if candidate in passed:
            return False
        if fails(candidate):
            return True
        passed.add(candidate)
        return False

    while True:
        smaller = _without_any(sequence, others, fails_now)
        smaller = _simplified(smaller, others, fails_now) if simplify else smaller
        if smaller == sequence:
            return sequence
        sequence = smaller


class _Others:
    """The operations to put in the place of others, by what they may stand for.

    :param table: the simple ones first
    """

    def __init__(self, table: Table[Operation]) -> None:
        self._table = table

    @cached_property
    def plain_boots(self) -> list[Boot]:
        """The boot memory that is as long as any: whole sections."""
        boots = [other for other in self._table if isinstance(other, Boot)]
        longest = max((boot.count for boot in boots), default=0)
        return [boot for boot in boots if boot.count == longest]

    def of_same_range(self, operation: AddMemory | AddDevice) -> list[Operation]:
        """Return those that add the same range."""
        return self._by_range.get(_range(operation), [])

    def simpler(self, operation: Operation) -> list[Operation]:
        """Return those of its kind that stand before an operation, none where it is not in the table."""
        kind = type(operation)
        if kind is Boot and operation not in self.plain_boots:
            # Of boot memory there are many parts, and no more to learn from another one than from a whole section.
            return [*self.plain_boots]
        return self._by_kind.get(kind, [])[: self._places.get(operation, 0)]

    @cached_property
    def _by_range(self) -> dict[object, list[Operation]]:
        found: dict[object, list[Operation]] = {}
        for operation in self._table:
            if isinstance(operation, AddMemory | AddDevice):
                found.setdefault(_range(operation), []).append(operation)
        return found

    @cached_property
    def _by_kind(self) -> dict[type[Operation], list[Operation]]:
        found: dict[type[Operation], list[Operation]] = {Boot: [*self.plain_boots]}
        for operation in self._table:
            if not isinstance(operation, Boot):
                found.setdefault(type(operation), []).append(operation)
        return found

    @cached_property
    def _places(self) -> dict[Operation, int]:
        """Where each operation stands among those of its kind."""
        return {operation: place for members in self._by_kind.values() for place, operation in enumerate(members)}


@lru_cache(maxsize=4)
def _others(table: tuple[Operation, ...]) -> _Others:
    return _Others(table)


def _range(operation: AddMemory | AddDevice) -> tuple[object, ...]:
    if isinstance(operation, AddMemory):
        return AddMemory, operation.block, operation.count
    return AddDevice, operation.subsection, operation.count, operation.second


def plainer(geometry: Geometry, sequence: Sequence) -> Iterator[Sequence]:
    """Yield sequences that say more to a reader, the best first.

    Hot-added memory says more than boot memory, since everybody can add it; an add and a remove more than an add that
    fails, which says more of memory blocks than of a device; ranges at the start of memory, and victims by their real
    number, are easier to follow.
    """
    added = tuple(_added(geometry, operation) for operation in sequence)
    variants = [*_without_fault(added), *_in_blocks(geometry, added), added, sequence]
    variants = [other for variant in variants for other in (_moved_down(variant), variant)]
    for variant in dict.fromkeys(variants):
        for other in (tuple(map(_first_victim, variant)), variant):
            if other != sequence:
                yield other


def _without_fault(sequence: Sequence) -> Iterator[Sequence]:
    """Yield the sequence with the first add that fails as an add and a remove."""
    for index, operation in enumerate(sequence):
        if isinstance(operation, AddMemory | AddDevice) and operation.fault:
            add = replace(operation, fault=None)
            for victim in range(index + 1):
                yield (*sequence[:index], add, Remove(victim), *sequence[index + 1 :])
            return


def _in_blocks(geometry: Geometry, sequence: Sequence) -> Iterator[Sequence]:
    """Yield a single add as one of the first memory blocks, then with one allocation failing after the other.

    A device whose altmap is too small fails without that.
    """
    if len(sequence) != 1 or not isinstance(sequence[0], AddDevice | AddMemory):
        return
    if isinstance(sequence[0], AddMemory) and not (sequence[0].block and sequence[0].fault):
        return
    unit = geometry.pages_per_block if isinstance(sequence[0], AddMemory) else geometry.pages_per_subsection
    count = -(-sequence[0].count * unit // geometry.pages_per_block)
    if not sequence[0].fault:
        yield (AddMemory(0, count),)
    for blocks in dict.fromkeys((count, 2)):
        for number in range(1, MOST_ALLOCATIONS + 1):
            yield (AddMemory(0, blocks, fault=Fault(FaultKind.NTH, number)),)


def _added(geometry: Geometry, operation: Operation) -> Operation:
    if not isinstance(operation, Boot):
        return operation
    count = min(operation.count, geometry.subsections_per_section - operation.first)
    if count == geometry.subsections_per_section and geometry.pages_per_block == geometry.pages_per_section:
        return AddMemory(operation.section, 1)
    return AddDevice(operation.section * geometry.subsections_per_section + operation.first, max(count, 1))


def _first_victim(operation: Operation) -> Operation:
    return replace(operation, victim=0) if isinstance(operation, Remove | Initialise) else operation


def _moved_down(sequence: Sequence) -> Sequence:
    """Move device ranges down to the start of memory, where there is nothing else."""
    devices = [start for operation in sequence if isinstance(operation, AddDevice) for start in _starts(operation)]
    others = any(isinstance(operation, AddMemory | Boot | Refused) for operation in sequence)
    if not devices or others:
        return sequence
    by = min(devices)
    return tuple(_lower(operation, by) if isinstance(operation, AddDevice) else operation for operation in sequence)


def _starts(operation: AddDevice) -> tuple[int, ...]:
    return (operation.subsection, operation.second.subsection) if operation.second else (operation.subsection,)


def _lower(operation: AddDevice, by: int) -> AddDevice:
    second = operation.second and replace(operation.second, subsection=operation.second.subsection - by)
    return replace(operation, subsection=operation.subsection - by, second=second)


def _without_any(sequence: Sequence, table: _Others, fails: Callable[[Sequence], bool]) -> Sequence:
    """Leave out runs of operations, long ones first, until not one can be spared."""
    length = max(1, len(sequence) // 2)
    while length:
        start = 0
        while start < len(sequence):
            rest = sequence[:start] + sequence[start + length :]
            shorter = next((other for other in _varied(rest, table) if other and fails(other)), None)
            if shorter:
                sequence = shorter
            else:
                start += 1
        length //= 2
    return sequence


def _varied(sequence: Sequence, table: _Others) -> Iterator[Sequence]:
    """Yield the sequence, then with one add at a time failing in another way.

    The number of the failing allocation shifts with what was left out, and a failing add can stand for an add and a
    remove; boot memory stands for an add and its init.
    """
    yield sequence
    for index, operation in enumerate(sequence):
        others: list[Operation] = []
        if isinstance(operation, AddMemory | AddDevice) and len(sequence) <= _SHORT:
            others += table.of_same_range(operation)
            others += table.plain_boots if index == 0 else []
        if isinstance(operation, AddMemory | AddDevice | Remove) and operation.fault:
            numbers = range(1, MOST_ALLOCATIONS + 1)
            others += [replace(operation, fault=Fault(FaultKind.NTH, number)) for number in numbers]
        for other in others:
            yield (*sequence[:index], other, *sequence[index + 1 :])


def _simplified(sequence: Sequence, table: _Others, fails: Callable[[Sequence], bool]) -> Sequence:
    """Take away options, and then take the first operation of ``table`` that fails in each place."""
    for index, operation in enumerate(sequence):
        for plainer in _plainer(operation):
            candidate = (*sequence[:index], plainer, *sequence[index + 1 :])
            if fails(candidate):
                sequence, operation = candidate, plainer
        for other in table.simpler(operation):
            candidate = (*sequence[:index], other, *sequence[index + 1 :])
            if fails(candidate):
                sequence = candidate
                break
    return sequence


def _plainer(operation: Operation) -> list[Operation]:
    """Return ``operation`` without one of its options, for each that it has."""
    plainer: list[Operation] = []
    if isinstance(operation, AddMemory | AddDevice | Remove) and operation.fault:
        plainer.append(replace(operation, fault=None))
    if isinstance(operation, AddDevice) and operation.altmap:
        plainer.append(replace(operation, altmap=None))
    if isinstance(operation, AddDevice) and operation.vmemmap_shift:
        plainer.append(replace(operation, vmemmap_shift=0))
    if isinstance(operation, AddDevice) and operation.private:
        plainer.append(replace(operation, private=False))
    if isinstance(operation, AddDevice) and operation.second:
        plainer.append(replace(operation, second=None))
        plainer.append(
            replace(operation, subsection=operation.second.subsection, count=operation.second.count, second=None)
        )
    if isinstance(operation, AddMemory) and operation.memmap_on_memory:
        plainer.append(replace(operation, memmap_on_memory=False))
    return plainer
