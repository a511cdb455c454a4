# SPDX-License-Identifier: GPL-2.0-or-later
"""From a sequence of a scaled geometry to sequences of the same shape at full size.

Sections and memory blocks keep their numbers. A border within a section goes to the same share of the section, or
keeps its distance from the start or from the end of it, in bytes or in subsections. An allocation that fails may be
another one, since more memmap takes more of them. Which of these shows the same is for the engine to say.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

from vmemcheck.geometry import Geometry
from vmemcheck.operation import (
    MOST_ALLOCATIONS,
    AddDevice,
    AddMemory,
    Altmap,
    Boot,
    FaultKind,
    Operation,
    Refused,
    Remove,
    Second,
    Sequence,
)
from vmemcheck.scope import altmap_pages

_MOST = 243
"""Candidates that are tried: five borders within sections, each in three ways; three borders in five ways are fewer."""


def candidates(sequence: Sequence, small: Geometry, full: Geometry) -> Iterator[Sequence]:
    """Yield sequences at full size that are like one of the small geometry, the most natural ones first."""
    borders = sorted({border for operation in sequence for border in _borders(operation, small)})
    places = [_places(border, small, full) for border in borders]
    found = []
    for chosen in itertools.islice(itertools.product(*places), _MOST):
        if all(one < other for one, other in itertools.pairwise(chosen)):
            moved = dict(zip(borders, chosen, strict=True))
            found.append(tuple(_moved(operation, moved, small, full) for operation in sequence))
    yield from found
    for other in found:
        yield from _with_other_allocations(other)


def _with_other_allocations(sequence: Sequence) -> Iterator[Sequence]:
    """Yield the sequence with another number at the last allocation that fails by its number."""
    for index in reversed(range(len(sequence))):
        operation = sequence[index]
        if isinstance(operation, AddMemory | AddDevice | Remove):
            fault = operation.fault
            if fault and fault.kind is not FaultKind.ORDER:
                for number in range(1, MOST_ALLOCATIONS + 1):
                    other = replace(operation, fault=replace(fault, value=number))
                    yield (*sequence[:index], other, *sequence[index + 1 :])
                return


def _borders(operation: Operation, small: Geometry) -> tuple[int, ...]:
    if isinstance(operation, AddDevice):
        spans = (operation, operation.second) if operation.second else (operation,)
        return tuple(border for span in spans for border in (span.subsection, span.subsection + span.count))
    if isinstance(operation, Boot):
        start = operation.section * small.subsections_per_section + operation.first
        return start, start + operation.count
    return ()


def _places(border: int, small: Geometry, full: Geometry) -> tuple[int, ...]:
    section, within = divmod(border, small.subsections_per_section)
    start, size = section * full.subsections_per_section, full.subsections_per_section
    share = within * size // small.subsections_per_section
    if not within:
        return (start,)
    left = small.subsections_per_section - within
    # Where a subsection of the small geometry is a larger one, as many bytes are more subsections.
    unit = small.pages_per_subsection // full.pages_per_subsection
    places = (start + share, start + within * unit, start + size - left * unit, start + within, start + size - left)
    return tuple(dict.fromkeys(places))


def _moved(operation: Operation, moved: dict[int, int], small: Geometry, full: Geometry) -> Operation:
    if isinstance(operation, Boot):
        start, end = (moved[border] for border in _borders(operation, small))
        return Boot(operation.section, start - operation.section * full.subsections_per_section, end - start)
    if isinstance(operation, Refused):
        start, end = (
            _page(pfn, small, full) for pfn in (operation.start_pfn, operation.start_pfn + operation.nr_pages)
        )
        return replace(operation, start_pfn=start, nr_pages=max(1, end - start))
    if not isinstance(operation, AddDevice):
        return operation
    start, end, *others = (moved[border] for border in _borders(operation, small))
    second = Second(others[0], others[1] - others[0]) if others else None
    shift = operation.vmemmap_shift
    sections_shift = shift - (small.section_shift - small.page_shift)
    if shift and sections_shift >= 0:
        shift = full.section_shift - full.page_shift + sections_shift
    other = AddDevice(
        start, end - start, vmemmap_shift=shift, fault=operation.fault, second=second, private=operation.private
    )
    return replace(other, altmap=_altmap(operation, other, small, full)) if operation.altmap else other


def _page(pfn: int, small: Geometry, full: Geometry) -> int:
    """Return the page that is in the same memory block, subsection and share of it, aligned where ``pfn`` is."""
    block, within = divmod(pfn, small.pages_per_block)
    subsection, rest = divmod(within, small.pages_per_subsection)
    share = rest * full.pages_per_subsection // small.pages_per_subsection
    pages = block * full.pages_per_block + subsection * full.pages_per_subsection
    return pages + (max(1, share) if rest else 0)


def _altmap(operation: AddDevice, other: AddDevice, small: Geometry, full: Geometry) -> Altmap:
    """Return the altmap that is as generous to ``other`` as that of ``operation`` is to it."""
    assert operation.altmap is not None
    sizes = altmap_pages(small, operation)
    free = operation.altmap.free_pages
    index = sizes.index(free) if free in sizes else 0
    return Altmap(operation.altmap.reserve_pages, altmap_pages(full, other)[index])
