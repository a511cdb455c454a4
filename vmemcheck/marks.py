# SPDX-License-Identifier: GPL-2.0-or-later
"""The *Sometimes* marks: what a run must have met before "holds" means anything."""

import errno
from collections.abc import Iterator

from vmemcheck import intervals
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Mark, Step
from vmemcheck.observation import (
    AllocationFailed,
    Call,
    LeafKind,
    OwnerKind,
    TableFreed,
)
from vmemcheck.operation import AddDevice, AddMemory, Door, Remove
from vmemcheck.scope import sharing_shifts
from vmemcheck.situation import Situation


def _uses_leaves(geometry: Geometry) -> bool:
    return geometry.leaves_pay


def _always(_: Geometry) -> bool:
    return True


def _shares_leaves(geometry: Geometry) -> bool:
    return geometry.sections_share_leaves


def _fills_pages(geometry: Geometry) -> bool:
    # Else no range of a section or two has a page to itself, and only such pages may come from an altmap.
    return geometry.section_memmap_bytes >= geometry.page_bytes


def _shares_pages(geometry: Geometry) -> bool:
    return geometry.subsection_memmap_bytes % geometry.page_bytes != 0


def _unmapped(step: Step, kind: LeafKind) -> bool:
    is_page = kind is LeafKind.PTE
    return any((run.size == step.geometry.page_bytes) is is_page for run in step.events.unmapped)


def _shared(now: Situation) -> Iterator[LeafKind]:
    """Yield the kinds of leaf entries of which one holds the memmap of two live ranges."""
    if len(now.model.ranges) < 2:
        return
    spans = [now.geometry.memmap_range(live.start_pfn, live.nr_pages) for live in now.model.ranges]
    # The last byte of one of the two is in such an entry.
    for last in (span.stop - 1 for span in spans):
        for run in now.mappings.runs:
            if last in run.span:
                start = last - (last - run.start) % run.size
                if sum(span.start < start + run.size and start < span.stop for span in spans) > 1:
                    yield LeafKind.PTE if run.size == now.geometry.page_bytes else LeafKind.PMD


def _fell_back(step: Step) -> bool:
    failed = any(isinstance(event, AllocationFailed) and event.order for event in step.events.others)
    return failed and step.observation.returned == 0 and isinstance(step.operation, AddDevice | AddMemory)


def _failed_half_way(step: Step) -> bool:
    return step.failed and any(move.is_freed for move in step.events.moves)


def _blocks(step: Step) -> Iterator[OwnerKind]:
    return (move.blocks.owner.kind for move in step.events.moves if not move.is_freed)


def _tails_shared(step: Step) -> bool:
    if not any(live.vmemmap_shift for live in step.after.ranges):
        return False
    if any(run.nr > 1 and run.pfn_step == 0 for run in step.mappings.runs):
        return True
    pfns = [run.pfn + index * run.pfn_step for run in step.mappings.runs for index in range(run.nr)]
    return len(set(pfns)) < len(pfns)


def _shares_over_sections(geometry: Geometry) -> bool:
    return any(1 << shift > geometry.pages_per_section for shift in sharing_shifts(geometry))


def _tails_over_sections(step: Step) -> bool:
    """Whether the first vmemmap page of a section is the one of the section before it."""
    geometry = step.geometry
    borders = {
        geometry.struct_page_address(pfn)
        for live in step.after.ranges
        if 1 << live.vmemmap_shift > geometry.pages_per_section and not live.altmap
        for pfn in range(live.start_pfn + geometry.pages_per_section, live.pfns.stop, geometry.pages_per_section)
    }
    pages = [page for border in borders for page in (border - geometry.page_bytes, border)]
    runs = step.mappings.runs if borders else ()
    pfns = {
        page: run.pfn + (page - run.start) // run.size * run.pfn_step
        for run in runs
        for page in pages
        if page in run.span
    }
    return any(pfns.get(border, -1) == pfns.get(border - geometry.page_bytes) for border in borders)


