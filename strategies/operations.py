# SPDX-License-Identifier: GPL-2.0-or-later
"""Single operations, drawn from the table of a scope."""

from hypothesis import strategies as st

from vmemcheck.geometry import Geometry
from vmemcheck.operation import Operation
from vmemcheck.scope import Scope
from vmemcheck.strategies.choice import choices
from vmemcheck.weights import weighted_boots, weighted_operations


def operations(geometry: Geometry, scope: Scope | None = None) -> st.SearchStrategy[Operation]:
    """Draw one operation of a scope, other than boot memory; shrinks towards the simple ones.

    :param scope: limits, ``Scope()`` by default
    """
    return choices(weighted_operations(geometry, scope or Scope()))


def boot_memory(geometry: Geometry, scope: Scope | None = None) -> st.SearchStrategy[tuple[Operation, ...]]:
    """Draw what is there at boot: nothing, or in half of the cases one early section or two of them.

    :param scope: limits, ``Scope()`` by default; nothing is drawn where it has no boot memory
    """
    return choices(weighted_boots(geometry, scope or Scope()))
