# SPDX-License-Identifier: GPL-2.0-or-later
"""Populate and free: PMD leaves for whole sections, base pages otherwise, tracking of partly used leaves.

Whole pages only. Which pages belong to a pfn range, and to nobody else, is
decided in ``vmemcheck.reference.machine``.
"""

from vmemcheck.geometry import PMD_LEVEL, PTE_LEVEL, Geometry
from vmemcheck.model import COMPOUND_RESERVED_PAGES
from vmemcheck.observation import BUDDY, Call, Content, LeafKind, Location, Mapping, Owner
from vmemcheck.reference.ledger import Ledger, OutOfMemoryError
from vmemcheck.reference.tables import PageTables

FILE = "vmemcheck/reference/vmemmap.py"


class Vmemmap:
    """The populated part of the vmemmap."""

    def __init__(self, geometry: Geometry, ledger: Ledger, tables: PageTables) -> None:
        self.geometry = geometry
        self.ledger = ledger
        self.tables = tables
        self.populated_pages = 0
        # Marking the unused rest of a leaf is put off as long as ranges are added upwards: [unused.start, unused.stop)
        # is unused but does not say so. The kernel has the same (unused_pmd_start on x86 and s390).
        self.unused = range(0)

    def populate(self, span: range, owner: Owner, own: range, *, leaves: bool) -> None:
        """Map all pages of ``span``.

        :param span: whole pages, ``[start, end)``
        :param owner: where the memory comes from
        :param own: the memmap for which this is done; pages that reach beyond it are not taken from an altmap
        :param leaves: a whole section is added, so PMD leaves may be used
        :raises OutOfMemoryError: half-way; the caller frees ``span``
        """
        self.ledger.events.append(Call("vmemmap_populate", span.start, span.stop))
        for window in self.geometry.windows(PMD_LEVEL, span):
            part = range(max(window.start, span.start), min(window.stop, span.stop))
            mapping = self.tables.leaf(window.start)
            if mapping and mapping.kind is LeafKind.PMD:
                self.use_part(mapping, part)
            elif not (leaves and self._populate_leaf(window, part, self._owner_of(window, owner, own))):
                for page in self.geometry.windows(PTE_LEVEL, part):
                    self.populate_page(page, self._owner_of(page, owner, own))

    def populate_compound(self, span: range, vmemmap_shift: int) -> None:
        """Map the memmap of compound pages: the tail pages of each share their vmemmap pages.

        :raises OutOfMemoryError: half-way; the caller frees ``span``
        """
        self.ledger.events.append(Call("vmemmap_populate", span.start, span.stop))
        compound_bytes = self.geometry.struct_page_bytes << vmemmap_shift
        # A span may start within a compound page: what is before it was mapped by the same add.
        previous_pfn = self._pfn_before(span.start)
        for page in self.geometry.windows(PTE_LEVEL, span):
            number = (page.start - self.geometry.vmemmap_base) % compound_bytes // self.geometry.page_bytes
            if self.shares_tail(number) and previous_pfn >= 0:
                self.tables.map(PTE_LEVEL, page.start, previous_pfn)
                self.ledger.share(previous_pfn)
            else:
                previous_pfn = self.populate_page(page, BUDDY)

    def shares_tail(self, number: int) -> bool:
        """Return whether vmemmap page ``number`` of a compound page is one of the shared ones."""
        return number >= COMPOUND_RESERVED_PAGES

    def can_share(self, span: range, vmemmap_shift: int) -> bool:
        """Return whether the memmap of ``span`` may be populated as that of compound pages."""
        size = self.geometry.struct_page_bytes
        whole = (size << vmemmap_shift) > COMPOUND_RESERVED_PAGES * self.geometry.page_bytes and size & (size - 1) == 0
        leaves = (self.tables.leaf(window.start) for window in self.geometry.windows(PMD_LEVEL, span))
        return bool(vmemmap_shift) and whole and not any(leaf and leaf.kind is LeafKind.PMD for leaf in leaves)

    def free(self, span: range) -> None:
        """Unmap all pages of ``span`` that are mapped, and give back what nobody uses any more."""
        self.ledger.events.append(Call("vmemmap_free", span.start, span.stop))
        for window in self.geometry.windows(PMD_LEVEL, span):
            part = range(max(window.start, span.start), min(window.stop, span.stop))
            mapping = self.tables.leaf(window.start)
            if mapping and mapping.kind is LeafKind.PMD:
                if part == window or self.unuse_part(mapping, part):
                    self.free_mapping(mapping)
            else:
                for page in self.geometry.windows(PTE_LEVEL, part):
                    mapping = self.tables.leaf(page.start)
                    if mapping:
                        self.free_mapping(mapping)
            self.tables.prune(window.start)

    def populate_page(self, page: range, owner: Owner) -> int:
        """Map one base page; return the pfn that backs it."""
        pfn = self.ledger.allocate(0, owner)
        try:
            self.tables.map(PTE_LEVEL, page.start, pfn)
        except OutOfMemoryError:
            self.ledger.free(pfn, Location(FILE, 0, "populate_page"))
            raise
        self.count(1)
        return pfn

    def free_mapping(self, mapping: Mapping) -> None:
        """Clear a leaf entry and give its memory back."""
        self.tables.unmap(mapping.start, "free_mapping")
        if self.unused and mapping.start <= self.unused.start < mapping.end:
            self.unused = range(0)
        freed = mapping.pfn in self.ledger.blocks
        self.free_memory(mapping)
        if freed and mapping.pfn not in self.ledger.blocks:
            self.count(-((mapping.end - mapping.start) // self.geometry.page_bytes))

    def free_memory(self, mapping: Mapping) -> None:
        """Give back what a leaf entry was backed by."""
        self.ledger.free(mapping.pfn, Location(FILE, 0, "free_mapping"))

    def count(self, pages: int) -> None:
        """Keep the statistics."""
        self.populated_pages += pages

    def use_part(self, mapping: Mapping, part: range) -> None:
        """Take ``part`` of a leaf that others use too."""
        if part.start == self.unused.start and self.unused:
            self.unused = range(part.stop, self.unused.stop)
        else:
            self.flush_unused()
        self.mark(mapping, part, Content.ZERO)

    def use_new_leaf(self, mapping: Mapping, part: range) -> None:
        """Take ``part`` of a new leaf; the rest is unused."""
        self.flush_unused()
        self.mark(mapping, part, Content.ZERO)
        self.mark(mapping, range(mapping.start, part.start), Content.UNUSED)
        self.unused = range(part.stop, mapping.end)

    def unuse_part(self, mapping: Mapping, part: range) -> bool:
        """Leave ``part`` of a leaf; return whether nobody uses the leaf any more."""
        self.flush_unused()
        self.mark(mapping, part, Content.UNUSED)
        return self.ledger.contents(mapping.pfn).holds_only(Content.UNUSED)

    def flush_unused(self) -> None:
        """Mark what is known to be unused."""
        if self.unused:
            mapping = self.tables.leaf(self.unused.start)
            assert mapping is not None
            self.mark(mapping, self.unused, Content.UNUSED)
            self.unused = range(0)

    def mark(self, mapping: Mapping, part: range, content: Content) -> None:
        """Write ``content`` over ``part`` of a leaf."""
        if part:
            contents = self.ledger.contents(mapping.pfn)
            contents.write(part.start - mapping.start, part.stop - mapping.start, content)

    def _populate_leaf(self, window: range, part: range, owner: Owner) -> bool:
        """Map a window with one PMD leaf; False where base pages must do."""
        if self.tables.has_table(window.start):
            return False
        try:
            pfn = self.ledger.allocate(self.geometry.table_shift, owner)
        except OutOfMemoryError:
            return False
        try:
            self.tables.map(PMD_LEVEL, window.start, pfn)
        except OutOfMemoryError:
            self.ledger.free(pfn, Location(FILE, 0, "_populate_leaf"))
            raise
        self.count(1 << self.geometry.table_shift)
        mapping = self.tables.leaf(window.start)
        assert mapping is not None
        if part != window:
            self.use_new_leaf(mapping, part)
        return True

    def _pfn_before(self, address: int) -> int:
        """Return what the vmemmap page before ``address`` is backed by, -1 where it is not mapped."""
        if address < self.geometry.vmemmap_base + self.geometry.page_bytes:
            return -1
        before = self.tables.leaf(address - self.geometry.page_bytes)
        return before.pfn if before else -1

    def _owner_of(self, granule: range, owner: Owner, own: range) -> Owner:
        """An altmap goes away with its device, so it backs no page that others can come to use."""
        return owner if own.start <= granule.start and granule.stop <= own.stop else self.fallback_owner(owner)

    def fallback_owner(self, owner: Owner) -> Owner:
        """Return the owner of what is shared between ranges."""
        return owner if owner.start_pfn < 0 else BUDDY
