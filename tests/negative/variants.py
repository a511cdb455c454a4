# SPDX-License-Identifier: GPL-2.0-or-later
"""Broken variants of the reference machine: each a small change with a name.

``VARIANTS`` lists them with the invariant that must catch each and the length of
the shortest sequence that shows it, found by hand. The classes change one
method of one part; nothing here is a copy of kernel code.
"""

import errno
from dataclasses import dataclass

from tests.negative.altmaps import CountsTwice, ForgetsSkippedPages, NeverCountsBack
from vmemcheck.geometry import Geometry
from vmemcheck.model import LiveRange
from vmemcheck.observation import (
    BUDDY,
    Block,
    Content,
    Location,
    Mapping,
    Owner,
    OwnerKind,
    Unmapped,
    Warned,
)
from vmemcheck.reference import ReferenceMachine
from vmemcheck.reference.ledger import Ledger
from vmemcheck.reference.tables import Node, PageTables
from vmemcheck.reference.vmemmap import Vmemmap
from vmemcheck.scope import Scope

HERE = Location("tests/negative/variants.py", 0, "variant")

# Scaled down, so that a search is quick: 32 entries per table, 4 subsections per section.
WHOLE_PMD = Geometry(struct_page_bytes=64, section_shift=23, table_shift=5)
SUB_PMD = Geometry(struct_page_bytes=56, section_shift=23, table_shift=5)
OVER_PMD = Geometry(struct_page_bytes=80, section_shift=23, table_shift=5)
SUB_PAGE = Geometry(struct_page_bytes=64, page_shift=14, section_shift=23, table_shift=5)


@dataclass(frozen=True, slots=True)
class Variant:
    """A broken machine.

    :param broken: what is wrong with it
    :param invariant: name of the invariant that must catch it
    :param operations: length of the shortest sequence that shows it
    :param scope: what is searched
    """

    broken: str
    geometry: Geometry
    machine: type[ReferenceMachine]
    invariant: str
    operations: int
    scope: Scope


# What else a sequence may hold. With failures of all kinds in it, most that is not
# freed would show up first as an add that was not undone.
PLAIN = Scope(faults=False, altmaps=False)
ALTMAPS = Scope(boot=False, compound=False)
FAULTS = Scope(altmaps=False)


def with_part(part: type[Vmemmap | PageTables | Ledger]) -> type[ReferenceMachine]:
    """Return the reference machine with one of its parts replaced."""
    name = next(n for n, kind in _PARTS.items() if issubclass(part, kind))
    return type(f"{part.__name__}Machine", (ReferenceMachine,), {name: part})


_PARTS = {"vmemmap_class": Vmemmap, "tables_class": PageTables, "ledger_class": Ledger}


# ranges-aligned


class PassesUnrounded(ReferenceMachine):
    def pages_to_populate(self, own: range) -> range:
        pages = super().pages_to_populate(own)
        return range(own.start, pages.stop) if pages else pages


# memmap-mapped


class FreesLeafUnasked(Vmemmap):
    def unuse_part(self, mapping: Mapping, part: range) -> bool:
        super().unuse_part(mapping, part)
        return True


class FreesNeighboursPage(ReferenceMachine):
    def pages_to_free(self, own: range) -> range:
        return self.geometry.page_aligned_outward(own)


class PopulatesRoundedDown(ReferenceMachine):
    def pages_to_populate(self, own: range) -> range:
        pages = super().pages_to_populate(own)
        return range(pages.start, own.stop & -self.geometry.page_bytes)

    def poison_memmap(self, span: range) -> None:
        return


class DropsEarlySectionTooSoon(ReferenceMachine):
    def is_section_empty(self, section: int) -> bool:
        return True


class RemapsWhileInUse(Vmemmap):
    def use_part(self, mapping: Mapping, part: range) -> None:
        self.tables.unmap(mapping.start, "use_part")
        self.tables.map(1, mapping.start, mapping.pfn)
        super().use_part(mapping, part)


# memmap-backed


