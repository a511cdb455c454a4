# SPDX-License-Identifier: GPL-2.0-or-later
"""Hypothesis strategies for hotplug sequences, to be imported by anyone.

::

    from hypothesis import given
    from vmemcheck.geometry import Geometry
    from vmemcheck.strategies import sequences

    @given(sequences(Geometry(struct_page_bytes=56), max_size=8))
    def test_my_machine(sequence): ...
"""

from vmemcheck.geometry import scaled
from vmemcheck.strategies.altmaps import altmaps
from vmemcheck.strategies.faults import faults
from vmemcheck.strategies.geometries import geometries
from vmemcheck.strategies.operations import boot_memory, operations
from vmemcheck.strategies.ranges import pfn_ranges, subsection_ranges
from vmemcheck.strategies.sequences import sequences

__all__ = [
    "altmaps",
    "boot_memory",
    "faults",
    "geometries",
    "operations",
    "pfn_ranges",
    "scaled",
    "sequences",
    "subsection_ranges",
]
