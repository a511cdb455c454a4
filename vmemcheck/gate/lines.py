# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines that a series changes, and for each the best that became of it on any architecture."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from vmemcheck.gate.affected import may_be_c
from vmemcheck.gate.definitions import Definitions
from vmemcheck.gate.replaced import Replaced, replaced_in, statements_of
from vmemcheck.gate.result import ChangedLine, LineUse
from vmemcheck.gate.sections import placed_elsewhere
from vmemcheck.gate.statements import Statements
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
_AS_RUN = (LineUse.EXECUTED, LineUse.UNREACHABLE, LineUse.STUBBED, LineUse.NO_CODE)
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
    :param gone: like ``deleted``, with something else in their place, of which this line is the first
    :param after: the statements of its file, where it is new in more than spaces, and ``before`` those of the tree
    :param is_elsewhere: it puts something where a kernel frees it, or does not let it be written
    """

    patch: int
    file: str
    line: int
    text: str
    has_code: bool
    deleted: Mapping[int, str] = field(default_factory=dict)
    among: Definitions | None = None
    unread: Objects | None = None
    gone: Mapping[int, str] = field(default_factory=dict)
    after: Statements | None = None
    before: Statements | None = None
    is_elsewhere: bool = False

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
    elsewhere = placed_elsewhere(definitions, before, content) if is_c else frozenset()
    old, new = statements_of(Definitions(name, before or b""), definitions) if is_c else (None, None)
    runs = _runs(state.origins[name], before or b"", code) if is_c else {}
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
        line = Line(origin.patch or origin.behind, name, at + 1, text, has_code, deleted, among, before=old)
        if origin.patch:
            run = runs.get(index)
            gone = _texts(before or b"", run.gone) if run and run.lines.start == index else {}
            after = new if run and index not in run.same else None
            is_elsewhere = has_code and index in elsewhere
            line = replace(line, unread=unread.get(at + 1), gone=gone, after=after, is_elsewhere=is_elsewhere)
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


def _runs(origins: Sequence[Origin], before: bytes, code: Sequence[bytes]) -> dict[int, Replaced]:
    """Return the run in which each added line stands."""
    return {index: run for run in replaced_in(origins, code_lines(before), code) for index in run.lines}


def _texts(before: bytes, numbers: Iterable[int]) -> dict[int, str]:
    raw = before.split(b"\n")
    return {number: _gone(raw[number - 1].decode("utf-8", "replace")) for number in numbers}


def _gone(text: str) -> str:
    return f"deleted: {text.strip()}"


def _decoded(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "replace").split("\n")


def _deleted(origins: Sequence[Origin], index: int, before: bytes) -> dict[int, str]:
    """Return the lines of the tree with code that stood before a line, where nothing took their place."""
    last = origins[index - 1].line if index else 0
    if index and not last:
        return {}
    code = code_lines(before)
    numbers = range(last + 1, origins[index].line)
    return _texts(before, (at for at in numbers if code[at - 1] and not _DIRECTIVE.match(code[at - 1])))


def _next_code(code: list[bytes], index: int) -> int:
    following = range(index, min(len(code), index + _MOST_LINES_BEHIND))
    return next((at for at in following if code[at]), index)


def judged(
    lines: Iterable[Line],
    uses: Iterable[Use],
    before: Iterable[Use] = (),
    replaced: Set[str] = frozenset(),
    files: Set[str] = frozenset(),
    left_out: frozenset[str] = frozenset(),
) -> tuple[ChangedLine, ...]:
    """Return what became of each line.

    :param uses: of each geometry that was looked at
    :param before: the same of lines of the tree that are deleted
    :param replaced: names that what is run uses, and has from the simulated machine and not from the tree
    :param files: that what is run is made of
    :param left_out: names that do nothing in the simulated machine, and something in a kernel
    """
    found, old = list(uses), list(before)
    each = (
        (line, _judged_deleted(line, old, left_out) if line.deleted and old else _judged(line, found)) for line in lines
    )
    each = ((line, _less_left_out(line, one, old, left_out)) for line, one in each)
    return tuple(
        replace(one, use=LineUse.NOT_SLICED) if _is_missed(line, one, replaced, files) else one for line, one in each
    )


def _is_missed(line: Line, judged: ChangedLine, replaced: Set[str], files: Set[str]) -> bool:
    """Tell whether a line says something of what is run that what is run does not show."""
    if line.unread is not None:
        return are_for(line.file, line.unread, files)
    if line.is_elsewhere and judged.use is not LineUse.OUTSIDE:
        return True
    if judged.use is not LineUse.OUTSIDE or line.among is None:
        return False
    return not line.among.at(line.line - 1).isdisjoint(line.among.parts(replaced))


def _less_left_out(line: Line, judged: ChangedLine, old: Sequence[Use], left_out: frozenset[str]) -> ChangedLine:
    """Judge a line again that counts as run, and with it what it replaces, by whether that calls what is left out."""
    if line.has_code and line.after and judged.use in _AS_RUN and line.after.names(line.line - 1, left_out):
        return replace(judged, use=LineUse.NOT_SLICED)
    if judged.use in (LineUse.NOT_EXECUTED, LineUse.NOT_SLICED):
        return judged
    for number in _gone_left_out(line, left_out):
        one = _judged(replace(line, line=number, text=line.gone[number], has_code=True), old)
        if one.use in _AS_RUN:
            return replace(one, use=LineUse.NOT_SLICED, line=line.line)
    return judged


def _gone_left_out(line: Line, left_out: frozenset[str]) -> Iterator[int]:
    return (number for number in line.gone if line.before and line.before.names(number - 1, left_out))


def _judged_deleted(line: Line, found: Iterable[Use], left_out: frozenset[str]) -> ChangedLine:
    """Judge what is deleted by the line that ran least."""
    each = [
        _judged(replace(line, line=number, text=text, has_code=True), found) for number, text in line.deleted.items()
    ]
    each = [
        replace(one, use=LineUse.NOT_SLICED)
        if one.use in _AS_RUN and line.before and line.before.names(one.line - 1, left_out)
        else one
        for one in each
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


def deleted_places(lines: Iterable[Line], left_out: frozenset[str] = frozenset()) -> tuple[Place, ...]:
    """Return where to look in the tree as it was: of what is replaced, only at what calls what is left out."""
    return tuple((line.file, number) for line in lines for number in (*line.deleted, *_gone_left_out(line, left_out)))


def unexecuted(lines: Iterable[ChangedLine]) -> Mapping[Place, ChangedLine]:
    """Return the lines that are in the programs and were not executed."""
    return {(line.file, line.line): line for line in lines if line.use is LineUse.NOT_EXECUTED}
