# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of entries that a machine may report as runs: each behaves as the tuple of its entries.

A kernel maps hundreds of pages side by side. A run says so in one tuple, what looks at all of them can work on runs,
and single entries are made only where someone asks for one. Nothing is lost: the entries of the runs are the entries.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar, overload

from vmemcheck.intervals import Intervals, total, union
from vmemcheck.observation import (
    Allocated,
    Block,
    Content,
    Event,
    Extent,
    Freed,
    LeafKind,
    Mapping,
    Owner,
    OwnerKind,
    Unmapped,
)
from vmemcheck.once import Asked, Once

Item = TypeVar("Item")


class MappingRun(NamedTuple):
    """Leaf entries side by side: entry ``i`` maps ``size`` bytes from ``start + i * size`` to ``pfn + i * pfn_step``.

    A named tuple, since hundreds are made in a millisecond; as immutable as a frozen dataclass.
    """

    start: int
    size: int
    pfn: int
    nr: int
    pfn_step: int

    @property
    def span(self) -> range:
        """The vmemmap bytes, ``[start, end)``."""
        return range(self.start, self.start + self.size * self.nr)

    def pages(self, page_bytes: int) -> Iterator[range]:
        """Yield the pages that it leads to, in as few ranges as are easily told."""
        pages = self.size // page_bytes
        if self.nr == 1 or self.pfn_step == 0:
            yield range(self.pfn, self.pfn + pages)
        elif self.pfn_step == pages:
            yield range(self.pfn, self.pfn + self.nr * pages)
        elif self.pfn_step == -pages:
            yield range(self.pfn - (self.nr - 1) * pages, self.pfn + pages)
        else:
            for index in range(self.nr):
                yield range(self.pfn + index * self.pfn_step, self.pfn + index * self.pfn_step + pages)


