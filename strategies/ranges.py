# SPDX-License-Identifier: GPL-2.0-or-later
"""Ranges of subsections and pages, biased to the borders of sections, PMD leaves and pages."""

from hypothesis import strategies as st

from vmemcheck import scope
from vmemcheck.geometry import Geometry


def subsection_ranges(geometry: Geometry, *, sections: int = 2) -> st.SearchStrategy[range]:
    """Draw a non-empty range of subsections ``[start, end)`` in the first ``sections`` sections.

    One in four ends anywhere, the others on an edge (``vmemcheck.scope.edges()``).
    """
    last = sections * geometry.subsections_per_section
    edge = st.sampled_from(scope.edges(geometry, sections))
    position = st.one_of(edge, edge, edge, st.integers(0, last))
    return st.tuples(position, position).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: range(*sorted(pair)))


def pfn_ranges(geometry: Geometry, *, sections: int = 2) -> st.SearchStrategy[range]:
    """Draw a subsection-aligned range of pages ``[start, end)``."""
    pages = geometry.pages_per_subsection
    ranges = subsection_ranges(geometry, sections=sections)
    return ranges.map(lambda span: range(span.start * pages, span.stop * pages))
