# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a finding is one of a kernel, in which a device's memmap is alive when its add returns.

Here to bring a memmap to life is an operation of its own, which may come later or never. Of memory blocks that is so in
a kernel too; of a device range it is not. Source: mm/memremap.c: pagemap_range()
"""

import itertools
from collections.abc import Container

from vmemcheck.engine import check, steps
from vmemcheck.invariant import Finding, Kind
from vmemcheck.known import Known
from vmemcheck.machine import Machine
from vmemcheck.operation import AddDevice, Door, Initialise, Sequence


def of_a_kernel(
    machine: Machine, finding: Finding, known: Container[Kind] = (), met: Known | None = None
) -> Finding | None:
    """Return what is there when the memmap of each device range comes to life with it: the same, another one, or None.

    :param known: kinds that were found before, as for ``check()``
    :param met: what other sequences on this machine have met
    :return: the finding itself where its kind is there too: its sequence is the shorter one
    """
    alive = brought_to_life(machine, finding.sequence, met)
    if alive == finding.sequence:
        return finding
    found = check(machine, alive, known=known, met=met)
    return finding if found is not None and found.kind == finding.kind else found


def brought_to_life(machine: Machine, sequence: Sequence, met: Known | None = None) -> Sequence:
    """Return a sequence in which the memmap of each device range is brought to life once its add succeeded."""
    alive: Sequence = ()
    for number, operation in enumerate(sequence, 1):
        alive = (*alive, operation)
        if number < len(sequence) and isinstance(operation, AddDevice):
            following = itertools.takewhile(lambda one: isinstance(one, Initialise), sequence[number:])
            new = set(_to_initialise(machine, alive, met)).difference(following)
            alive = (*alive, *sorted(new, key=lambda one: one.victim))
    return alive


def _to_initialise(machine: Machine, sequence: Sequence, met: Known | None) -> tuple[Initialise, ...]:
    last = None
    for step in steps(machine, sequence, met):
        last = step
    ranges = last.after.ranges if last else ()
    return tuple(
        Initialise(victim) for victim, live in enumerate(ranges) if live.door is Door.DEVICE and not live.initialised
    )
