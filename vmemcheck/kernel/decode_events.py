# SPDX-License-Identifier: GPL-2.0-or-later
"""From the events in the answer of a machine program to ``vmemcheck.entries.Events``.

What repeats itself comes once, with its count and its steps, from vmemcheck/shim/details.c.
"""

import itertools
import struct
from collections.abc import Iterator
from functools import lru_cache

from vmemcheck.entries import BlockRun, Events, MappingRun, Mappings, Move
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.instrument import CALLS, SECTION_CALLS
from vmemcheck.kernel.locate import Locator
from vmemcheck.observation import (
    BOOT,
    BUDDY,
    Allocated,
    AllocationFailed,
    AltmapReleased,
    AltmapState,
    Block,
    Call,
    Constructed,
    Destructed,
    Event,
    Faulted,
    Freed,
    Location,
    Owner,
    OwnerKind,
    SectionCall,
    Stopped,
    Synced,
    Table,
    TableFreed,
    TableLinked,
    TopLinked,
    Touched,
    Unflushed,
    Unmapped,
    Warned,
)

ENDLESS_LOOP = "it ran for too long: an endless loop"
"""What ``Stopped`` says of it."""
_STOPS = {
    4: "it met an impossible instruction, or undefined behaviour",
    8: "it divided by zero",
    27: ENDLESS_LOOP,
    31: "it made system call {} of the host",
    101: "it used up its stack: an endless recursion",
    102: "it used a NULL pointer (address {:#x})",
    103: "it used address {:#x}, where no memory is",
    104: "it used an address that cannot be, or an instruction that only a kernel may execute",
}
"""Numbers of signals, and of the reasons in vmemcheck/shim/signals.c."""
_ALLOCATED, _FREED, _UNMAPPED, _SAMPLED, _REPEATED = 3, 5, 6, 20, 21
_WORD = (1 << 64) - 1
_WARNED, _STOPPED, _FAULTED, _TABLE_FREED, _DESTRUCTED = 16, 17, 15, 9, 11
_ALTMAP_GIVEN, _PGMAP_GIVEN = 18, 19
_MOVES = (_ALLOCATED, _FREED)
_LOCATED = frozenset((_FREED, _UNMAPPED, _TABLE_FREED, _DESTRUCTED, _FAULTED, _WARNED, _STOPPED))
_EVENT = struct.Struct("<QQqqqq")
_LONG = struct.Struct("<Q")
_NO_EVENTS = Events((), (), (), tuple)

_Entry = tuple[int, ...]
_Raw = list[tuple[_Entry, str]]


class EventDecoder:
    """Reads the events of one program.

    :param geometry: what the program was built for
    """

    def __init__(self, locator: Locator, geometry: Geometry) -> None:
        self._locator = locator
        self._geometry = geometry

    def decode(self, data: bytes, offset: int) -> tuple[Events, int]:
        """Return the events of one operation, and where they end."""
        (count,) = _LONG.unpack_from(data, offset)
        if not count:
            return _NO_EVENTS, offset + 8
        raw, offset = _raw_events(data, offset + 8, count)
        return self._events(raw), offset

    def _events(self, raw: _Raw) -> Events:
        others: _Raw = []
        moves: list[Move] = []
        unmapped: list[MappingRun] = []
        index = 0
        while index < len(raw):
            entry = raw[index][0]
            kind = entry[0]
            if kind == _REPEATED:
                period, times = 1 + (entry[1] & 1), entry[1] >> 1
                group = raw[index + 1 : index + 1 + period]
                if period == 2 and {group[0][0][0], group[1][0][0]} <= set(_MOVES):
                    for single, _ in _repeated(entry, group):
                        _take(single, 1, 0, moves, unmapped)
                else:
                    for number, (single, _) in enumerate(group):
                        pfn_step = entry[2 + 2 * number + (single[0] == _UNMAPPED)]
                        _take(single, times, pfn_step, moves, unmapped)
                index += 1 + period
                continue
            if kind == _UNMAPPED or kind in _MOVES:
                _take(entry, 1, 0, moves, unmapped)
            else:
                others.append(raw[index])
            index += 1
        found = tuple(self._made(others)) if others else ()
        return Events(found, tuple(moves), tuple(unmapped), lambda: self._made(list(_expanded(raw))))

    def _made(self, raw: _Raw) -> Iterator[Event]:
        self._locator.prepare(entry[1] for entry, _ in raw if entry[0] in _LOCATED)
        for number, (entry, text) in enumerate(raw):
            kind, at, a, b, c, d = entry
            match kind:
                case 1:
                    yield Call(CALLS[a], b, c, d)
                case 2:
                    where = self._locator.locate(at) if d < 0 else None
                    yield _section_call(entry, [other for other, _ in raw[number + 1 : number + 3]], where)
                case 3:
                    yield Allocated(_block(a, b, c))
                case 4:
                    yield AllocationFailed(a, owner_of(b))
                case 5:
                    yield Freed(_block(a, b, c), self._locator.locate(at), bool(d & 1), d >> 1)
                case 6:
                    mapped = Mappings((MappingRun(a, b, c, 1, 0),), self._geometry.page_bytes)
                    yield Unmapped(mapped[0], self._locator.locate(at))
                case 7:
                    yield AltmapReleased(AltmapState(a, b, c, d, _signed(at)))
                case 8:
                    yield TableLinked(self._table(b, c, a), d)
                case 9:
                    yield TableFreed(self._table(b, c, a), d, self._locator.locate(at))
                case 10:
                    yield Constructed(a)
                case 11:
                    yield Destructed(a, self._locator.locate(at))
                case 12:
                    yield TopLinked(max(a, 0), b)
                case 13:
                    yield Synced(max(a, 0), b)
                case 14:
                    yield Touched(a, b)
                case 22:
                    yield Unflushed(a, b)
                case 15:
                    yield Faulted(a, self._locator.locate(at))
                case 16 if b:
                    yield Stopped(text, self._locator.locate(at))
                case 16:
                    yield Warned(text, self._locator.locate(at))
                case 17:
                    yield Stopped(_STOPS[a].format(b & _WORD), self._stop(a, (at, c, d), raw))

    def _table(self, level: int, start: int, pfn: int) -> Table:
        return table_of(level, start, 1 << self._geometry.entry_shift(level + 1), pfn)

    def _stop(self, reason: int, places: tuple[int, ...], raw: _Raw) -> Location:
        """Return where the code stopped; for an endless loop, the function that was there all the time."""
        samples = [entry[1:6] for entry, _ in raw if entry[0] == _SAMPLED]
        if _STOPS[reason] is ENDLESS_LOOP:
            return self._locator.common(samples)
        return self._locator.nearest((*places, *itertools.chain.from_iterable(samples)))