class BlockRun(NamedTuple):
    """Blocks of one order and owner: block ``i`` is at ``pfn + i * pfn_step``; all are or were tables, or none."""

    pfn: int
    order: int
    owner: Owner
    nr: int
    pfn_step: int
    is_table: bool = False

    @property
    def pages(self) -> range | None:
        """The pages, ``[start, end)``, where the blocks lie side by side on multiples of their size; else None."""
        size = 1 << self.order
        if self.pfn & (size - 1):
            return None
        if self.pfn_step == size or self.nr == 1:
            return range(self.pfn, self.pfn + self.nr * size)
        if self.pfn_step == -size:
            return range(self.pfn - (self.nr - 1) * size, self.pfn + size)
        return None

    @property
    def spans(self) -> tuple[range, ...] | None:
        """The pages in as few ranges as are easily told, in order; None where a block is on no multiple of its size."""
        pages = self.pages
        if pages is not None:
            return (pages,)
        size = 1 << self.order
        if (self.pfn | self.pfn_step) & (size - 1) or not self.pfn_step:
            return None
        return tuple(
            range(pfn, pfn + size) for pfn in range(self.pfn, self.pfn + self.nr * self.pfn_step, self.pfn_step)
        )

    @property
    def key(self) -> tuple[int, Owner]:
        """What a block must be freed with: its order and owner. Boot memory may be given back page by page."""
        return (0 if self.owner.kind is OwnerKind.BOOT else self.order), self.owner

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks."""
        for index in range(self.nr):
            yield Block(self.pfn + index * self.pfn_step, self.order, self.owner, self.is_table)


class Move(NamedTuple):
    """Blocks that were handed out or given back one after the other.

    :param unflushed: as of ``Freed``
    :param users: as of ``Freed``, of each of them
    """

    is_freed: bool
    blocks: BlockRun
    unflushed: bool = False
    users: int = 0


class Entries(Asked, Sequence[Item]):
    """A sequence that equals the tuple of its entries, which are made when one is asked for."""

    @abstractmethod
    def _expand(self) -> Iterable[Item]:
        """Make the entries."""

    @Once
    def items(self) -> tuple[Item, ...]:
        """The entries."""
        return tuple(self._expand())

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, index: int | slice) -> Item | tuple[Item, ...]:
        return self.items[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Entries):
            return self.items == other.items
        return self.items == other

    def __hash__(self) -> int:
        return hash(self.items)

    def __repr__(self) -> str:
        return repr(self.items)

    def __reduce__(self) -> tuple[type, tuple[tuple[Item, ...]]]:
        # Another process gets the entries: what makes them may lead to a program of this one.
        return tuple, (self.items,)


class Mappings(Entries[Mapping]):
    """Leaf entries in ascending order.

    :param page_bytes: size of a base page: what a PTE page maps
    """

    def __init__(self, runs: tuple[MappingRun, ...], page_bytes: int) -> None:
        super().__init__()
        self.runs = runs
        self.page_bytes = page_bytes

    @classmethod
    def of(cls, mappings: Sequence[Mapping], page_bytes: int) -> "Mappings":
        """Return entries as runs."""
        if isinstance(mappings, Mappings):
            return mappings
        runs: list[MappingRun] = []
        for index, one in enumerate(mappings):
            size, last = one.end - one.start, runs[-1] if runs else None
            if last and last.size == size and last.start + last.nr * size == one.start:
                step = one.pfn - last.pfn if last.nr == 1 else last.pfn_step
                # What shares a page stays together.
                shared = step and index + 1 < len(mappings) and mappings[index + 1].pfn == one.pfn
                if last.pfn + last.nr * step == one.pfn and not shared:
                    runs[-1] = MappingRun(last.start, size, last.pfn, last.nr + 1, step)
                    continue
            runs.append(MappingRun(one.start, size, one.pfn, 1, 0))
        return cls(tuple(runs), page_bytes)

    @Once
    def spans(self) -> Intervals:
        """All that is mapped."""
        return union([run.span for run in self.runs])

    @Once
    def leaves(self) -> tuple[MappingRun, ...]:
        """The runs of PMD leaves."""
        return tuple(run for run in self.runs if run.size != self.page_bytes)

    @Once
    def base_pages(self) -> Intervals:
        """The pages that PTEs lead to."""
        size = self.page_bytes
        return union([pages for run in self.runs if run.size == size for pages in run.pages(size)])

    @Once
    def pages(self) -> Intervals:
        """The pages that entries lead to."""
        leaves = self.leaves
        return union([*self.base_pages, *(pages for run in leaves for pages in run.pages(self.page_bytes))])

    @Once
    def shared(self) -> tuple[range, ...] | None:
        """Where the entries of a run lead to one page; None where pages are mapped twice in another way too."""
        shared = [run for run in self.runs if run.nr > 1 and run.pfn_step == 0]
        once = sum([run.size * run.nr for run in self.runs]) - sum([run.size * (run.nr - 1) for run in shared])
        return tuple(run.span for run in shared) if total(self.pages) * self.page_bytes == once else None

    def of_run(self, run: MappingRun) -> Iterator[Mapping]:
        """Yield the entries of one run."""
        start, size, pfn, count, step = run
        kind = LeafKind.PTE if size == self.page_bytes else LeafKind.PMD
        for index in range(count):
            yield Mapping(start + index * size, start + (index + 1) * size, kind, pfn + index * step)

    def __len__(self) -> int:
        return sum(run.nr for run in self.runs)

    def __eq__(self, other: object) -> bool:
        # The same entries make the same runs, whoever made them; see of().
        return self.runs == other.runs if isinstance(other, Mappings) else super().__eq__(other)

    __hash__ = Entries.__hash__

    def _expand(self) -> Iterator[Mapping]:
        for run in self.runs:
            yield from self.of_run(run)


class Blocks(Entries[Block]):
    """Blocks by pfn."""

    def __init__(self, runs: tuple[BlockRun, ...]) -> None:
        super().__init__()
        self.runs = runs

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> "Blocks":
        """Return entries as runs."""
        if isinstance(blocks, Blocks):
            return blocks
        runs: list[BlockRun] = []
        for one in blocks:
            size, last = 1 << one.order, runs[-1] if runs else None
            kind = one.order, one.owner, one.is_table
            if last and (last.order, last.owner, last.is_table) == kind and last.pfn + last.nr * size == one.pfn:
                runs[-1] = BlockRun(last.pfn, last.order, last.owner, last.nr + 1, last.pfn_step, last.is_table)
            else:
                runs.append(BlockRun(one.pfn, one.order, one.owner, 1, size, one.is_table))
        return cls(tuple(runs))

    @Once
    def are_apart(self) -> bool:
        """Whether each block is on a multiple of its size, and none overlaps another."""
        end = None
        for run in self.runs:
            pages = run.pages
            if pages is None or (end is not None and pages.start < end):
                return False
            end = pages.stop
        return True

    @Once
    def held(self) -> dict[tuple[int, Owner], Intervals]:
        """The pages of the blocks by what they must be freed with; complete where the blocks are apart."""
        spans: dict[tuple[int, Owner], list[range]] = {}
        for run in self.runs:
            spans.setdefault(run.key, []).append(run.pages or range(0))
        return {key: union(found) for key, found in spans.items()}

    @Once
    def pages(self) -> Intervals:
        """The pages of the blocks; complete where the blocks are apart."""
        return union([run.pages or range(0) for run in self.runs])

    @Once
    def common(self) -> Intervals:
        """The pages of the blocks that may back any memmap, as those of an altmap may not; as of ``pages``."""
        return union([run.pages or range(0) for run in self.runs if run.owner.kind is not OwnerKind.ALTMAP])

    def __len__(self) -> int:
        return sum(run.nr for run in self.runs)

    def __eq__(self, other: object) -> bool:
        # Runs tell tables apart, which is no part of what a block is.
        return (isinstance(other, Blocks) and self.runs == other.runs) or super().__eq__(other)

    __hash__ = Entries.__hash__

    def _expand(self) -> Iterator[Block]:
        return (block for run in self.runs for block in run.blocks())


class ContentRun(NamedTuple):
    """Stretches of one size and content side by side, ``[start, end)`` the first; ``of`` is the same for each."""

    start: int
    end: int
    content: Content
    of: int
    nr: int


class Contents(Entries[Extent]):
    """Contents of all that is mapped, ascending."""

    def __init__(self, runs: tuple[ContentRun, ...]) -> None:
        super().__init__()
        self.runs = runs

    @classmethod
    def of(cls, contents: Sequence[Extent]) -> "Contents":
        """Return entries as runs."""
        if isinstance(contents, Contents):
            return contents
        return cls(tuple(ContentRun(one.start, one.end, one.content, one.of, 1) for one in contents))

    def _expand(self) -> Iterator[Extent]:
        for start, end, content, of, count in self.runs:
            for first in range(start, start + count * (end - start), end - start):
                yield Extent(first, first + end - start, content, of)


class Events(Entries[Event]):
    """What happened, in order.

    :param others: all but Allocated, Freed and Unmapped, in order
    :param moves: Allocated and Freed, in order
    :param unmapped: Unmapped, in order; the runs ascend
    :param make: makes the events
    """

    def __init__(
        self,
        others: tuple[Event, ...],
        moves: tuple[Move, ...],
        unmapped: tuple[MappingRun, ...],
        make: Callable[[], Iterable[Event]],
    ) -> None:
        super().__init__()
        self._make = make
        self.others = others
        self.moves = moves
        self.unmapped = unmapped

    def _expand(self) -> Iterable[Event]:
        return self._make()

    @classmethod
    def of(cls, events: Sequence[Event]) -> "Events":
        """Return events, sorted by what they are about."""
        if isinstance(events, Events):
            return events
        others: list[Event] = []
        moves: list[Move] = []
        unmapped: list[MappingRun] = []
        for one in events:
            if isinstance(one, Allocated | Freed):
                block = one.block
                run = BlockRun(block.pfn, block.order, block.owner, 1, 0)
                freed = one if isinstance(one, Freed) else None
                moves.append(Move(True, run, freed.unflushed, freed.users) if freed else Move(False, run))
            elif isinstance(one, Unmapped):
                mapping = one.mapping
                unmapped.append(MappingRun(mapping.start, mapping.end - mapping.start, mapping.pfn, 1, 0))
            else:
                others.append(one)
        return cls(tuple(others), tuple(moves), tuple(unmapped), lambda: events)
