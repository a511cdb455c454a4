# SPDX-License-Identifier: GPL-2.0-or-later
"""A device's memmap comes to life with its add, in a kernel."""

from dataclasses import replace

import pytest

from tests.negative.variants import VARIANTS, Variant
from vmemcheck.bulk import bulk_search
from vmemcheck.engine import check
from vmemcheck.gate.compare import Search, fixed, sorted_out, violates
from vmemcheck.invariant import Finding
from vmemcheck.life import brought_to_life, of_a_kernel
from vmemcheck.observation import Observation
from vmemcheck.operation import AddDevice, AddMemory, Fault, FaultKind, Initialise, Remove, Second, Sequence
from vmemcheck.reference import ReferenceMachine


def _found(variant: Variant) -> Finding | None:
    return check(variant.machine(variant.geometry), (AddDevice(0, 1), Remove(0)))


# One that makes its mistake when the range is removed.
_WRONG = next(one for one in VARIANTS if (found := _found(one)) and len(found.sequence) > 1)
_GEOMETRY = _WRONG.geometry


@pytest.mark.parametrize(
    ("sequence", "alive"),
    [
        ((AddDevice(0, 1), Remove(0)), (AddDevice(0, 1), Initialise(0), Remove(0))),
        ((AddDevice(0, 1), Initialise(0), Remove(0)), (AddDevice(0, 1), Initialise(0), Remove(0))),
        ((AddMemory(0, 1), AddDevice(64, 1), Remove(1)), (AddMemory(0, 1), AddDevice(64, 1), Initialise(1), Remove(1))),
        (
            (AddDevice(0, 1, second=Second(2, 1)), Remove(0)),
            (AddDevice(0, 1, second=Second(2, 1)), Initialise(0), Initialise(1), Remove(0)),
        ),
        ((AddMemory(0, 1), Remove(0)), (AddMemory(0, 1), Remove(0))),
        ((AddMemory(0, 1), AddDevice(64, 1)), (AddMemory(0, 1), AddDevice(64, 1))),
        (
            (AddDevice(0, 1, fault=Fault(FaultKind.NTH, 1)), AddMemory(1, 1), Remove(0)),
            (AddDevice(0, 1, fault=Fault(FaultKind.NTH, 1)), AddMemory(1, 1), Remove(0)),
        ),
    ],
)
def test_device_comes_to_life_behind_an_add_that_succeeds(sequence: Sequence, alive: Sequence) -> None:
    """Both ranges of it; memory blocks do not, and behind the last operation nothing is asked."""
    assert alive == brought_to_life(ReferenceMachine(_GEOMETRY), sequence)


class _BrokenWhereNotAlive(ReferenceMachine):
    """Makes a mistake as long as nothing was brought to life."""

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        is_alive = any(isinstance(operation, Initialise) for operation in sequence)
        return (ReferenceMachine if is_alive else _WRONG.machine)(self.geometry).run(sequence)


def test_finding_that_needs_a_device_that_is_not_alive_is_none_of_a_kernel() -> None:
    """A search does not show it, and shows what is there anyway."""
    machine, always = _BrokenWhereNotAlive(_WRONG.geometry), _WRONG.machine(_WRONG.geometry)
    sequence, scope = (AddDevice(0, 1), Remove(0)), replace(_WRONG.scope, boot=False)
    alone, same = check(machine, sequence), check(always, sequence)
    assert alone is not None
    assert same is not None
    assert (None, same) == (of_a_kernel(machine, alone), of_a_kernel(always, same))
    assert all(of_a_kernel(machine, one) for one in bulk_search(machine, scope, 100, 0).findings)
    assert same.kind in {one.kind for one in bulk_search(always, scope, 100, 0).findings}


def test_violation_that_the_base_has_only_where_a_device_is_not_alive_breaks() -> None:
    """A gate plays the sequence on the base as a kernel would; and what is gone only where that is played is fixed."""
    base, patched = _BrokenWhereNotAlive(_WRONG.geometry), _WRONG.machine(_WRONG.geometry)
    finding = check(patched, (AddDevice(0, 1), Remove(0)))
    assert finding is not None
    search = Search(replace(_WRONG.scope, boot=False), 1, 0)
    assert ((finding,), ()) == sorted_out(patched, base, (finding,), search)
    assert (finding,) == tuple(fixed(base, (finding,), ()))
    assert (True, False) == tuple(violates(one, finding.sequence, finding.kind) for one in (patched, base))
