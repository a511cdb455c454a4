# SPDX-License-Identifier: GPL-2.0-or-later
"""Single operations, drawn from the table of a scope."""

from functools import lru_cache

from hypothesis import strategies as st

from vmemcheck import scope as scopes
from vmemcheck.geometry import Geometry
from vmemcheck.operation import AddDevice, AddMemory, Altmap, Boot, Fault, Initialise, Operation, Remove
from vmemcheck.scope import Scope

# How often each kind stands in a sequence. One number is drawn for each
# operation: a choice of the kind and then one within the kind would cost twice.
_WEIGHTS = {
    "remove": 6,
    "initialise": 3,
    "device": 4,
    "memory": 2,
    "compound": 2,
    "altmap": 2,
    "fault": 3,
    "refused": 1,
}


def _kind(operation: Operation) -> str:
    match operation:
        case Remove():
            return "remove"
        case Initialise():
            return "initialise"
        case AddMemory(fault=Fault()) | AddDevice(fault=Fault()):
            return "fault"
        case AddDevice(altmap=Altmap()) | AddMemory(memmap_on_memory=True):
            return "altmap"
        case AddDevice(vmemmap_shift=0):
            return "device"
        case AddDevice():
            return "compound"
        case AddMemory():
            return "memory"
        case _:
            return "refused"


@lru_cache(maxsize=64)
def operations(geometry: Geometry, scope: Scope | None = None) -> st.SearchStrategy[Operation]:
    """Draw one operation of a scope, other than boot memory; shrinks towards the simple ones.

    :param scope: limits, ``Scope()`` by default
    """
    table = [op for op in scopes.operations(geometry, scope or Scope()) if not isinstance(op, Boot)]
    kinds: dict[str, list[Operation]] = {}
    for operation in table:
        kinds.setdefault(_kind(operation), []).append(operation)
    unit = max(-(-len(members) // _WEIGHTS[kind]) for kind, members in kinds.items())
    weighted = list(table)
    for kind, members in kinds.items():
        weighted += [members[n % len(members)] for n in range(_WEIGHTS[kind] * unit - len(members))]
    return st.sampled_from(weighted)


@lru_cache(maxsize=64)
def boot_memory(geometry: Geometry, scope: Scope | None = None) -> st.SearchStrategy[tuple[Operation, ...]]:
    """Draw what is there at boot: nothing, or in one of three cases one early section or two of them.

    :param scope: limits, ``Scope()`` by default; nothing is drawn where it has no boot memory
    """
    boots = [(op,) for op in scopes.operations(geometry, scope or Scope()) if isinstance(op, Boot)]
    pairs = [(*one, *other) for one in boots for other in boots if one[0].section < other[0].section]
    if not boots:
        return st.just(())
    nothing: list[tuple[Operation, ...]] = [()] * (4 * len(boots))
    return st.sampled_from([*nothing, *boots, *pairs[: len(boots)]])