def _shares_within_sections(geometry: Geometry) -> bool:
    return any(1 << shift < geometry.pages_per_section for shift in sharing_shifts(geometry))


def _beside_ordinary(step: Step) -> bool:
    """Whether a section has a compound devmap that shares its tail pages, and other memory."""
    pages = step.geometry.pages_per_section
    shared = [live for live in step.after.ranges if any(step.after.shared_tails(live))]
    return any(
        other.vmemmap_shift != live.vmemmap_shift
        and other.start_pfn // pages <= (live.pfns.stop - 1) // pages
        and live.start_pfn // pages <= (other.pfns.stop - 1) // pages
        for live in shared
        for other in step.after.ranges
    )


def _in_early_section(step: Step) -> bool:
    return bool(step.before.early) and _added(step) and bool(_sections(step) & step.before.early)


def _added(step: Step) -> bool:
    return (
        isinstance(step.operation, AddDevice | AddMemory)
        and step.observation.applied
        and step.observation.returned == 0
        and not step.refused
    )


def _sections(step: Step) -> set[int]:
    """Return the sections that the operation is about."""
    pfns = step.expectation.pfns
    return {section for section, _, _ in step.geometry.sections(pfns.start, len(pfns))}


def _early_section_kept(step: Step) -> bool:
    early = step.after.early
    return bool(early) and isinstance(step.operation, Remove) and bool(_sections(step) & early)


def _boot_memory_again(step: Step) -> bool:
    gone = step.baseline.model.early - step.before.early
    return bool(gone) and _added(step) and bool(_sections(step) & gone)


def _boot_leaf_shared(step: Step) -> bool:
    """Whether a PMD leaf holds memmap of an early section and of a range that was added behind or before it."""
    if not step.after.early or not _added(step):
        return False
    early = intervals.union(step.after.early_memmap(section) for section in step.after.early)
    pfns = step.expectation.pfns
    memmap = step.geometry.memmap_range(pfns.start, len(pfns))
    others = intervals.subtract([memmap], early)
    leaves = [run for run in step.mappings.runs if run.size != step.geometry.page_bytes]
    for border in (edge for span in others for edge in (span.start, span.stop - 1)):
        for run in leaves:
            if border in run.span:
                start = border - (border - run.start) % run.size
                if intervals.touches(range(start, start + run.size), early):
                    return True
    return False


def _pair_undone(step: Step) -> bool:
    """Whether the first range of a device was taken back, because the second one failed."""
    has_two = isinstance(step.operation, AddDevice) and step.operation.second
    if not has_two or step.stopped or step.observation.returned >= 0:
        return False
    pfns = step.expectation.pfns
    memmap = step.geometry.memmap_range(pfns.start, len(pfns))
    freed = (call for call in step.events.others if isinstance(call, Call) and call.function == "vmemmap_free")
    return any(call.start < memmap.stop and memmap.start < call.end for call in freed)


def _refused(step: Step, error: int) -> bool:
    return step.refused and step.observation.returned == -error


