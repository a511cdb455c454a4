# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of operations."""

from operator import add

from hypothesis import strategies as st

from vmemcheck.geometry import Geometry
from vmemcheck.operation import Sequence
from vmemcheck.scope import Scope
from vmemcheck.strategies.operations import boot_memory, operations


def sequences(
    geometry: Geometry,
    scope: Scope | None = None,
    *,
    min_size: int = 1,
    max_size: int = 20,
) -> st.SearchStrategy[Sequence]:
    """Draw a sequence: boot memory or none, then the other operations.

    :param scope: limits, ``Scope()`` by default
    :param min_size: operations after boot at least; lists are short unless this is set
    :param max_size: operations after boot at most
    """
    rest = st.lists(operations(geometry, scope), min_size=min_size, max_size=max_size).map(tuple)
    return st.builds(add, boot_memory(geometry, scope), rest)
