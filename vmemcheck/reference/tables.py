# SPDX-License-Identifier: GPL-2.0-or-later
"""Page tables of any number of levels, their memory, and the accesses through them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from vmemcheck.geometry import PMD_LEVEL, Geometry
from vmemcheck.observation import (
    Constructed,
    Content,
    Destructed,
    Extent,
    Faulted,
    LeafKind,
    Location,
    Mapping,
    Synced,
    Table,
    TableFreed,
    TableLinked,
    TopLinked,
    Touched,
    Unmapped,
)
from vmemcheck.reference.ledger import Ledger

FILE = "vmemcheck/reference/tables.py"
_PTE_BYTES = 8


class PageFaultError(Exception):
    """An access to an unmapped address; never leaves the reference machine."""


@dataclass(slots=True)
class Node:
    """A page-table page; ``entries`` holds leaf pfns and lower tables by the start of what they cover."""

    level: int
    start: int
    pfn: int
    entries: "dict[int, int | Node]" = field(default_factory=dict)


class PageTables:
    """The tables that map the vmemmap; the top one is always there."""

    def __init__(self, geometry: Geometry, ledger: Ledger) -> None:
        self.geometry = geometry
        self.ledger = ledger
        self.constructed: set[int] = set()
        self._snapshot: tuple[Mapping, ...] | None = None
        self._recent: Node | None = None
        self._masks = [-1 << geometry.entry_shift(level) for level in range(geometry.levels)]
        self.top = Node(geometry.levels - 1, 0, -1)

    def leaf(self, address: int) -> Mapping | None:
        """Return the leaf entry that maps ``address``."""
        node = self._lowest(address)
        pfn = node.entries.get(address & self._masks[node.level])
        if pfn is None:
            return None
        assert not isinstance(pfn, Node)
        return self._mapping(node.level, address & self._masks[node.level], pfn)

    def has_table(self, address: int) -> bool:
        """Return whether a table of PTEs covers ``address``."""
        return self.path(address)[-1].level == 0

    def map(self, level: int, address: int, pfn: int) -> None:
        """Enter a leaf at ``level``, creating the tables above it.

        :raises OutOfMemoryError: when a table cannot be allocated
        """
        node = self._lowest(address)
        while node.level > level:
            node = self.link_table(node, address)
        node.entries[address & self._masks[level]] = pfn
        self._note_entries(node)

    def link_table(self, above: Node, address: int) -> Node:
        """Allocate a table and enter it into the one above."""
        pfn = self.ledger.allocate(0)
        self.clear_table(pfn)
        window = self.geometry.window(above.level, address)
        node = Node(above.level - 1, window.start, pfn)
        self.construct(pfn)
        stale = sum(
            (run.end - run.start) // _PTE_BYTES
            for run in self.ledger.contents(pfn).read(0, self.geometry.page_bytes)
            if run.content is not Content.ZERO
        )
        self.ledger.events.append(TableLinked(_table(self.geometry, node), stale))
        above.entries[window.start] = node
        self._note_entries(above)
        if above is self.top:
            self.ledger.events.append(TopLinked(window.start, window.stop))
            self.synchronise(window)
        return node

    def clear_table(self, pfn: int) -> None:
        """Make a new table read as none."""
        self.ledger.contents(pfn).write(0, self.geometry.page_bytes, Content.ZERO)

    def construct(self, pfn: int) -> None:
        """Run the constructor of a table."""
        self.constructed.add(pfn)
        self.ledger.events.append(Constructed(pfn))

    def destruct(self, pfn: int) -> None:
        """Run the destructor of a table."""
        self.constructed.discard(pfn)
        self.ledger.events.append(Destructed(pfn))

    def synchronise(self, window: range) -> None:
        """Copy a new top-level entry to every page-table root."""
        self.ledger.events.append(Synced(window.start, window.stop))

    def unmap(self, address: int, function: str) -> None:
        """Clear the leaf entry that maps ``address``, for ``function``."""
        mapping = self.leaf(address)
        if mapping:
            node = self._lowest(address)
            del node.entries[mapping.start]
            self._note_entries(node)
            self.ledger.events.append(Unmapped(mapping, Location("vmemcheck/reference/vmemmap.py", 0, function)))

    def prune(self, address: int) -> None:
        """Free the tables on the way to ``address`` that hold no entry, from the bottom up."""
        path = self.path(address)
        while len(path) > 1 and self.is_empty(path[-1]):
            self.free_table(path[-2], path.pop())

    def is_empty(self, node: Node) -> bool:
        """Return whether a table may be freed."""
        return not node.entries

    def free_table(self, above: Node, node: Node) -> None:
        """Take a table out of the one above and give its page back."""
        where = Location(FILE, 0, "free_table")
        self._recent = None
        del above.entries[node.start]
        self._note_entries(above)
        self.ledger.events.append(TableFreed(_table(self.geometry, node), len(node.entries), where))
        self.destruct(node.pfn)
        self.ledger.free(node.pfn, where)

    def write(self, span: range, content: Content, function: str) -> None:
        """Write ``content`` over vmemmap ``span`` through its mappings.

        :raises PageFaultError: at the first address that is not mapped
        """
        self.ledger.events.append(Touched(span.start, span.stop))
        address = span.start
        while address < span.stop:
            mapping = self.leaf(address)
            if mapping is None:
                self.ledger.events.append(Faulted(address, Location("vmemcheck/reference/machine.py", 0, function)))
                raise PageFaultError
            end = min(mapping.end, span.stop)
            shift = mapping.start if content is Content.LIVE else 0
            self.ledger.contents(mapping.pfn).write(address - mapping.start, end - mapping.start, content, shift)
            address = end

    def mappings(self) -> tuple[Mapping, ...]:
        """Return all leaf entries in ascending order."""
        if self._snapshot is None:
            self._snapshot = tuple(self._mappings(self.top))
        return self._snapshot

    def tables(self) -> Iterator[Table]:
        """Yield the tables below the top one, by level and start."""
        found = sorted(self._nodes(self.top), key=lambda node: (node.level, node.start))
        return (_table(self.geometry, node) for node in found)

    def extents(self) -> Iterator[Extent]:
        """Yield the contents of all that is mapped, in ascending order, merged."""
        start, end, content, of = 0, 0, Content.ZERO, 0
        for mapping in self.mappings():
            for first, last, found, shift in self.ledger.contents(mapping.pfn).read(0, mapping.end - mapping.start):
                at, of_here = mapping.start + first, shift + first if found is Content.LIVE else 0
                is_same = end == at and found is content
                if not is_same or (found is Content.LIVE and of_here - at != of - start):
                    if start < end:
                        yield Extent(start, end, content, of)
                    start, content, of = at, found, of_here
                end = mapping.start + last
        if start < end:
            yield Extent(start, end, content, of)

    def path(self, address: int) -> list[Node]:
        """Return the tables on the way to ``address``, top first."""
        path = [self.top]
        while True:
            entry = path[-1].entries.get(address & self._masks[path[-1].level])
            if not isinstance(entry, Node):
                return path
            path.append(entry)

    def _lowest(self, address: int) -> Node:
        """Return the lowest table on the way to ``address``; the last table of PTEs is remembered."""
        recent = self._recent
        if recent is not None and recent.start == address & self._masks[recent.level + 1]:
            return recent
        node = self.path(address)[-1]
        self._recent = node if node.level == 0 else None
        return node

    def _note_entries(self, node: Node) -> None:
        """Keep the memory of a table in step with its entries: none reads as zero."""
        self._snapshot = None
        if node is not self.top:
            content = Content.TABLE if node.entries else Content.ZERO
            self.ledger.contents(node.pfn).write(0, self.geometry.page_bytes, content)

    def _mappings(self, node: Node) -> Iterator[Mapping]:
        for start in sorted(node.entries):
            entry = node.entries[start]
            if isinstance(entry, Node):
                yield from self._mappings(entry)
            else:
                yield self._mapping(node.level, start, entry)

    def _mapping(self, level: int, start: int, pfn: int) -> Mapping:
        kind = LeafKind.PMD if level == PMD_LEVEL else LeafKind.PTE
        return Mapping(start, start - self._masks[level], kind, pfn)

    def _nodes(self, node: Node) -> Iterator[Node]:
        for entry in node.entries.values():
            if isinstance(entry, Node):
                yield entry
                yield from self._nodes(entry)


def _table(geometry: Geometry, node: Node) -> Table:
    return Table(node.level, node.start, geometry.window(node.level + 1, node.start).stop, node.pfn)