MARKS: tuple[Mark, ...] = (
    Mark("pmd-leaf-freed", "a PMD leaf was freed", _uses_leaves, lambda step: _unmapped(step, LeafKind.PMD)),
    Mark("pte-page-freed", "a PTE page was freed", _always, lambda step: _unmapped(step, LeafKind.PTE)),
    Mark(
        "pmd-leaf-shared",
        "two ranges shared a PMD leaf",
        _shares_leaves,
        lambda step: LeafKind.PMD in step.now.ask(_shared),
    ),
    Mark(
        "pte-page-shared",
        "two ranges shared a PTE page",
        _shares_pages,
        lambda step: LeafKind.PTE in step.now.ask(_shared),
    ),
    Mark("base-page-fallback", "an add fell back to base pages", _uses_leaves, _fell_back, ("fallback",)),
    Mark("add-undone", "an add failed half-way and was undone", _always, _failed_half_way, ("faults",)),
    Mark(
        "pair-undone",
        "the second range of a device failed or was refused, and the first was undone",
        _always,
        _pair_undone,
        ("devices", "pairs"),
    ),
    Mark(
        "add-retried",
        "an add that had failed was tried again",
        _always,
        lambda step: step.is_retry and step.observation.returned == 0,
        ("faults",),
        looks_back=True,
    ),
    Mark(
        "table-freed",
        "a page-table page was freed",
        _always,
        lambda step: any(isinstance(event, TableFreed) for event in step.events.others),
    ),
    Mark(
        "altmap-used",
        "memmap came from an altmap",
        _fills_pages,
        lambda step: OwnerKind.ALTMAP in _blocks(step),
        ("altmaps",),
    ),
    Mark(
        "altmap-exhausted",
        "an altmap had no page left",
        _fills_pages,
        lambda step: any(
            isinstance(event, AllocationFailed) and event.owner.kind is OwnerKind.ALTMAP for event in step.events.others
        ),
        ("altmaps", "faults"),
    ),
    Mark(
        "early-section-freed",
        "the last page of an early section was removed",
        _always,
        lambda step: len(step.after.early) < len(step.before.early),
        ("boot",),
    ),
    Mark("early-section-filled", "a range was added into an early section", _always, _in_early_section, ("boot",)),
    Mark(
        "early-section-kept",
        "a range was removed from an early section, which stayed",
        _always,
        _early_section_kept,
        ("boot",),
    ),
    Mark(
        "boot-memory-readded",
        "boot memory was removed and added again",
        _always,
        _boot_memory_again,
        ("boot",),
    ),
    Mark(
        "boot-leaf-shared",
        "boot memory and a range that was added shared a PMD leaf",
        _shares_leaves,
        _boot_leaf_shared,
        ("boot",),
    ),
    Mark(
        "compound-tails-shared",
        "tail pages of a compound devmap shared their memmap",
        lambda geometry: bool(sharing_shifts(geometry)),
        _tails_shared,
        ("compound",),
    ),
    Mark(
        "compound-page-over-sections",
        "a compound page of several sections shared its memmap over their border",
        _shares_over_sections,
        _tails_over_sections,
        ("compound",),
    ),
    Mark(
        "compound-beside-ordinary",
        "a section had a compound devmap that may share its memmap, and other memory",
        _shares_within_sections,
        _beside_ordinary,
        ("compound", "devices"),
    ),
    Mark(
        "misaligned-refused",
        "a misaligned request was refused",
        _always,
        lambda step: _refused(step, errno.EINVAL),
        ("refusals",),
    ),
    Mark("overlap-refused", "an overlapping add was refused", _always, lambda step: _refused(step, errno.EEXIST)),
    Mark(
        "memory-block-removed",
        "a memory block was removed",
        _always,
        lambda step: _removed(step, Door.MEMORY),
    ),
    Mark(
        "device-removed",
        "a device range was removed",
        _always,
        lambda step: _removed(step, Door.DEVICE),
        ("devices",),
    ),
)


def _removed(step: Step, door: Door) -> bool:
    gone = set(step.before.ranges) - set(step.after.ranges)
    return len(step.after.ranges) < len(step.before.ranges) and any(live.door is door for live in gone)


def never_with(geometry: Geometry, max_folio_order: int) -> frozenset[str]:
    """Return the names of marks that cannot be met where devmaps of larger compound pages are refused."""
    taken = [shift for shift in sharing_shifts(geometry) if shift <= max_folio_order]
    never = set() if taken else {"compound-tails-shared", "compound-beside-ordinary"}
    if max(taken, default=0) <= geometry.section_shift - geometry.page_shift:
        never.add("compound-page-over-sections")
    return frozenset(never)