def _take(entry: _Entry, times: int, pfn_step: int, moves: list[Move], unmapped: list[MappingRun]) -> None:
    kind, _, a, b, c, d = entry
    if kind == _UNMAPPED:
        unmapped.append(MappingRun(a, b, c, times, pfn_step))
    else:
        run = BlockRun(a, b, owner_of(c), times, pfn_step)
        # Lowest bit: unflushed; the others: the users.
        moves.append(Move(True, run, bool(d & 1), d >> 1) if kind == _FREED else Move(False, run))


def _raw_events(data: bytes, offset: int, count: int) -> tuple[_Raw, int]:
    if offset + count * _EVENT.size == len(data):
        # No event has a text.
        return [(entry, "") for entry in _EVENT.iter_unpack(data[offset:])], len(data)
    raw = []
    for _ in range(count):
        entry = _EVENT.unpack_from(data, offset)
        offset += _EVENT.size
        text = ""
        if entry[0] == _WARNED:
            (length,) = _LONG.unpack_from(data, offset)
            text = data[offset + 8 : offset + 8 + length].decode("utf-8", "replace").strip()
            offset += 8 + length
        raw.append((entry, text))
    return raw, offset


def _expanded(raw: _Raw) -> Iterator[tuple[_Entry, str]]:
    """Yield each event by itself."""
    index = 0
    while index < len(raw):
        entry = raw[index][0]
        if entry[0] == _REPEATED:
            period = 1 + (entry[1] & 1)
            yield from _repeated(entry, raw[index + 1 : index + 1 + period])
            index += 1 + period
        else:
            yield raw[index]
            index += 1


def _repeated(header: _Entry, group: _Raw) -> Iterator[tuple[_Entry, str]]:
    for number in range(header[1] >> 1):
        for place, ((kind, at, a, b, c, d), text) in enumerate(group):
            steps = header[2 + 2 * place], header[3 + 2 * place]
            yield (kind, at, a + number * steps[0], b, c + number * steps[1] * (kind == _UNMAPPED), d), text


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


def _section_call(entry: _Entry, following: list[_Entry], where: Location | None) -> SectionCall:
    _, _, a, b, c, d = entry
    altmap, pgmap = None, None
    for kind, at, one, two, three, four in following:
        if kind == _ALTMAP_GIVEN:
            altmap = AltmapState(one, two, three, four, at)
        elif kind == _PGMAP_GIVEN:
            pgmap = (one, two)
        else:
            break
    return SectionCall(SECTION_CALLS[a - len(CALLS)], b, c, d, altmap, pgmap, where)


@lru_cache(maxsize=65536)
def table_of(level: int, start: int, span: int, pfn: int) -> Table:
    """Return a page-table page for ``span`` bytes, which may begin before the vmemmap does."""
    return Table(level, max(start, 0), start + span, pfn)


@lru_cache(maxsize=1024)
def owner_of(number: int) -> Owner:
    """Return the owner that a program means: -1 and -2, or the first pfn of the range whose altmap it is."""
    return {-1: BUDDY, -2: BOOT}.get(number) or Owner(OwnerKind.ALTMAP, number)


@lru_cache(maxsize=65536)
def _block(pfn: int, order: int, owner: int) -> Block:
    return Block(pfn, order, owner_of(owner))