class FreesMemoryInUse(Vmemmap):
    def unuse_part(self, mapping: Mapping, part: range) -> bool:
        empty = super().unuse_part(mapping, part)
        if not empty:
            self.ledger.give_back(self.ledger.blocks[mapping.pfn], HERE)
            self.ledger.share(mapping.pfn)  # so that it is not given back a second time
            self.count(-(mapping.end - mapping.start) // self.geometry.page_bytes)
        return empty


class SharesAltmapMemory(Vmemmap):
    def fallback_owner(self, owner: Owner) -> Owner:
        return owner


class SharesHeadPage(Vmemmap):
    def shares_tail(self, number: int) -> bool:
        return number > 0


class SharesEveryOtherTailPage(Vmemmap):
    def shares_tail(self, number: int) -> bool:
        return super().shares_tail(number) and number % 2 == 0


# memmap-intact


class ClearsWholeLeaf(Vmemmap):
    def use_part(self, mapping: Mapping, part: range) -> None:
        super().use_part(mapping, part)
        self.mark(mapping, range(mapping.start, mapping.end), Content.ZERO)


class MarksWholeLeafUnused(Vmemmap):
    def unuse_part(self, mapping: Mapping, part: range) -> bool:
        empty = super().unuse_part(mapping, part)
        self.mark(mapping, range(mapping.start, mapping.end), Content.UNUSED)
        return empty


class WritesPteThroughLeaf(Vmemmap):
    def use_part(self, mapping: Mapping, part: range) -> None:
        super().use_part(mapping, part)
        self.mark(mapping, range(mapping.start, mapping.start + self.geometry.page_bytes), Content.TABLE)


class PoisonsNeighbour(ReferenceMachine):
    def poison_memmap(self, span: range) -> None:
        super().poison_memmap(self.geometry.page_aligned_outward(span))


class FlushesTooMuch(Vmemmap):
    def use_part(self, mapping: Mapping, part: range) -> None:
        if self.unused and part.start != self.unused.start:
            self.unused = range(self.unused.start - self.geometry.page_bytes, self.unused.stop)
        super().use_part(mapping, part)


# no-leak


class ForgetsToFlush(Vmemmap):
    def flush_unused(self) -> None:
        self.unused = range(0)


class NeverFreesPartlyUsedLeaf(Vmemmap):
    def unuse_part(self, mapping: Mapping, part: range) -> bool:
        super().unuse_part(mapping, part)
        return False


class KeepsEmptyTables(PageTables):
    def is_empty(self, node: Node) -> bool:
        return False


class KeepsEarlyMemmap(ReferenceMachine):
    def drop_early_section(self, section: int) -> None:
        self.early.discard(section)


class KeepsTailReference(Ledger):
    def share(self, pfn: int) -> None:
        super().share(pfn)
        super().share(pfn)


class ForgetsMemoryOfLeaf(Vmemmap):
    def free_memory(self, mapping: Mapping) -> None:
        if mapping.end - mapping.start == self.geometry.page_bytes:
            super().free_memory(mapping)


# freed-once


class FreesLeafAsPage(Vmemmap):
    def free_memory(self, mapping: Mapping) -> None:
        block = self.ledger.blocks[mapping.pfn]
        if block.order and block.owner == BUDDY:
            self.ledger.give_back(Block(block.pfn, 0, block.owner), HERE)
        else:
            super().free_memory(mapping)


class FreesAltmapToBuddy(Vmemmap):
    def free_memory(self, mapping: Mapping) -> None:
        block = self.ledger.blocks[mapping.pfn]
        if block.owner.kind is OwnerKind.ALTMAP:
            self.ledger.give_back(Block(block.pfn, block.order, BUDDY), HERE)
        else:
            super().free_memory(mapping)


class FreesTailForEachUser(Vmemmap):
    def free_memory(self, mapping: Mapping) -> None:
        block = self.ledger.blocks.pop(mapping.pfn, Block(mapping.pfn, 0, BUDDY))
        self.ledger.give_back(block, HERE)


# failed-add-undone


class NoRollBack(ReferenceMachine):
    def undo(self, done: list[tuple[int, int]], pfns: range) -> None:
        self.mark_absent(pfns)


class RollsBackLastSectionOnly(ReferenceMachine):
    def undo(self, done: list[tuple[int, int]], pfns: range) -> None:
        super().undo(done[-1:], pfns)


class StaysPresentAfterFailure(ReferenceMachine):
    def undo(self, done: list[tuple[int, int]], pfns: range) -> None:
        super().undo(done, pfns)
        self.mark_present(pfns)


# counters-balanced


class ForgetsToCountDown(Vmemmap):
    def count(self, pages: int) -> None:
        super().count(max(pages, 0))


class NoDestructor(PageTables):
    def destruct(self, pfn: int) -> None:
        return


class NoConstructor(PageTables):
    def construct(self, pfn: int) -> None:
        return


# tables-sound


class LinksDirtyTable(PageTables):
    def clear_table(self, pfn: int) -> None:
        return


class FreesTableBeforeItsEntries(PageTables):
    def unmap(self, address: int, function: str) -> None:
        mapping, path = self.leaf(address), self.path(address)
        if mapping and len(path) > 1 and len(path[-1].entries) == 1:
            self.free_table(path[-2], path[-1])
            self.ledger.events.append(Unmapped(mapping, HERE))
        else:
            super().unmap(address, function)


class NeverSynchronises(PageTables):
    def synchronise(self, window: range) -> None:
        return


# refusals


class ReportsOverlapAsSuccess(ReferenceMachine):
    def add(self, live: LiveRange) -> int:
        error = super().add(live)
        return 0 if error == -errno.EEXIST else error


class AcceptsMisaligned(ReferenceMachine):
    def refusal(self, pfns: range, unit: int, *, adding: bool) -> int:
        return super().refusal(pfns, 1 if adding else unit, adding=adding)


class ForgetsRemoval(ReferenceMachine):
    def remove(self, live: LiveRange) -> None:
        super().remove(live)
        self.mark_present(live.pfns)


# no-warning


class WarnsInEarlySection(ReferenceMachine):
    def is_section_empty(self, section: int) -> bool:
        self.events.append(Warned("the section is early", HERE))
        return super().is_section_empty(section)


class PoisonsTooFar(ReferenceMachine):
    def poison_memmap(self, span: range) -> None:
        super().poison_memmap(range(span.start, span.stop + self.geometry.pmd_bytes))


def _variant(
    broken: str,
    part: type[Vmemmap | PageTables | Ledger | ReferenceMachine],
    geometry: Geometry,
    invariant: str,
    operations: int,
    scope: Scope = PLAIN,
) -> Variant:
    machine = part if issubclass(part, ReferenceMachine) else with_part(part)
    return Variant(broken, geometry, machine, invariant, operations, scope)


VARIANTS = (
    _variant("passes the start of the memmap unrounded", PassesUnrounded, SUB_PAGE, "ranges-aligned", 1),
    _variant("frees a leaf without asking who else uses it", FreesLeafUnasked, SUB_PMD, "memmap-mapped", 3),
    _variant("frees a page that the neighbour uses", FreesNeighboursPage, SUB_PAGE, "memmap-mapped", 3),
    _variant("rounds the end of what it populates down", PopulatesRoundedDown, SUB_PAGE, "memmap-mapped", 1),
    _variant("frees an early section with its first range", DropsEarlySectionTooSoon, WHOLE_PMD, "memmap-mapped", 3),
    _variant("remaps a leaf that is in use", RemapsWhileInUse, SUB_PMD, "memmap-mapped", 2),
    _variant("frees the memory of a leaf in use", FreesMemoryInUse, SUB_PMD, "memmap-backed", 3),
    _variant("lets others use memory of an altmap", SharesAltmapMemory, OVER_PMD, "memmap-backed", 2, ALTMAPS),
    _variant("shares the head page of a compound page", SharesHeadPage, WHOLE_PMD, "memmap-backed", 1),
    _variant("shares every other tail page only", SharesEveryOtherTailPage, WHOLE_PMD, "memmap-backed", 1),
    _variant("clears the whole leaf for a new user", ClearsWholeLeaf, SUB_PMD, "memmap-intact", 2),
    _variant("marks the whole leaf unused for one user", MarksWholeLeafUnused, SUB_PMD, "memmap-intact", 3),
    _variant("writes a page-table entry through a leaf", WritesPteThroughLeaf, SUB_PMD, "memmap-intact", 2),
    _variant("poisons the neighbour's half of a page", PoisonsNeighbour, SUB_PAGE, "memmap-intact", 3),
    _variant("marks one page too many unused", FlushesTooMuch, SUB_PMD, "memmap-intact", 2),
    _variant("forgets to flush the unused range", ForgetsToFlush, SUB_PMD, "no-leak", 2),
    _variant("never frees a partly used leaf", NeverFreesPartlyUsedLeaf, SUB_PMD, "no-leak", 2),
    _variant("keeps empty page-table pages", KeepsEmptyTables, WHOLE_PMD, "no-leak", 2),
    _variant("keeps the memmap of an early section", KeepsEarlyMemmap, WHOLE_PMD, "no-leak", 2),
    _variant("counts one user of a tail page too many", KeepsTailReference, WHOLE_PMD, "no-leak", 2),
    _variant("unmaps a leaf and forgets its memory", ForgetsMemoryOfLeaf, WHOLE_PMD, "no-leak", 2),
    _variant("frees a leaf with order 0", FreesLeafAsPage, WHOLE_PMD, "freed-once", 2),
    _variant("frees altmap memory to the buddy allocator", FreesAltmapToBuddy, WHOLE_PMD, "freed-once", 1, ALTMAPS),
    _variant("frees a shared tail page for each user", FreesTailForEachUser, WHOLE_PMD, "freed-once", 2),
    _variant("no roll-back of an add that failed half-way", NoRollBack, WHOLE_PMD, "failed-add-undone", 1, FAULTS),
    _variant("rolls back the last section only", RollsBackLastSectionOnly, WHOLE_PMD, "failed-add-undone", 1, FAULTS),
    _variant("stays present after a failed add", StaysPresentAfterFailure, WHOLE_PMD, "failed-add-undone", 1, FAULTS),
    _variant("never counts an altmap back", NeverCountsBack, WHOLE_PMD, "altmap-balanced", 1, ALTMAPS),
    _variant("counts each page of an altmap twice", CountsTwice, WHOLE_PMD, "altmap-balanced", 1, ALTMAPS),
    _variant("forgets which pages an altmap skipped", ForgetsSkippedPages, WHOLE_PMD, "altmap-balanced", 1, ALTMAPS),
    _variant("forgets to count freed pages", ForgetsToCountDown, WHOLE_PMD, "counters-balanced", 2),
    _variant("no destructor for page-table pages", NoDestructor, WHOLE_PMD, "counters-balanced", 2),
    _variant("no constructor for page-table pages", NoConstructor, WHOLE_PMD, "counters-balanced", 2),
    _variant("links a page-table page uncleared", LinksDirtyTable, WHOLE_PMD, "tables-sound", 1),
    _variant("frees a table before its entries", FreesTableBeforeItsEntries, WHOLE_PMD, "tables-sound", 2),
    _variant("never copies a new top-level entry", NeverSynchronises, WHOLE_PMD, "tables-sound", 1),
    _variant("reports an overlapping add as success", ReportsOverlapAsSuccess, WHOLE_PMD, "refusals", 2),
    _variant("accepts a misaligned add", AcceptsMisaligned, WHOLE_PMD, "refusals", 1),
    _variant("forgets that a range was removed", ForgetsRemoval, WHOLE_PMD, "refusals", 3),
    _variant("warns in an early section", WarnsInEarlySection, WHOLE_PMD, "no-warning", 2),
    _variant("poisons beyond the end of the range", PoisonsTooFar, WHOLE_PMD, "no-warning", 1),
)
