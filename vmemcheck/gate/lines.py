# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines that a series changes, and for each the best that became of it on any architecture."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from vmemcheck.gate.affected import may_be_c
from vmemcheck.gate.definitions import Definitions
from vmemcheck.gate.result import ChangedLine, LineUse
from vmemcheck.gate.unread import Objects, are_for, no_longer_built, unread_in
from vmemcheck.gate.uses import Place, Use
from vmemcheck.patch.apply import State
from vmemcheck.patch.comments import code_lines
from vmemcheck.patch.origins import Origin

_BEST = (
    LineUse.EXECUTED,
    LineUse.NOT_EXECUTED,
    LineUse.UNREACHABLE,
    LineUse.STUBBED,
    LineUse.NO_CODE,
    LineUse.NOT_SLICED,
    LineUse.OUTSIDE,
)
_WORST = (
    LineUse.NOT_EXECUTED,
    LineUse.NOT_SLICED,
    LineUse.EXECUTED,
    LineUse.UNREACHABLE,
    LineUse.STUBBED,
    LineUse.NO_CODE,
    LineUse.OUTSIDE,
)
_DIRECTIVE = re.compile(rb"#(?!\s*define\b)")
_MOST_LINES_BEHIND = 12


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a series adds, or that stands behind what it deletes.

    :param has_code: a compiler makes something of it, as far as the line alone tells
    :param deleted: what was deleted before it and not replaced: numbers of lines of the tree, with code, and what to
        say of each
    :param among: the definitions of its file, where it has code
    :param unread: what it is for, where what is run does not take it over; None of all other lines
    """

    patch: int
    file: str
    line: int
    text: str
    has_code: bool
    deleted: Mapping[int, str] = field(default_factory=dict)
    among: Definitions | None = None
    unread: Objects | None = None

    @property
    def place(self) -> Place:
        """The file and the line."""
        return self.file, self.line


def lines_of(state: State, first: State | None = None) -> tuple[Line, ...]:
    """Return the changed lines of the files that matter, in order.

    :param state: after the series
    :param first: before it
    """
    before = first.contents if first else {}
    return tuple(line for name in sorted(state.origins) for line in _of_file(state, name, before.get(name)))


def _of_file(state: State, name: str, before: bytes | None) -> Iterator[Line]:
    content = state.contents.get(name)
    if content is None:
        return
    raw, code = content.split(b"\n"), code_lines(content)
    is_c = may_be_c(name)
    told: dict[tuple[int, bool], Line] = {}
    definitions = Definitions(name, content)
    unread = unread_in(name, content)
    yield from _unread_gone(state, name, before)
    for index, origin in enumerate(state.origins[name]):
        at = index
        if not origin.patch:
            if not origin.behind:
                continue
            at = _next_code(code, index)
        if at >= len(raw):
            continue
        has_code = is_c and bool(code[at]) and not _DIRECTIVE.match(code[at])
        text = raw[at].decode("utf-8", "replace")
        deleted = _deleted(state.origins[name], index, before) if is_c and before and not origin.patch else {}
        among = definitions if has_code else None
        is_for = unread.get(at + 1) if origin.patch else None
        line = Line(origin.patch or origin.behind, name, at + 1, text, has_code, deleted, among, is_for)
        # Several deletions can have the same line behind them, and that can be one that was added.
        before_it = told.get((at, bool(origin.patch)), line)
        told[at, bool(origin.patch)] = replace(before_it, deleted={**before_it.deleted, **deleted})
    yield from told.values()


def _unread_gone(state: State, name: str, before: bytes | None) -> Iterator[Line]:
    """Yield the lines that are gone and that what is run did not take over, by their places before."""
    after = state.contents.get(name)
    old, new = _decoded(before), frozenset(_decoded(after))
    patch = next((origin.patch or origin.behind for origin in state.origins[name] if origin.patch or origin.behind), 1)
    for number, wanted in unread_in(name, before).items():
        if old[number - 1] not in new:
            yield Line(patch, name, number, _gone(old[number - 1]), has_code=False, unread=wanted)
    for one in sorted(no_longer_built(name, before, after)):
        number = next((number for number, line in enumerate(old, 1) if f"{one}.o" in line.split()), 1)
        yield Line(patch, name, number, _gone(old[number - 1]), has_code=False, unread=(one,))


def _gone(text: str) -> str:
    return f"deleted: {text.strip()}"


def _decoded(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "replace").split("\n")


def _deleted(origins: Sequence[Origin], index: int, before: bytes) -> dict[int, str]:
    """Return the lines of the tree with code that stood before a line, where nothing took their place."""
    last = origins[index - 1].line if index else 0
    if index and not last:
        return {}
    raw, code = before.split(b"\n"), code_lines(before)
    numbers = range(last + 1, origins[index].line)
    return {
        number: _gone(raw[number - 1].decode("utf-8", "replace"))
        for number in numbers
        if code[number - 1] and not _DIRECTIVE.match(code[number - 1])
    }


def _next_code(code: list[bytes], index: int) -> int:
    following = range(index, min(len(code), index + _MOST_LINES_BEHIND))
    return next((at for at in following if code[at]), index)


def judged(
    lines: Iterable[Line],
    uses: Iterable[Use],
    before: Iterable[Use] = (),
    replaced: Set[str] = frozenset(),
    files: Set[str] = frozenset(),
) -> tuple[ChangedLine, ...]:
    """Return what became of each line.

    :param uses: of each geometry that was looked at
    :param before: the same of lines of the tree that are deleted
    :param replaced: names that what is run uses, and has from the simulated machine and not from the tree
    :param files: that what is run is made of
    """
    found, old = list(uses), list(before)
    each = ((line, _judged_deleted(line, old) if line.deleted and old else _judged(line, found)) for line in lines)
    return tuple(
        replace(one, use=LineUse.NOT_SLICED) if _is_missed(line, one, replaced, files) else one for line, one in each
    )


def _is_missed(line: Line, judged: ChangedLine, replaced: Set[str], files: Set[str]) -> bool:
    """Tell whether a line that is not in what is run says something of it all the same."""
    if line.unread is not None:
        return are_for(line.file, line.unread, files)
    if judged.use is not LineUse.OUTSIDE or line.among is None:
        return False
    return not line.among.at(line.line - 1).isdisjoint(line.among.parts(replaced))


def _judged_deleted(line: Line, found: Iterable[Use]) -> ChangedLine:
    """Judge what is deleted by the line that ran least."""
    each = [
        _judged(replace(line, line=number, text=text, has_code=True), found) for number, text in line.deleted.items()
    ]
    return replace(min(each, key=lambda one: _WORST.index(one.use)), line=line.line)


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


def deleted_places(lines: Iterable[Line]) -> tuple[Place, ...]:
    """Return where to look in the tree as it was."""
    return tuple((line.file, number) for line in lines for number in line.deleted)


def unexecuted(lines: Iterable[ChangedLine]) -> Mapping[Place, ChangedLine]:
    """Return the lines that are in the programs and were not executed."""
    return {(line.file, line.line): line for line in lines if line.use is LineUse.NOT_EXECUTED}
