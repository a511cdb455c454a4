# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a failing sequence smaller: by leaving operations out, then by taking simpler ones.

Works on any sequence, wherever it came from, because every sub-list of a
sequence is a sequence.
"""

from collections.abc import Callable, Sequence as Table
from dataclasses import replace

from vmemcheck.operation import AddDevice, AddMemory, Operation, Remove, Sequence


def shrink(sequence: Sequence, table: Table[Operation], fails: Callable[[Sequence], bool]) -> Sequence:
    """Return a sequence that still fails and from which nothing can be left out.

    :param table: operations to put in the place of others, the simple ones first
    :param fails: whether a sequence shows the same failure
    """
    smaller = _without_any(sequence, fails)
    while smaller != sequence:
        sequence = smaller
        smaller = _without_any(_simplified(sequence, table, fails), fails)
    return _simplified(sequence, table, fails)


def _without_any(sequence: Sequence, fails: Callable[[Sequence], bool]) -> Sequence:
    """Leave out runs of operations, long ones first, until not one can be spared."""
    length = max(1, len(sequence) // 2)
    while length:
        start = 0
        while start < len(sequence):
            candidate = sequence[:start] + sequence[start + length :]
            if candidate and fails(candidate):
                sequence = candidate
            else:
                start += 1
        length //= 2
    return sequence


def _simplified(sequence: Sequence, table: Table[Operation], fails: Callable[[Sequence], bool]) -> Sequence:
    """Take away options, and then take the first operation of ``table`` that fails in each place."""
    places = {operation: number for number, operation in enumerate(table)}
    for index, operation in enumerate(sequence):
        for plainer in _plainer(operation):
            candidate = (*sequence[:index], plainer, *sequence[index + 1 :])
            if fails(candidate):
                sequence, operation = candidate, plainer
        for other in table[: places.get(operation, 0)]:
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
    if isinstance(operation, AddMemory) and operation.memmap_on_memory:
        plainer.append(replace(operation, memmap_on_memory=False))
    return plainer
