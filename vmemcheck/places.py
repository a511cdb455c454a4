# SPDX-License-Identifier: GPL-2.0-or-later
"""Where else in the vmemmap a sequence may take place: around the border between two entries of an upper table.

At the start of the vmemmap the first entry of each upper table serves for all that is added, so that nothing shows
whether the right entry is found, or a range is split where an entry ends.
"""

from dataclasses import replace

from vmemcheck.geometry import Geometry
from vmemcheck.operation import AddDevice, AddMemory, Boot, Operation, Refused, Sequence

_FARTHEST_BYTES = 1 << 39
"""The machine has room for memory up to twice as far."""


def border_section(geometry: Geometry) -> int:
    """Return the section before the one whose memmap meets the border of the highest table that is in reach.

    It is the first section of a memory block.
    """
    for level in range(geometry.levels - 1, 0, -1):
        border = 1 << geometry.entry_shift(level)
        section = border // geometry.section_memmap_bytes
        if section and section << geometry.section_shift <= _FARTHEST_BYTES:
            unit = geometry.pages_per_block // geometry.pages_per_section
            return (section - 1) // unit * unit
    return 0


def moved(geometry: Geometry, operation: Operation, sections: int) -> Operation:
    """Return an operation so many sections, which are whole memory blocks, further on."""
    match operation:
        case Boot():
            return replace(operation, section=operation.section + sections)
        case AddMemory():
            blocks = sections * geometry.pages_per_section // geometry.pages_per_block
            return replace(operation, block=operation.block + blocks)
        case AddDevice():
            subsections = sections * geometry.subsections_per_section
            second = operation.second
            second = second and replace(second, subsection=second.subsection + subsections)
            return replace(operation, subsection=operation.subsection + subsections, second=second)
        case Refused():
            return replace(operation, start_pfn=operation.start_pfn + sections * geometry.pages_per_section)
        case _:
            return operation


def at_the_border(geometry: Geometry, sequence: Sequence) -> Sequence:
    """Return a sequence with all that it does moved to the border of upper tables.

    A compound page of several sections stays where it is, and so does what comes with it: elsewhere it would not be
    aligned to its size.
    """
    longest = max((one.vmemmap_shift for one in sequence if isinstance(one, AddDevice)), default=0)
    if 1 << longest > geometry.pages_per_section:
        return sequence
    sections = border_section(geometry)
    return tuple(moved(geometry, operation, sections) for operation in sequence)


def back_from_the_border(geometry: Geometry, sequence: Sequence) -> Sequence:
    """Return a sequence of the border as one at the start of memory; any other as it is."""
    sections = border_section(geometry)
    first = sections * geometry.pages_per_section
    starts = [start for operation in sequence if (start := _start(geometry, operation)) is not None]
    if not sections or not starts or min(starts) < first:
        return sequence
    return tuple(moved(geometry, operation, -sections) for operation in sequence)


def _start(geometry: Geometry, operation: Operation) -> int | None:
    """Return the first pfn of what an operation asks for; None where it names a victim."""
    match operation:
        case Boot():
            return operation.section * geometry.pages_per_section + operation.first * geometry.pages_per_subsection
        case AddMemory():
            return operation.block * geometry.pages_per_block
        case AddDevice():
            starts = [each.subsection for each in (operation, operation.second) if each]
            return min(starts) * geometry.pages_per_subsection
        case Refused():
            return operation.start_pfn
        case _:
            return None
