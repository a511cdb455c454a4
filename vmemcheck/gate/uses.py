# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of the lines that a series changes: in the programs or not, executed or not.

Runs in a process of its own, on the patched code, with the same sequences as the search.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vmemcheck.check import Job
from vmemcheck.gate.counted import counts_of
from vmemcheck.gate.result import LineUse
from vmemcheck.gate.text import SlicedLine, SlicedText, sliced_text
from vmemcheck.kernel.coverage import LineCounts

Place = tuple[str, int]
"""A file and a line of it."""
_NOTHING = re.compile(r"[\s{}();,]*|(?:\}?\s*else|do)\s*\{?|\w+:|default:|case\b[^:]*:|break;")
_WORD = re.compile(r"[A-Za-z_]\w*")
_FAR = 16


@dataclass(frozen=True, slots=True)
class Use:
    """Lines of one geometry.

    :param uses: what became of each line
    """

    arch: str
    uses: Mapping[Place, LineUse]


def cover(job: Job, places: tuple[Place, ...]) -> Use:
    """Tell what became of some lines of the kernel when the sequences of a job ran on its program."""
    return Use(job.cell.arch, uses_of(sliced_text(job.text), counts_of(job), places))


def cover_deleted(job: Job, places: tuple[Place, ...]) -> Use:
    """Tell what became of lines of the base that the series deletes.

    In the sub-page branch of remove_pte_table() they cannot run where the memmap of a subsection is whole pages:
    see docs/theorems.md.
    """
    use = cover(job, places)
    path, geometry = job.sub_page, job.cell.geometry
    if path is None or (geometry.struct_page_bytes * geometry.pages_per_subsection) % geometry.page_bytes:
        return use
    inside = {(path.file, line) for line in range(path.first + 1, path.last)}
    never = {place for place, each in use.uses.items() if each is LineUse.NOT_EXECUTED} & inside
    return Use(use.arch, {**use.uses, **dict.fromkeys(never, LineUse.UNREACHABLE)})


def uses_of(text: SlicedText, counts: LineCounts, places: Iterable[Place]) -> dict[Place, LineUse]:
    """Tell what became of some lines.

    :param counts: how often the lines of the kernel's files ran
    """
    used = _Used(text, counts)
    return {place: used.of(place) for place in places}


def not_run(text: SlicedText, places: Iterable[Place]) -> dict[Place, LineUse]:
    """Tell what became of some lines of a program that could not be run."""
    return {
        (file, line): LineUse.NOT_EXECUTED if line in text.lines.get(file, {}) else LineUse.OUTSIDE
        for file, line in places
    }


class _Used:
    def __init__(self, text: SlicedText, counts: LineCounts) -> None:
        self._text = text
        self._counts = counts

    def of(self, place: Place) -> LineUse:
        file, number = place
        line = self._text.lines.get(file, {}).get(number)
        if line is None:
            inside = any(first <= number <= last for first, last in self._text.spans.get(file, ()))
            return LineUse.NOT_SLICED if inside else LineUse.OUTSIDE
        counts = self._counts.get(file, {})
        if number in counts:
            return LineUse.EXECUTED if counts[number] else LineUse.NOT_EXECUTED
        if line.macro:
            return self._of_macro(line.macro)
        if _NOTHING.fullmatch(line.code):
            return LineUse.NO_CODE
        return self._of_statement(file, number, line)

    def _of_statement(self, file: str, number: int, line: SlicedLine) -> LineUse:
        """A statement over several lines is counted in one of them."""
        lines, counts = self._text.lines[file], self._counts.get(file, {})
        for step in (-1, 1):
            at = number
            while abs(at - number) < _FAR:
                here = lines.get(at if step > 0 else at - 1)
                if here is not None and (here.piece != line.piece or re.search(r"[;{}]$", here.code)):
                    break
                at += step
                if at in counts:
                    return LineUse.EXECUTED if counts[at] else LineUse.NOT_EXECUTED
        return LineUse.NO_CODE if self._text.stubs.isdisjoint(_WORD.findall(line.code)) else LineUse.STUBBED

    def _of_macro(self, name: str) -> LineUse:
        used = self._used_macros.get(name)
        if used is None:
            return LineUse.NO_CODE
        return LineUse.EXECUTED if used else LineUse.NOT_EXECUTED

    @functools.cached_property
    def _used_macros(self) -> dict[str, bool]:
        """Return for each macro that counted lines use, also by way of others, whether one of them was executed."""
        bodies: dict[str, set[str]] = {}
        users: dict[bool, set[str]] = {True: set(), False: set()}
        for file, lines in self._text.lines.items():
            counts = self._counts.get(file, {})
            for number, line in lines.items():
                if line.macro:
                    bodies.setdefault(line.macro, set()).update(_WORD.findall(line.code))
                elif number in counts:
                    users[counts[number] > 0].update(_WORD.findall(line.code))
        used: dict[str, bool] = {}
        for executed in (True, False):
            ahead = users[executed] & bodies.keys()
            while ahead:
                name = ahead.pop()
                if name not in used:
                    used[name] = executed
                    ahead |= {word for word in bodies[name] if word in bodies and word not in used}
        return used
