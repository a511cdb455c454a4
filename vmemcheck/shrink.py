# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a failing sequence smaller: by leaving operations out, then by taking simpler ones.

Works on any sequence, wherever it came from, because every sub-list of a
sequence is a sequence.
"""

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Table
from dataclasses import replace

from vmemcheck.geometry import Geometry
from vmemcheck.operation import (
    AddDevice,
    AddMemory,
    Boot,
    Fault,
    FaultKind,
    Initialise,
    Operation,
    Refused,
    Remove,
    Second,
    Sequence,
)

_MOST_ALLOCATIONS = 16
_SHORT = 3


def shrink(
    sequence: Sequence, table: Table[Operation], fails: Callable[[Sequence], bool], *, simplify: bool = True
) -> Sequence:
    """Return a sequence that still fails and from which nothing can be left out.

    :param table: operations to put in the place of others, the simple ones first
    :param fails: whether a sequence shows the same failure
    :param simplify: also try simpler operations in each place, which takes many tries
    """
    while True:
        smaller = _without_any(sequence, table, fails)
        smaller = _simplified(smaller, table, fails) if simplify else smaller
        if smaller == sequence:
            return sequence
        sequence = smaller


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
        for number in range(1, _MOST_ALLOCATIONS):
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


def _without_any(sequence: Sequence, table: Table[Operation], fails: Callable[[Sequence], bool]) -> Sequence:
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


def _varied(sequence: Sequence, table: Table[Operation]) -> Iterator[Sequence]:
    """Yield the sequence, then with one add at a time failing in another way.

    The number of the failing allocation shifts with what was left out, and a failing add can stand for an add and a
    remove; boot memory stands for an add and its init.
    """
    yield sequence
    for index, operation in enumerate(sequence):
        others: list[Operation] = []
        if isinstance(operation, AddMemory | AddDevice) and len(sequence) <= _SHORT:
            others = [other for other in table if _same_range(operation, other)]
            others += _plain_boots(table) if index == 0 else []
        if isinstance(operation, AddMemory | AddDevice | Remove) and operation.fault:
            numbers = range(1, _MOST_ALLOCATIONS)
            others += [replace(operation, fault=Fault(FaultKind.NTH, number)) for number in numbers]
        for other in others:
            yield (*sequence[:index], other, *sequence[index + 1 :])


def _plain_boots(table: Table[Operation]) -> list[Boot]:
    """Return the boot memory of ``table`` that is as long as any: whole sections."""
    boots = [other for other in table if isinstance(other, Boot)]
    longest = max((boot.count for boot in boots), default=0)
    return [boot for boot in boots if boot.count == longest]


def _same_range(operation: AddMemory | AddDevice, other: Operation) -> bool:
    if isinstance(operation, AddMemory):
        return isinstance(other, AddMemory) and (operation.block, operation.count) == (other.block, other.count)
    return isinstance(other, AddDevice) and _spans(operation) == _spans(other)


def _spans(operation: AddDevice) -> tuple[int, int, Second | None]:
    return operation.subsection, operation.count, operation.second


def _simplified(sequence: Sequence, table: Table[Operation], fails: Callable[[Sequence], bool]) -> Sequence:
    """Take away options, and then take the first operation of ``table`` that fails in each place."""
    # Of boot memory there are many parts, and no more to learn from another one than from a whole section.
    whole = set(_plain_boots(table))
    table = [operation for operation in table if operation in whole or not isinstance(operation, Boot)]
    places = {operation: number for number, operation in enumerate(table)}
    for index, operation in enumerate(sequence):
        for plainer in _plainer(operation):
            candidate = (*sequence[:index], plainer, *sequence[index + 1 :])
            if fails(candidate):
                sequence, operation = candidate, plainer
        nearest = len(table) if isinstance(operation, Boot) and operation not in whole else places.get(operation, 0)
        for other in table[:nearest]:
            candidate = (*sequence[:index], other, *sequence[index + 1 :])
            if type(other) is type(operation) and fails(candidate):
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
