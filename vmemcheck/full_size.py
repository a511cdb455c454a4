# SPDX-License-Identifier: GPL-2.0-or-later
"""From a sequence of a scaled geometry to sequences of the same shape at full size.

Sections and memory blocks keep their numbers. A border within a section goes to the same share of the section, or
keeps its distance from the start or from the end of it, in bytes or in subsections. Which of these shows the same is
for the engine to say.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

from vmemcheck.geometry import Geometry
from vmemcheck.operation import AddDevice, Altmap, Boot, Operation, Second, Sequence
from vmemcheck.scope import altmap_pages

_MOST = 243
"""Candidates that are tried: five borders within sections, each in three ways; three borders in five ways are fewer."""


def candidates(sequence: Sequence, small: Geometry, full: Geometry) -> Iterator[Sequence]:
    """Yield sequences at full size that are like one of the small geometry, the most natural ones first."""
    borders = sorted({border for operation in sequence for border in _borders(operation, small)})
    places = [_places(border, small, full) for border in borders]
    for chosen in itertools.islice(itertools.product(*places), _MOST):
        if all(one < other for one, other in itertools.pairwise(chosen)):
            moved = dict(zip(borders, chosen, strict=True))
            yield tuple(_moved(operation, moved, small, full) for operation in sequence)


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
    if not isinstance(operation, AddDevice):
        return operation
    start, end, *others = (moved[border] for border in _borders(operation, small))
    second = Second(others[0], others[1] - others[0]) if others else None
    shift = operation.vmemmap_shift
    sections_shift = shift - (small.section_shift - small.page_shift)
    if shift and sections_shift >= 0:
        shift = full.section_shift - full.page_shift + sections_shift
    other = AddDevice(start, end - start, vmemmap_shift=shift, fault=operation.fault, second=second)
    return replace(other, altmap=_altmap(operation, other, small, full)) if operation.altmap else other


def _altmap(operation: AddDevice, other: AddDevice, small: Geometry, full: Geometry) -> Altmap:
    """Return the altmap that is as generous to ``other`` as that of ``operation`` is to it."""
    assert operation.altmap is not None
    sizes = altmap_pages(small, operation)
    free = operation.altmap.free_pages
    index = sizes.index(free) if free in sizes else 0
    return Altmap(operation.altmap.reserve_pages, altmap_pages(full, other)[index])
