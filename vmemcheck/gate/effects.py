# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines that a series does not change, and that come to what is run or go from it all the same.

A condition, the beginning of a comment or an answer of Kconfig does that. Only definitions are looked at that are
there before and after: what a changed line calls may be new there as a whole, and is not the change itself.
"""

import functools
from collections.abc import Iterator, Mapping

from vmemcheck.gate.lines import Line
from vmemcheck.gate.statements import Statements
from vmemcheck.gate.text import SlicedText
from vmemcheck.patch.apply import State

_Placed = dict[tuple[str, int], int]


def effects(before: SlicedText, after: SlicedText, state: State) -> Iterator[Line]:
    """Yield the lines that came or went.

    :param before: the program of the tree, and ``after`` of the tree with the series
    :param state: after the series
    """
    follows = _Follows(state)
    old = {place: piece for place, piece in _placed(before).items() if follows.is_still_there(place)}
    new = {follows.before(place): piece for place, piece in _placed(after).items() if follows.before(place)[1]}
    kept = old.keys() & new.keys()
    old_statements = functools.cache(lambda file: _statements(before, file))
    new_statements = functools.cache(lambda file: _statements(after, file))
    old_pieces, new_pieces = {old[place] for place in kept}, {new[place] for place in kept}
    for place in sorted(new.keys() - kept):
        if new[place] in new_pieces:
            file, number = follows.after(place)
            text = after.lines[file][number].code
            yield Line(follows.patch(file), file, number, text, has_code=True, after=new_statements(file))
    for place in sorted(old.keys() - kept):
        if old[place] in old_pieces:
            file, number = follows.after(place)
            text = f"no longer code: {before.lines[file][place[1]].code}"
            deleted = {place[1]: text}
            yield Line(
                follows.patch(file), file, number, text, has_code=True, deleted=deleted, before=old_statements(file)
            )


def _placed(text: SlicedText) -> _Placed:
    return {(file, number): line.piece for file, lines in text.lines.items() for number, line in lines.items()}


def _statements(text: SlicedText, file: str) -> Statements:
    lines = text.lines[file]
    return Statements([lines[number].code if number in lines else "" for number in range(1, max(lines) + 1)])


class _Follows:
    """Where the lines of the tree are after the series; those of a file that it does not touch stay."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._after: dict[str, Mapping[int, int]] = {
            file: {origin.line: number for number, origin in enumerate(origins, 1) if origin.line}
            for file, origins in state.origins.items()
        }

    def before(self, place: tuple[str, int]) -> tuple[str, int]:
        """Return the place in the tree; its number is 0 for a line that the series adds."""
        file, number = place
        origins = self._state.origins.get(file)
        if origins is None:
            return place
        return file, origins[number - 1].line if number <= len(origins) else 0

    def after(self, place: tuple[str, int]) -> tuple[str, int]:
        """Return the place after the series of a line that is still there."""
        file, number = place
        return (file, self._after[file][number]) if file in self._after else place

    def is_still_there(self, place: tuple[str, int]) -> bool:
        """Tell whether the series leaves a line of the tree in its file."""
        file, number = place
        return file not in self._after or number in self._after[file]

    def patch(self, file: str) -> int:
        """Return the first patch that changes a file, or any file where none changes this one."""
        every = [self._state.origins[file]] if file in self._state.origins else self._state.origins.values()
        numbers = {number for origins in every for one in origins for number in (one.patch, one.behind) if number}
        return min(numbers, default=1)
