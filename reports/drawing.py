# SPDX-License-Identifier: GPL-2.0-or-later
"""A drawing of the vmemmap after one step: rows of letters, with the live ranges beside them.

Pure text, at most 80 columns, readable without colour and in a log file. Where a
terminal has colour, the caller paints the letters (``STYLES``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vmemcheck import intervals
from vmemcheck.invariant import Step
from vmemcheck.observation import LeafKind, Mapping

LEGEND = (
    "  . unmapped   p PTE page   L PMD leaf, used part   u PMD leaf, unused part\n"
    "  s page shared by two ranges or by the tail pages of a compound page\n"
    "  ! mapped without present memmap   X present memmap that is not mapped\n"
    "  beside the rows: live ranges in subsections; new: its memmap is not initialised"
)
STYLES = {".": "dim", "p": "green", "L": "cyan", "u": "blue", "s": "magenta", "!": "bold yellow", "X": "bold red"}

_ORDER = ".upLs!X"  # when one letter stands for several pages, the last in this order is shown
_CELLS = 32
_WIDTH = 80
_MAX_ROWS = 24


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a drawing.

    :param label: first address
    :param cells: one letter for each cell
    :param beside: the live ranges that have memmap in the row, one text each
    """

    label: str
    cells: str
    beside: tuple[str, ...] = ()


def draw(step: Step) -> list[Row]:
    """Draw the vmemmap after a step: a row for each PMD window that memmap or a mapping touches.

    Where the memmap of a section is less than a quarter of a PMD window, a row is the memmap of one section.
    """
    row_bytes = _row_bytes(step)
    painter = _Painter(step)
    base = step.geometry.vmemmap_base
    rows: list[Row] = []
    for start in _row_starts(step, row_bytes):
        span = range(start, start + row_bytes)
        rows.append(Row(f"{start - base:#010x}", painter.cells(span), _beside(step, span)))
        if len(rows) == _MAX_ROWS:
            rows.append(Row("...", "", ("more rows are not drawn",)))
            break
    return rows


def plain(row: Row) -> str:
    """Return a row as text: as many lines as there are ranges beside it, at least one."""
    blank = " " * (len(row.label) + len(row.cells) + 7)
    start = f"  {row.label} |{row.cells}|  " if row.cells else f"  {row.label} "
    lines = [f"{start if number == 0 else blank}{text}" for number, text in enumerate(row.beside or ("",))]
    return "\n".join(line[:_WIDTH].rstrip() for line in lines)


def scale_words(step: Step) -> str:
    """Return what a row and a letter stand for."""
    row_bytes = _row_bytes(step)
    cell_bytes = _cell_bytes(step, row_bytes)
    unit = "PMD window" if row_bytes == step.geometry.pmd_bytes else "section"
    pages = cell_bytes // step.geometry.page_bytes
    letter = f"a letter {pages} page{'s' * (pages != 1)}"
    return f"a row is one {unit}: {row_bytes >> 10} KiB of vmemmap, {row_bytes // cell_bytes} letters; {letter}"


class _Painter:
    """Finds the letter of each page of the state after a step."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.mappings = step.state.mappings
        self.ranges = [step.geometry.memmap_range(r.start_pfn, r.nr_pages) for r in step.after.ranges]
        users: dict[int, int] = {}
        for mapping in self.mappings:
            users[mapping.pfn] = users.get(mapping.pfn, 0) + 1
        self.shared = {pfn for pfn, count in users.items() if count > 1}

    def cells(self, row: range) -> str:
        size = _cell_bytes(self.step, len(row))
        return "".join(self._cell(range(start, start + size)) for start in range(row.start, row.stop, size))

    def _cell(self, cell: range) -> str:
        return max((self._page(page) for page in self.step.geometry.windows(0, cell)), key=_ORDER.index)

    def _page(self, page: range) -> str:
        mapping = _find(self.mappings, page.start)
        present = intervals.touches(page, self.step.memmap)
        if mapping is None:
            return "X" if present else "."
        if not intervals.touches(range(mapping.start, mapping.end), self.step.memmap):
            return "!"
        if mapping.pfn in self.shared or sum(_overlap(page, memmap) for memmap in self.ranges) > 1:
            return "s"
        if mapping.kind is LeafKind.PMD:
            return "L" if present else "u"
        return "p"


def _overlap(left: range, right: range) -> bool:
    return left.start < right.stop and right.start < left.stop


def _find(mappings: Sequence[Mapping], address: int) -> Mapping | None:
    low, high = 0, len(mappings)
    while low < high:
        middle = (low + high) // 2
        if mappings[middle].end <= address:
            low = middle + 1
        else:
            high = middle
    return mappings[low] if low < len(mappings) and mappings[low].start <= address else None


def _row_bytes(step: Step) -> int:
    geometry = step.geometry
    section = geometry.page_aligned_outward(range(geometry.section_memmap_bytes))
    return len(section) if 4 * len(section) < geometry.pmd_bytes else geometry.pmd_bytes


def _cell_bytes(step: Step, row_bytes: int) -> int:
    pages = row_bytes // step.geometry.page_bytes
    return step.geometry.page_bytes * max(1, -(-pages // _CELLS))


def _row_starts(step: Step, row_bytes: int) -> Iterator[int]:
    base = step.geometry.vmemmap_base // row_bytes * row_bytes
    spans = intervals.union([*step.required, *step.mapped])
    last = -1
    for span in spans:
        start = (span.start - base) // row_bytes
        for number in range(max(start, last + 1), (span.stop - base - 1) // row_bytes + 1):
            last = number
            yield base + number * row_bytes


def _beside(step: Step, row: range) -> tuple[str, ...]:
    names: list[str] = []
    unit = step.geometry.pages_per_subsection
    for number, live in enumerate(step.after.ranges):
        if _overlap(step.geometry.memmap_range(live.start_pfn, live.nr_pages), row):
            flag = "" if live.initialised else " new"
            names.append(f"{number} {live.door.value} [{live.pfns.start // unit}, {live.pfns.stop // unit}){flag}")
    return tuple(names)
