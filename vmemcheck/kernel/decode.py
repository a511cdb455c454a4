# SPDX-License-Identifier: GPL-2.0-or-later
"""From the answer of a machine program to observations: plain data, the same as of any other machine."""

import struct
from collections.abc import Iterator
from functools import lru_cache

from vmemcheck.kernel.instrument import CALLS, SECTION_CALLS
from vmemcheck.kernel.locate import Locator
from vmemcheck.kernel.protocol import RECORD, Record, record
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
    Content,
    Destructed,
    Event,
    Extent,
    Faulted,
    Freed,
    LeafKind,
    Location,
    Mapping,
    Observation,
    Owner,
    OwnerKind,
    SectionCall,
    State,
    Stopped,
    Synced,
    Table,
    TableFreed,
    TableLinked,
    TopLinked,
    Touched,
    Unmapped,
    Warned,
)

_CONTENTS = (Content.STALE, Content.ZERO, Content.POISON, Content.UNUSED, Content.TABLE, Content.LIVE)
_COUNTERS = ("nr_memmap_pages", "nr_memmap_boot_pages")
ENDLESS_LOOP = "it ran for too long: an endless loop"
"""What ``Stopped`` says of it."""
_STOPS = {
    4: "it met an impossible instruction",
    8: "it divided by zero",
    27: ENDLESS_LOOP,
    31: "it made system call {} of the host",
    101: "it used up its stack: an endless recursion",
    102: "it used a NULL pointer (address {:#x})",
    103: "it used address {:#x}, where no memory is",
    104: "it used an address that cannot be, or an instruction that only a kernel may execute",
}
"""Numbers of signals, and of the reasons in vmemcheck/shim/signals.c."""
_WARNED, _STOPPED, _FAULTED, _ALTMAP_GIVEN, _PGMAP_GIVEN = 16, 17, 15, 18, 19
_UNMAPPED, _FREED, _TABLE_FREED = 6, 5, 9
_SAMPLED = 20
_WORD = (1 << 64) - 1
_EVENT = struct.Struct("<QQqqqq")
_LONG = struct.Struct("<Q")


