# SPDX-License-Identifier: GPL-2.0-or-later
"""The sub-page path of remove_pte_table(): how often its loop ran, and how often the branch for less than a page.

Only some trees have the branch (see docs/theorems.md). Both numbers come from line coverage of the
kernel's own lines; where the branch ran, the shortest sequence that reaches it is found too.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vmemcheck import scope as scopes
from vmemcheck.bulk import random_sequences
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.build import Program
from vmemcheck.kernel.coverage import CoveredMachine
from vmemcheck.kernel.machine import Traits
from vmemcheck.kernel.pieces import Kind
from vmemcheck.kernel.slicer import Slice
from vmemcheck.operation import Sequence
from vmemcheck.scope import Scope
from vmemcheck.shrink import plainer, shrink

FUNCTION = "remove_pte_table"
_LOOP = re.compile(r"\bnext\s*=\s*\(addr \+ PAGE_SIZE\)")
_BRANCH = re.compile(r"\bmemset\s*\(")


@dataclass(frozen=True, slots=True)
class SubPagePath:
    """Where a tree has the path: lines of the kernel's own file.

    :param loop: a line that runs once for each entry
    :param branch: a line that runs only when less than a page is removed
    :param first: line of the brace that opens the block with it, and ``last``, of the one that closes it
    """

    file: str
    loop: int
    branch: int
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class SubPageCount:
    """What a run counted.

    :param loop: entries that the loop went through
    :param branch: of these, how many took the sub-page branch
    :param sequence: a shortest sequence that takes it; empty when none did
    """

    path: SubPagePath
    loop: int
    branch: int
    sequence: Sequence = ()


def sub_page_path(found: Slice) -> SubPagePath | None:
    """Return the path of a slice, or None where the tree does not have it."""
    item = next((item for item in found.items if item.kind is Kind.FUNCTION and item.name == FUNCTION), None)
    if item is None:
        return None
    start = found.code.find(f'#line {item.line} "{item.file}"\n')
    body = found.code[start:].partition("\n")[2].partition("\n#line ")[0]
    lines = dict(enumerate(body.split("\n"), item.line))
    loop = next((number for number, line in lines.items() if _LOOP.search(line)), None)
    branch = next((number for number, line in lines.items() if _BRANCH.search(line)), None)
    return SubPagePath(item.file, loop, branch, *_block(lines, branch)) if loop and branch else None


def _block(lines: Mapping[int, str], inside: int) -> tuple[int, int]:
    """Return the lines of the braces around a line."""
    before = [number for number in lines if number < inside]
    first = _unmatched(((number, lines[number][::-1]) for number in reversed(before)), "{", "}")
    last = _unmatched(((number, text) for number, text in lines.items() if number >= inside), "}", "{")
    return first, last


def _unmatched(lines: Iterable[tuple[int, str]], wanted: str, other: str) -> int:
    depth = 0
    for number, text in lines:
        for letter in text:
            depth += (letter == wanted) - (letter == other)
            if depth == 1:
                return number
    return 0


@dataclass(frozen=True, slots=True)
class SubPageRun:
    """Counts on one program.

    :param program: compiled to count lines
    """

    program: Program
    geometry: Geometry
    traits: Traits
    path: SubPagePath

    def count(self, scope: Scope, examples: int, seed: int) -> SubPageCount:
        """Run the sequences of a bulk search and count; look for the shortest that takes the branch if one does.

        :raises ExecutorError: when the counts cannot be read
        """
        drawn = list(random_sequences(self.geometry, scope, examples, seed))
        loop, branch = self._counted(drawn)
        if not branch:
            return SubPageCount(self.path, loop, branch)
        while len(drawn) > 1:
            half = drawn[: len(drawn) // 2]
            drawn = half if self._counted(half)[1] else drawn[len(drawn) // 2 :]
        table = scopes.operations(self.geometry, scope)
        shortest = shrink(drawn[0], table, lambda sequence: self._counted([sequence])[1] > 0, simplify=False)
        for other in plainer(self.geometry, shortest):
            if self._counted([other])[1]:
                shortest = other
                break
        return SubPageCount(self.path, loop, branch, shortest)

    def _counted(self, sequences: list[Sequence]) -> tuple[int, int]:
        with CoveredMachine(self.program, self.geometry, self.program.name, self.traits) as machine:
            for sequence in sequences:
                machine.records(sequence)
            lines = machine.lines().get(self.path.file, {})
        return lines.get(self.path.loop, 0), lines.get(self.path.branch, 0)
