# SPDX-License-Identifier: GPL-2.0-or-later
"""The requests and answers of a machine program as bytes: the other end of vmemcheck/shim/main.c."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from vmemcheck.geometry import Geometry
from vmemcheck.model import LiveRange, requested_ranges
from vmemcheck.operation import (
    Action,
    AddDevice,
    AddMemory,
    Boot,
    Door,
    FaultKind,
    Initialise,
    Operation,
    Refused,
    Remove,
)

MAGIC = 0x324D4356
FAILED = (1 << 64) - 1
HEADER = struct.Struct("<QQ")
PLACES = struct.Struct("<5Q")
_REQUEST = struct.Struct("<IIIIIII")
_SPAN = struct.Struct("<QQ")
_OPERATION = struct.Struct("<12Q")
RECORD = struct.Struct("<QqQqQQ")
DIGEST_BYTES = 16
"""Of the digest of all records of a sequence."""
SIZES = struct.Struct("<QQ")
SUCCESSOR = struct.Struct("<QqQqQQQQ")
_BOOT, _ADD, _REMOVE, _INITIALISE, _REFUSED_ADD, _REFUSED_REMOVE, _SKIPPED = range(1, 8)
_DOORS = {Door.MEMORY: 0, Door.DEVICE: 1, Door.BOOT: 2}
_FAULTS = {FaultKind.NTH: 1, FaultKind.ORDER: 2, FaultKind.FROM: 3}


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome of one operation.

    :param stopped: the machine did not come back from it
    :param digest: of everything that was observed
    """

    applied: bool
    start_pfn: int
    nr_pages: int
    returned: int
    stopped: bool
    digest: int


def request(geometry: Geometry, operations: Iterable[Operation], *, details: bool, milliseconds: int) -> bytes:
    """Return the request to run operations.

    :param milliseconds: computing time that one operation may take
    """
    encoded = [encode(geometry, operation) for operation in operations]
    return _REQUEST.pack(MAGIC, len(encoded), details, milliseconds, 0, 0, 0) + b"".join(encoded)


def exploration(
    geometry: Geometry,
    prefix: Iterable[Operation],
    alternatives: Iterable[Operation],
    statics: Iterable[tuple[int, int]],
    *,
    details: bool,
    with_free: bool,
    milliseconds: int,
) -> bytes:
    """Return the request to run each of the alternatives after the prefix.

    :param statics: start and size in bytes of each variable of the kernel that is a part of the state
    :param with_free: free memory is a part of the state
    """
    first = [encode(geometry, operation) for operation in prefix]
    second = [encode(geometry, operation) for operation in alternatives]
    spans = [_SPAN.pack(*span) for span in statics]
    numbers = (len(first), details, milliseconds, len(second), len(spans), with_free)
    return _REQUEST.pack(MAGIC, *numbers) + b"".join((*first, *second, *spans))


@lru_cache(maxsize=65536)
def encode(geometry: Geometry, operation: Operation) -> bytes:
    """Return one operation of a request; pages are counted from pfn 0 of the model."""
    match operation:
        case Boot(section, first, count):
            # A boot range behind the end of its section is skipped.
            count = max(0, min(count, geometry.subsections_per_section - first))
            start = section * geometry.pages_per_section + first * geometry.pages_per_subsection
            return _pack(_BOOT if count > 0 else _SKIPPED, Door.BOOT, start, count * geometry.pages_per_subsection)
        case AddMemory() | AddDevice():
            return _encode_add(geometry, operation)
        case Remove(victim, fault):
            return _pack(_REMOVE, Door.MEMORY, victim, 0, fault=fault)
        case Initialise(victim):
            return _pack(_INITIALISE, Door.MEMORY, victim, 0)
        case Refused(action, door, start, count):
            kind = _REFUSED_ADD if action is Action.ADD else _REFUSED_REMOVE
            return _pack(kind, door, start, count)


def _encode_add(geometry: Geometry, operation: AddMemory | AddDevice) -> bytes:
    new = requested_ranges(geometry, operation)
    if not new:
        return _pack(_SKIPPED, Door.DEVICE, 0, 0)
    live, others = new[0], new[1:]
    altmap = (3 if live.private else 0, 0, 0)
    if live.altmap:
        altmap = (2 if live.door is Door.MEMORY else 1, live.altmap.reserve_pages, live.altmap.free_pages)
    return _pack(_ADD, live.door, live.start_pfn, live.nr_pages, altmap, live.vmemmap_shift, operation.fault, others)


def _pack(
    kind: int,
    door: Door,
    start: int,
    pages: int,
    altmap: tuple[int, int, int] = (0, 0, 0),
    shift: int = 0,
    fault: object = None,
    others: tuple[LiveRange, ...] = (),
) -> bytes:
    kind_of_fault = _FAULTS.get(getattr(fault, "kind", None), 0)  # type: ignore[arg-type]  # None is in no table
    value = getattr(fault, "value", 0)
    second = (others[0].start_pfn, others[0].nr_pages) if others else (0, 0)
    return _OPERATION.pack(kind, _DOORS[door], start, pages, *altmap, shift, kind_of_fault, value, *second)


def record(data: bytes, offset: int) -> Record:
    """Read the outcome of one operation."""
    applied, start, pages, returned, stopped, digest = RECORD.unpack_from(data, offset)
    return Record(bool(applied), start, pages, returned, bool(stopped), digest)
