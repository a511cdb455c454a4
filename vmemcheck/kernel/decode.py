# SPDX-License-Identifier: GPL-2.0-or-later
"""From the answer of a machine program to observations: plain data, the same as of any other machine.

What was read before is not read again, neither a state nor a part of one: most operations change a few parts only.
What happened is in ``vmemcheck.kernel.decode_events``.
"""

import struct
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from vmemcheck.entries import BlockRun, Blocks, ContentRun, Contents, Events, MappingRun, Mappings
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.decode_events import EventDecoder, owner_of, table_of
from vmemcheck.kernel.locate import Locator
from vmemcheck.kernel.protocol import RECORD, SIZES, SUCCESSOR, record
from vmemcheck.machine import Successor
from vmemcheck.observation import DIRECT_MAP, USAGE_MAPS, AltmapState, Content, Observation, State, Table

_CONTENTS = (Content.STALE, Content.ZERO, Content.POISON, Content.UNUSED, Content.TABLE, Content.LIVE)
_COUNTERS = ("nr_memmap_pages", "nr_memmap_boot_pages", USAGE_MAPS, DIRECT_MAP)
_MOST_BYTES = 4 << 20
"""What was decoded takes ten times as much."""
Rows = list[tuple[int, ...]]
Decoded = TypeVar("Decoded")
_LONG = struct.Struct("<Q")
_ROWS = {words: struct.Struct(f"<{words}q") for words in (1, 2, 4, 5)}


class Remembered(Generic[Decoded]):
    """What was decoded before, by its bytes: the same bytes are the same object. Forgets all when it is full."""

    def __init__(self, decode: Callable[[bytes], Decoded]) -> None:
        self._decode = decode
        self._found: dict[bytes, Decoded] = {}
        self._bytes = 0

    def of(self, data: bytes) -> Decoded:
        """Return what the bytes mean."""
        found = self._found.get(data)
        if found is None:
            if self._bytes > _MOST_BYTES:
                self._found.clear()
                self._bytes = 0
            found = self._found[data] = self._decode(data)
            self._bytes += len(data)
        return found


class Decoder:
    """Reads the answers of one program.

    :param geometry: what the program was built for
    :param counts: the tree keeps statistics of memmap pages; else they are left out
    """

    def __init__(self, locator: Locator, geometry: Geometry, *, counts: bool = True) -> None:
        self._counters = _COUNTERS if counts else (None, None, USAGE_MAPS, DIRECT_MAP)
        self._locator = locator
        self._decoder = EventDecoder(locator, geometry)
        self._page_bytes = geometry.page_bytes
        self._events: Remembered[Events] = Remembered(lambda data: self._decoder.decode(data, 0)[0])
        self._states: Remembered[State] = Remembered(self._state)
        # In the order in which they come: the words of a row, and what the rows mean.
        parts: tuple[tuple[int, Callable[[Rows], Any]], ...] = (
            (2, _merged),
            (5, self._mappings),
            (4, _tables),
            (5, _blocks),
            (5, _contents),
            (5, _altmaps),
            (1, self._named),
        )
        self._parts = [(8 * words, _remembered(words, meaning)) for words, meaning in parts]

    def observations(self, count: int, data: bytes) -> tuple[Observation, ...]:
        """Return what a request with details has brought."""
        found, offset = [], 0
        for _ in range(count):
            observation, offset = self._observation(data, offset, offset + RECORD.size)
            found.append(observation)
        return tuple(found)

    def successors(self, count: int, data: bytes, *, details: bool) -> tuple[Successor, ...]:
        """Return what the alternatives of an exploration have brought."""
        found, offset = [], 0
        for _ in range(count):
            at, outcome = offset, record(data, offset)
            *_, events, read_at = SUCCESSOR.unpack_from(data, offset)
            offset += SUCCESSOR.size
            observation = None
            if details:
                observation, offset = self._observation(data, at, offset)
            left_over = self._place(read_at) if read_at else ""
            found.append(
                Successor(outcome.returned, outcome.stopped, not events, outcome.digest, left_over, observation)
            )
        return tuple(found)

    def _place(self, address: int) -> str:
        where = self._locator.locate(address)
        return f"{where.file}: {where.function}()"

    def _observation(self, data: bytes, at: int, offset: int) -> tuple[Observation, int]:
        """Read the outcome of an operation and the details behind it; return where they end.

        :param at: where the outcome is
        :param offset: where the details are
        """
        applied, start_pfn, nr_pages, returned, _, _ = RECORD.unpack_from(data, at)
        events_bytes, state_bytes = SIZES.unpack_from(data, offset)
        start = offset + SIZES.size
        middle = start + events_bytes
        end = middle + state_bytes
        events, state = self._events.of(data[start:middle]), self._states.of(data[middle:end])
        return Observation(bool(applied), range(start_pfn, start_pfn + nr_pages), returned, events, state), end

    def _state(self, data: bytes) -> State:
        found, offset = [], 0
        for row_bytes, remembered in self._parts:
            (count,) = _LONG.unpack_from(data, offset)
            start, offset = offset + _LONG.size, offset + _LONG.size + row_bytes * count
            found.append(remembered.of(data[start:offset]))
        present, mappings, tables, blocks, contents, altmaps, counters = found
        return State(present, mappings, tables, blocks, contents, altmaps, counters=counters)

    def _mappings(self, rows: Rows) -> Mappings:
        return Mappings(tuple(map(MappingRun._make, rows)), self._page_bytes)

    def _named(self, rows: Rows) -> tuple[tuple[str, int], ...]:
        return tuple(
            (name, row[0])
            for name, row in zip(self._counters, rows, strict=True)
            if name and (row[0] or name is not DIRECT_MAP)  # where there is no direct map, nobody counts it
        )


def _remembered(words: int, meaning: Callable[[Rows], Decoded]) -> Remembered[Decoded]:
    rows = _ROWS[words]
    return Remembered(lambda data: meaning(list(rows.iter_unpack(data))))


def _merged(spans: Rows) -> tuple[range, ...]:
    merged: list[range] = []
    for start, end in spans:
        if merged and merged[-1].stop == start:
            merged[-1] = range(merged[-1].start, end)
        else:
            merged.append(range(start, end))
    return tuple(merged)


def _tables(rows: Rows) -> tuple[Table, ...]:
    return tuple(table_of(*row) for row in sorted(rows))


def _contents(rows: Rows) -> Contents:
    return Contents(tuple(ContentRun(start, end, _CONTENTS[kind], of, nr) for start, end, kind, of, nr in rows))


def _altmaps(rows: Rows) -> tuple[AltmapState, ...]:
    return tuple(AltmapState(*row) for row in sorted(rows))


def _blocks(rows: Rows) -> Blocks:
    """Return the blocks in order of their pfns; those of altmaps come in the order in which they were given."""
    rows.sort()
    blocks = Blocks(
        tuple(
            BlockRun(pfn, order, owner_of(owner), nr, 1 << order, bool(was_table))
            for pfn, order, owner, nr, was_table in rows
        )
    )
    return blocks if blocks.are_apart else Blocks.of(sorted(blocks, key=lambda block: block.pfn))
