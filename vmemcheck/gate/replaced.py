# SPDX-License-Identifier: GPL-2.0-or-later
"""What took the place of what: the runs of lines that a series puts where others were, and what is new in them."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from vmemcheck.gate.definitions import Definitions
from vmemcheck.gate.statements import Statements
from vmemcheck.patch.origins import Origin


@dataclass(frozen=True, slots=True)
class Replaced:
    """Lines of the series that stand side by side, and what they replace.

    :param lines: indices of the lines after the series
    :param same: those that differ from what was there in comments and spaces at most
    :param gone: numbers of the lines of the tree with code that are not among the new ones
    """

    lines: range
    same: frozenset[int]
    gone: tuple[int, ...]


def replaced_in(origins: Sequence[Origin], before: Sequence[bytes], after: Sequence[bytes]) -> Iterator[Replaced]:
    """Yield the runs of added lines.

    :param before: the lines of the file before the series, without comments, and ``after`` after it
    """
    at = 0
    while at < len(origins):
        end = at
        while end < len(origins) and origins[end].patch:
            end += 1
        if end > at:
            first = origins[at - 1].line if at else 0
            last = min(origins[end].line - 1 if end < len(origins) else len(before), len(before))
            old = {number: _plain(before[number]) for number in range(first, last)}
            new = {number: _plain(after[number]) for number in range(at, min(end, len(after)))}
            yield _of_run(range(at, end), old, new)
        at = end + 1


def _of_run(lines: range, old: Mapping[int, bytes], new: Mapping[int, bytes]) -> Replaced:
    if b"".join(old.values()) == b"".join(new.values()):
        return Replaced(lines, frozenset(lines), ())
    codes, others = set(old.values()), set(new.values())
    same = frozenset(number for number, code in new.items() if code in codes)
    return Replaced(lines, same, tuple(number + 1 for number, code in old.items() if code and code not in others))


def statements_of(before: Definitions, after: Definitions) -> tuple[Statements, Statements]:
    """Return the statements of a file before and after a series, without functions that have only moved."""
    old, new = _bodies(before), _bodies(after)
    same = {names for names, body in new.items() if names and old.get(names) == body}
    first, second = (Statements([*_outside(one, same)]) for one in (before, after))
    return first, second


def _bodies(definitions: Definitions) -> dict[frozenset[str], bytes]:
    bodies: dict[frozenset[str], list[bytes]] = {}
    for index, line in enumerate(definitions.code):
        bodies.setdefault(definitions.at(index), []).append(_plain(line))
    return {names: b"".join(lines) for names, lines in bodies.items()}


def _outside(definitions: Definitions, names: Set[frozenset[str]]) -> Iterator[str]:
    for index, line in enumerate(definitions.code):
        yield "" if definitions.at(index) in names else line.decode("utf-8", "replace")


def _plain(code: bytes) -> bytes:
    return b"".join(code.split())