class Decoder:
    """Reads the answers of one program.

    :param page_bytes: size of a base page
    """

    def __init__(self, locator: Locator, page_bytes: int) -> None:
        self._locator = locator
        self._page_bytes = page_bytes

    def observations(self, count: int, data: bytes) -> tuple[Observation, ...]:
        """Return what a request with details has brought."""
        found, offset = [], 0
        for _ in range(count):
            outcome = record(data, offset)
            observation, offset = self._observation(outcome, data, offset + RECORD.size)
            found.append(observation)
        return tuple(found)

    def _observation(self, outcome: Record, data: bytes, offset: int) -> tuple[Observation, int]:
        (count,) = _LONG.unpack_from(data, offset)
        raw, offset = _raw_events(data, offset + 8, count)
        self._locator.prepare(entry[1] for entry, _ in raw if entry[0] in _LOCATED)
        events = tuple(self._events(raw))
        state, offset = self._state(data, offset)
        pfns = range(outcome.start_pfn, outcome.start_pfn + outcome.nr_pages)
        return Observation(outcome.applied, pfns, outcome.returned, events, state), offset

    def _events(self, raw: "list[tuple[tuple[int, ...], str]]") -> Iterator[Event]:
        for number, (entry, text) in enumerate(raw):
            kind, at, a, b, c, d = entry
            match kind:
                case 1:
                    yield Call(CALLS[a], b, c, d)
                case 2:
                    yield _section_call(entry, [other for other, _ in raw[number + 1 : number + 3]])
                case 3:
                    yield Allocated(_block(a, b, c))
                case 4:
                    yield AllocationFailed(a, _owner(b))
                case 5:
                    yield Freed(_block(a, b, c), self._locator.locate(at))
                case 6:
                    yield Unmapped(self._mapping(a, b, c), self._locator.locate(at))
                case 7:
                    yield AltmapReleased(AltmapState(a, b, c, d, _signed(at)))
                case 8:
                    yield TableLinked(self._table(b, c, a), d)
                case 9:
                    yield TableFreed(self._table(b, c, a), d, self._locator.locate(at))
                case 10:
                    yield Constructed(a)
                case 11:
                    yield Destructed(a)
                case 12:
                    yield TopLinked(max(a, 0), b)
                case 13:
                    yield Synced(max(a, 0), b)
                case 14:
                    yield Touched(a, b)
                case 15:
                    yield Faulted(a, self._locator.locate(at))
                case 16 if b:
                    yield Stopped(text, self._locator.locate(at))
                case 16:
                    yield Warned(text, self._locator.locate(at))
                case 17:
                    yield Stopped(_STOPS[a].format(b & _WORD), self._stop(at, (c, d), raw))

    def _stop(self, at: int, callers: tuple[int, ...], raw: "list[tuple[tuple[int, ...], str]]") -> Location:
        """Return where the code stopped; for an endless loop, the function that was there all the time."""
        samples = [entry[1:6] for entry, _ in raw if entry[0] == _SAMPLED]
        return self._locator.common(samples) if samples else self._locator.nearest((at, *callers))

    def _state(self, data: bytes, offset: int) -> tuple[State, int]:
        present, offset = _rows(data, offset, "<qq")
        mappings, offset = _rows(data, offset, "<qqq")
        tables, offset = _rows(data, offset, "<qqqq")
        blocks, offset = _rows(data, offset, "<qqqq")
        extents, offset = _rows(data, offset, "<qqqq")
        live, offset = _rows(data, offset, "<qqqqqq")
        counters, offset = _rows(data, offset, "<q")
        page_bytes = self._page_bytes
        table_list = [Table(level, max(start, 0), start + size, pfn) for level, start, size, pfn in tables]
        state = State(
            present=_merged(present),
            mappings=tuple(_mapping(start, size, pfn, page_bytes) for start, size, pfn in mappings),
            tables=tuple(sorted(table_list, key=lambda table: (table.level, table.start))),
            blocks=tuple(sorted((_block(*row) for row in blocks), key=lambda block: block.pfn)),
            contents=tuple(Extent(start, end, _CONTENTS[kind], of) for start, end, kind, of in extents),
            altmaps=tuple(
                AltmapState(start, reserve, free, align, alloc)
                for start, has, reserve, free, align, alloc in sorted(live)
                if has
            ),
            counters=tuple((name, row[0]) for name, row in zip(_COUNTERS, counters, strict=True)),
        )
        return state, offset

    def _mapping(self, start: int, size: int, pfn: int) -> Mapping:
        return _mapping(start, size, pfn, self._page_bytes)

    def _table(self, level: int, start: int, pfn: int) -> Table:
        return Table(level, max(start, 0), max(start, 0), pfn)


_LOCATED = frozenset((5, 6, 9, 15, 16, 17))


def _raw_events(data: bytes, offset: int, count: int) -> "tuple[list[tuple[tuple[int, ...], str]], int]":
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


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


def _section_call(entry: tuple[int, ...], following: list[tuple[int, ...]]) -> SectionCall:
    _, _, a, b, c, d = entry
    altmap, pgmap = None, None
    for kind, at, one, two, three, four in following:
        if kind == _ALTMAP_GIVEN:
            altmap = AltmapState(one, two, three, four, at)
        elif kind == _PGMAP_GIVEN:
            pgmap = (one, two)
        else:
            break
    return SectionCall(SECTION_CALLS[a - len(CALLS)], b, c, d, altmap, pgmap)


def _rows(data: bytes, offset: int, row: str) -> tuple[list[tuple[int, ...]], int]:
    (count,) = _LONG.unpack_from(data, offset)
    size = struct.calcsize(row) * count
    return list(struct.iter_unpack(row, data[offset + 8 : offset + 8 + size])), offset + 8 + size


def _merged(spans: list[tuple[int, ...]]) -> tuple[range, ...]:
    merged: list[range] = []
    for start, end in spans:
        if merged and merged[-1].stop == start:
            merged[-1] = range(merged[-1].start, end)
        else:
            merged.append(range(start, end))
    return tuple(merged)


@lru_cache(maxsize=65536)
def _mapping(start: int, size: int, pfn: int, page_bytes: int) -> Mapping:
    return Mapping(start, start + size, LeafKind.PTE if size == page_bytes else LeafKind.PMD, pfn)


@lru_cache(maxsize=1024)
def _owner(number: int) -> Owner:
    return {-1: BUDDY, -2: BOOT}.get(number) or Owner(OwnerKind.ALTMAP, number)


@lru_cache(maxsize=65536)
def _block(pfn: int, order: int, owner: int, was_table: int = 0) -> Block:
    return Block(pfn, order, _owner(owner), bool(was_table))
