# SPDX-License-Identifier: GPL-2.0-or-later
"""Which patch of a series each line of a file is from, followed from patch to patch.

Where lines were only deleted, the line behind them stands for them. Nothing is said of what a line does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vmemcheck.patch.comments import code_lines


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a line is from.

    :param patch: number of the patch that added it, 0 for a line of the tree
    :param behind: number of the patch that deleted code right before it, 0 for none
    :param line: of the tree, where it stood before the series; 0 for a line that the series adds
    """

    patch: int = 0
    behind: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Edit:
    """A run of lines that a patch replaces, exact and without context.

    :param old: index of its first line before, counted from 0
    :param new_count: lines that take its place
    """

    old: int
    old_count: int
    new_count: int


def followed(before: Sequence[Origin], edits: Sequence[Edit], patch: int, content_before: bytes) -> tuple[Origin, ...]:
    """Return the origins of the lines of a file after a patch.

    :param edits: of the patch, in order
    """
    code = code_lines(content_before)
    result: list[Origin] = []
    at, pending = 0, 0
    for edit in edits:
        result += _with(before[at : edit.old], pending)
        pending = 0 if edit.old > at else pending
        result += [Origin(patch)] * edit.new_count
        at = edit.old + edit.old_count
        if not edit.new_count and any(code[edit.old : at]):
            pending = patch
    result += _with(before[at:], pending)
    if pending and at >= len(before) and result:
        result[-1] = replace(result[-1], behind=pending)
    return tuple(result)


def _with(origins: Sequence[Origin], pending: int) -> list[Origin]:
    if pending and origins:
        return [replace(origins[0], behind=pending), *origins[1:]]
    return list(origins)
