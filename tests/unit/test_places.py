# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences at the border of upper page tables."""

import pytest

from vmemcheck.geometry import Geometry, scaled
from vmemcheck.operation import Action, AddDevice, AddMemory, Boot, Door, Initialise, Refused, Remove, Second
from vmemcheck.places import at_the_border, back_from_the_border, border_section

_GEOMETRIES = (
    Geometry(64),
    Geometry(80),
    scaled(Geometry(64)),
    scaled(Geometry(80, levels=5)),
    Geometry(64, page_shift=16, section_shift=29, table_shift=13, levels=3),
)
_SEQUENCE = (
    Boot(0, 1, 1),
    AddMemory(1, 1),
    AddDevice(3, 2, second=Second(1, 1)),
    Refused(Action.ADD, Door.DEVICE, 1, 1),
    Remove(1),
    Initialise(0),
)


@pytest.mark.parametrize("geometry", _GEOMETRIES, ids=str)
def test_border_section_next_section_meets_the_border_of_an_upper_table(geometry: Geometry) -> None:
    """The section behind it has memmap behind the border, and the two have memmap before it."""
    first = border_section(geometry)
    before, after = (
        geometry.memmap_range((first + step) * geometry.pages_per_section, geometry.pages_per_section)
        for step in (0, 1)
    )
    borders = [1 << geometry.entry_shift(level) for level in range(1, geometry.levels)]
    assert any(before.start < border <= after.start or after.start < border < after.stop for border in borders)


def test_border_section_small_tables_is_at_the_top() -> None:
    """With small tables the border is that of entries of the top table."""
    geometry = scaled(Geometry(64))
    assert (border_section(geometry) + 1) * geometry.section_memmap_bytes == 1 << geometry.entry_shift(3)


@pytest.mark.parametrize("geometry", _GEOMETRIES, ids=str)
def test_at_the_border_and_back_is_the_sequence(geometry: Geometry) -> None:
    """Whatever is moved comes back as it was."""
    there = at_the_border(geometry, _SEQUENCE)
    assert there != _SEQUENCE
    assert back_from_the_border(geometry, there) == _SEQUENCE


def test_at_the_border_long_compound_page_stays() -> None:
    """A compound page of two sections is aligned to its size where it is, and would not be elsewhere."""
    sequence = (AddDevice(0, 128, vmemmap_shift=16),)
    assert at_the_border(Geometry(64), sequence) == sequence


def test_back_from_the_border_other_sequence_stays() -> None:
    """A sequence at the start of memory, or of removals alone, is not moved."""
    assert back_from_the_border(Geometry(64), _SEQUENCE) == _SEQUENCE
    assert back_from_the_border(Geometry(64), (Remove(0),)) == (Remove(0),)
