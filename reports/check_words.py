# SPDX-License-Identifier: GPL-2.0-or-later
"""Words and numbers that the three reports of ``vmemcheck check`` have in common.

Nothing here lays out a report.
"""

import re
import textwrap
from collections.abc import Iterable

from vmemcheck.arches import find
from vmemcheck.arches.architecture import SUBSECTION_SHIFT
from vmemcheck.check import Cause, Cell, CellResult, CheckResult
from vmemcheck.gate.result import Change
from vmemcheck.invariant import Finding, Verdict
from vmemcheck.operation import AddDevice, AddMemory, Boot, Door, FaultKind
from vmemcheck.reports.finding import geometry_words
from vmemcheck.scope import Scope

PROSE_COLUMNS = 80

# What a terminal obeys, what breaks lines or turns text around, what XML cannot hold, and halves of characters, of
# which UTF-8 has none.
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SCOPE_WORDS = {
    "boot": "boot memory",
    "fallback": "fallback to base pages",
    "altmaps": "altmaps",
    "compound": "compound devmaps",
    "pairs": "devices of two ranges",
    "private": "private memory of devices",
    "refusals": "requests that must be refused",
    "faults": "failing allocations",
}


def printable(text: str) -> str:
    """Return text in which control characters and halves of surrogate pairs are written as escapes."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def wrapped(text: str, indent: str = "", *, columns: int = PROSE_COLUMNS) -> list[str]:
    """Return one line of text as lines of at most ``columns``, where its words allow that.

    :param indent: of the lines behind the first
    """
    return textwrap.wrap(
        text, columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    ) or [""]


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 row``, ``2 rows``.

    :param plural: of the noun, where it is not made with an s
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def ended_words(one: CellResult) -> str:
    """Return why a row has fewer sequences than were asked for."""
    return f"ended after {counted(len(one.findings), 'kind')} of violations: more were not looked for"


def scope_words(scope: Scope) -> str:
    """Return what the sequences were made of, and what was left out."""
    inside = [words for name, words in _SCOPE_WORDS.items() if getattr(scope, name)]
    outside = [words for name, words in _SCOPE_WORDS.items() if not getattr(scope, name)]
    text = f"{'ranges' if scope.devices else 'memory blocks'} in {counted(scope.sections, 'section')}"
    if inside:
        text += f", with {', '.join(inside)}"
    if outside:
        text += f"; without {', '.join(outside)}"
    return text


def unusual_levels(cell: Cell) -> str:
    """Return the number of levels of page tables, or nothing where it is the architecture's usual one."""
    usual = (page.levels for page in find(cell.arch).page_sizes if page.page_shift == cell.geometry.page_shift)
    return "" if cell.geometry.levels in usual else str(cell.geometry.levels)


def page_words(cell: Cell) -> str:
    """Return all but the size of struct page: ``4K pages, 5 levels``."""
    words = geometry_words(cell.geometry).replace(f", struct page {cell.geometry.struct_page_bytes}", "")
    return words + _details(cell)


def cell_words(cell: Cell) -> str:
    """Return a cell in a few words: ``arm64 4K pages, struct page 64``."""
    return f"{cell.arch} {geometry_words(cell.geometry)}{_details(cell)}"


def _details(cell: Cell) -> str:
    levels = unusual_levels(cell)
    words = f", {levels} levels" if levels else ""
    if cell.memory_model:
        words += f", {cell.memory_model}"
    if is_bent(cell):
        words += f", SUBSECTION_SHIFT {cell.geometry.subsection_shift}"
    return words


def is_bent(cell: Cell) -> bool:
    """Tell whether the subsections are not those of the kernel; classic sparse memory has none."""
    return not cell.is_classic and cell.geometry.subsection_shift != SUBSECTION_SHIFT


def size_text(size_bytes: int) -> str:
    """Return a size as people say it: 512 KiB, 2 MiB."""
    return f"{size_bytes >> 20} MiB" if size_bytes >= 1 << 20 else f"{size_bytes >> 10} KiB"


def occurs_words(cell: Cell) -> str:
    """Return whether a cell can occur, and why."""
    if cell.reachable:
        return f"yes: sizeof(struct page) = {cell.geometry.struct_page_bytes} occurs in this tree"
    if is_bent(cell):
        return f"no: SUBSECTION_SHIFT is {cell.geometry.subsection_shift} here, {SUBSECTION_SHIFT} in the kernel"
    return f"no: sizeof(struct page) = {cell.geometry.struct_page_bytes} cannot occur in this tree"


def door_of(finding: Finding) -> Door | None:
    """Return the narrowest door that the sequence needs; None where it adds nothing."""
    kinds = {type(operation) for operation in finding.sequence}
    doors = {AddDevice: Door.DEVICE, AddMemory: Door.MEMORY, Boot: Door.BOOT}
    return next((door for kind, door in doors.items() if kind in kinds), None)


def needs_failure(finding: Finding) -> bool:
    """Tell whether an allocation has to fail."""
    return any(getattr(operation, "fault", None) for operation in finding.sequence)


def door_words(finding: Finding) -> str:
    """Return through which door the memory of a finding comes, and what else must happen."""
    subsection = size_text(1 << finding.steps[-1].geometry.subsection_shift)
    words = {
        Door.DEVICE: f"by device ranges (ZONE_DEVICE), which may be {subsection} (subsection) aligned",
        Door.MEMORY: "by any memory block",
        Door.BOOT: "by memory that was there at boot",
        None: "by a request that is not valid",
    }[door_of(finding)]
    if not needs_failure(finding):
        return words
    faults = [getattr(operation, "fault", None) for operation in finding.sequence]
    large_only = all(fault is None or (fault.kind is FaultKind.ORDER and fault.value) for fault in faults)
    return f"{words}, when {'no large block is to be had' if large_only else 'an allocation fails'}"


def shown_cell(cause: Cause | Change) -> Cell:
    """Return the cell that the sequence of a cause is from."""
    geometry = cause.finding.steps[-1].geometry
    return next((cell for cell in cause.cells if cell.geometry == geometry), cause.cells[0])


def cells_text(cells: Iterable[Cell]) -> str:
    """Return cells of one architecture, the sizes of struct page together; those in brackets cannot occur."""
    sizes: dict[str, list[str]] = {}
    for cell in cells:
        size = cell.geometry.struct_page_bytes
        sizes.setdefault(page_words(cell), []).append(str(size) if cell.reachable else f"({size})")
    return "; ".join(f"{page}, struct page {' '.join(found)}" for page, found in sizes.items())


def by_design_lines(results: Iterable[CellResult]) -> list[str]:
    """Return each declaration that was used, once for each architecture, with its source."""
    lines = [
        f"{result.cell.arch}: {one.says} ({one.source}; {', '.join(one.invariants)})"
        for result in results
        for one in result.by_design
    ]
    return list(dict.fromkeys(lines))


def overall(result: CheckResult, *, latent: bool) -> Verdict:
    """Return the verdict on the tree, the one that its exit code stands for."""
    code = result.exit_code(latent=latent)
    if code != Verdict.VACUOUS.exit_code:
        return Verdict.VIOLATED if code else Verdict.HOLDS
    found = {one.verdict for one in result.cells if counts(one, latent=latent)}
    return Verdict.VACUOUS if found and Verdict.NO_VERDICT not in found else Verdict.NO_VERDICT


def counts(result: CellResult, *, latent: bool) -> bool:
    """Tell whether a cell counts for the exit code."""
    return latent or result.cell.reachable
