# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of operations."""

from itertools import chain
from operator import add

from hypothesis import strategies as st

from vmemcheck.geometry import Geometry
from vmemcheck.operation import Sequence
from vmemcheck.scope import Scope
from vmemcheck.strategies.choice import choices
from vmemcheck.strategies.operations import boot_memory
from vmemcheck.weights import weighted_turns


def sequences(
    geometry: Geometry,
    scope: Scope | None = None,
    *,
    min_size: int = 1,
    max_size: int = 20,
) -> st.SearchStrategy[Sequence]:
    """Draw a sequence: boot memory or none, then the other operations.

    An add that may fail and the same add again count as one.

    :param scope: limits, ``Scope()`` by default
    :param min_size: operations after boot at least; lists are short unless this is set
    :param max_size: operations after boot at most
    """
    turns = choices(weighted_turns(geometry, scope or Scope()))
    rest = st.lists(turns, min_size=min_size, max_size=max_size).map(lambda drawn: tuple(chain.from_iterable(drawn)))
    return st.builds(add, boot_memory(geometry, scope), rest)
