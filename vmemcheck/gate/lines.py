# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines that a series changes, and for each the best that became of it on any architecture."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from vmemcheck.gate.result import ChangedLine, LineUse
from vmemcheck.gate.uses import Place, Use
from vmemcheck.patch.apply import State
from vmemcheck.patch.comments import code_lines

_BEST = (LineUse.EXECUTED, LineUse.NOT_EXECUTED, LineUse.NO_CODE, LineUse.NOT_SLICED, LineUse.OUTSIDE)
_DIRECTIVE = re.compile(rb"#\s*(?!define\b)\w*")
_MOST_LINES_BEHIND = 12


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a series adds, or that stands behind what it deletes.

    :param has_code: a compiler makes something of it, as far as the line alone tells
    """

    patch: int
    file: str
    line: int
    text: str
    has_code: bool

    @property
    def place(self) -> Place:
        """The file and the line."""
        return self.file, self.line


def lines_of(state: State) -> tuple[Line, ...]:
    """Return the changed lines of the files that matter, in order.

    :param state: after the series
    """
    return tuple(line for name in sorted(state.origins) for line in _of_file(state, name))


def _of_file(state: State, name: str) -> Iterator[Line]:
    content = state.contents.get(name)
    if content is None:
        return
    raw, code = content.split(b"\n"), code_lines(content)
    is_c = name.endswith((".c", ".h"))
    known: set[int] = set()
    for index, origin in enumerate(state.origins[name]):
        at = index
        if not origin.patch:
            if not origin.behind:
                continue
            at = _next_code(code, index)
        if at in known or at >= len(raw):
            continue
        known.add(at)
        has_code = is_c and bool(code[at]) and not _DIRECTIVE.match(code[at])
        text = raw[at].decode("utf-8", "replace")
        yield Line(origin.patch or origin.behind, name, at + 1, text, has_code)


def _next_code(code: list[bytes], index: int) -> int:
    following = range(index, min(len(code), index + _MOST_LINES_BEHIND))
    return next((at for at in following if code[at]), index)


def judged(lines: Iterable[Line], uses: Iterable[Use]) -> tuple[ChangedLine, ...]:
    """Return what became of each line.

    :param uses: of each geometry that was looked at
    """
    found = list(uses)
    return tuple(_judged(line, found) for line in lines)


def _judged(line: Line, found: Iterable[Use]) -> ChangedLine:
    arches: dict[LineUse, dict[str, None]] = {}
    for one in found:
        if line.place in one.uses:
            arches.setdefault(one.uses[line.place], {})[one.arch] = None
    use = next((each for each in _BEST if each in arches), LineUse.OUTSIDE)
    if not line.has_code:
        use = LineUse.NO_CODE
    return ChangedLine(line.patch, line.file, line.line, line.text, use, tuple(sorted(arches.get(use, {}))))


def places(lines: Iterable[Line]) -> tuple[Place, ...]:
    """Return where to look."""
    return tuple(line.place for line in lines if line.has_code)


def unexecuted(lines: Iterable[ChangedLine]) -> Mapping[Place, ChangedLine]:
    """Return the lines that are in the programs and were not executed."""
    return {(line.file, line.line): line for line in lines if line.use is LineUse.NOT_EXECUTED}
