# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel did in one step of a sequence, with its lines: for reports that step through it."""

import errno
from dataclasses import dataclass

from vmemcheck.invariant import Step
from vmemcheck.observation import (
    AllocationFailed,
    Call,
    Event,
    Faulted,
    Freed,
    Location,
    SectionCall,
    Stopped,
    TableFreed,
    Unmapped,
    Warned,
)

MOST_DEEDS = 12


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that happened, in words, and where in the kernel's source, if it is known.

    :param times: how often just that happened at that place
    """

    says: str
    where: Location | None = None
    times: int = 1


def outcome_words(step: Step) -> str:
    """Return what an operation returned."""
    returned = step.observation.returned
    if returned >= 0:
        return "done"
    name = errno.errorcode.get(-returned, "unknown")
    return f"error {returned} ({name}){', as it must' if step.refused else ''}"


def deeds(step: Step) -> list[Deed]:
    """Return what happened in a step, in order, the same things at one place together."""
    found: dict[tuple[str, Location | None], list[Deed]] = {}
    for event in step.observation.events:
        for deed in _deeds(event):
            what = deed.says.partition(" ")[0] if deed.where else deed.says
            found.setdefault((what, deed.where), []).append(deed)
    return [Deed(alike[0].says, alike[0].where, len(alike)) for alike in found.values()]


def _deeds(event: Event) -> list[Deed]:
    match event:
        case Call(function, start, end, returned):
            failed = f" = {returned}" if returned < 0 else ""
            return [Deed(f"{function}([{start:#x}, {end:#x})){failed}")]
        case SectionCall(function, start_pfn, nr_pages, returned, where=where) if returned < 0:
            return [Deed(f"{function}(pfn {start_pfn:#x}, {nr_pages} pages) = {returned}", where)]
        case AllocationFailed(order):
            return [Deed(f"an allocation of order {order} failed")]
        case Unmapped(mapping, where):
            return [Deed(f"unmapped {mapping}", where)]
        case Freed(block, where):
            return [Deed(f"freed {block}", where)]
        case TableFreed(table, where=where):
            return [Deed(f"gave back {table}", where)]
        case Faulted(address, where):
            return [Deed(f"accessed {address:#x}, which is not mapped", where)]
        case Warned(message, where) | Stopped(message, where):
            return [Deed(message, where)]
        case _:
            return []
