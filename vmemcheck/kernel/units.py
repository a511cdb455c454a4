# SPDX-License-Identifier: GPL-2.0-or-later
"""The translation units of a text: what a C file keeps to itself although all of them are read as one.

Pieces of C files belong to the unit in which they stand, those of headers to all. That a header is included by the
file that uses it is not looked at.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vmemcheck.kernel.expand import ExpandedSource
from vmemcheck.kernel.pieces import Kind, Piece, Source
from vmemcheck.kernel.references import defined_names, references

FOREIGN = "vmc_foreign_"
"""Before a name, in the text that is only compiled to see whether another file's name is meant by it."""
RIVAL = "__vmc_{}_{}"
"""The name of a static when another thing has its own, with a number: see vmemcheck.kernel.instrument."""
# The text that is preprocessed has nothing but an #include of each file.
_BEGINS = b'"<stdin>"'
_MARKER = re.compile(rb'# \d+ "<stdin>"[^\n]*')
_STATIC = re.compile(rb"[^{};=]*?\bstatic\b")
_TOKEN = re.compile(rb"((?:\.|->|\b(?:struct|union|enum)\b)\s*)?([A-Za-z_]\w*)")
_CODE = frozenset((Kind.FUNCTION, Kind.DECLARATION))


@dataclass(frozen=True, slots=True)
class Foreign:
    """A name that a unit uses and that only another one has, as far as tokens tell.

    :param unit: that uses it
    :param file: that defines it
    :param is_static: it does so for itself alone; else no header declares it, or it is a macro or a type
    """

    unit: int
    name: str
    file: str
    is_static: bool


@dataclass(slots=True)
class Units:
    """The units of a source, and the names that several of them have."""

    source: ExpandedSource
    rivals: dict[str, Mapping[int | None, Sequence[int]]] = field(default_factory=dict)
    """Name that is static in a unit, and something else in another one -> the pieces of each unit."""
    _starts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Find where they begin."""
        self._starts = tuple(_begins(self.source.text))

    def of(self, number: int) -> int | None:
        """Return the unit of a piece; None where it is of a header, and so of all."""
        start = self.source.pieces[number].start
        return bisect_right(self._starts, start) if self.source.file_of(start).endswith(".c") else None

    def has_rivals(self, name: str, found: Iterable[int]) -> bool:
        """Tell whether the pieces that define a name are different things, one of them static.

        What a header declares is the same for all of them: that the compiler is to object to.
        """
        pieces = [number for number in found if self.source.pieces[number].kind in _CODE]
        if len(pieces) < 2 or not any(is_static(self.source, self.source.pieces[number]) for number in pieces):
            return False
        by_unit: dict[int | None, list[int]] = {}
        for number in pieces:
            by_unit.setdefault(self.of(number), []).append(number)
        if len(by_unit) < 2 or None in by_unit:
            return False
        self.rivals[name] = by_unit
        return True

    def visible(self, name: str, found: Iterable[int], user: int) -> list[int]:
        """Return those of the rivals that a piece means, in the order of the text.

        :param user: number of the piece; negative where it is none
        """
        by_unit = self.rivals[name]
        unit = self.of(user) if user >= 0 else None
        keep_to_themselves = [each for each in by_unit if self._is_static_in(name, each)]
        others = [each for each in by_unit if each not in keep_to_themselves]
        if unit in keep_to_themselves:
            wanted = [unit]
        else:
            # What all mean has the name as it is: see names().
            wanted = others or (list(by_unit)[:1] if unit is None else list(by_unit))
        hidden = {number for each, numbers in by_unit.items() if each not in wanted for number in numbers}
        return [number for number in found if number not in hidden]

    def names(self, kept: Mapping[int, str]) -> dict[int | None, dict[str, str]]:
        """Return the other names that each unit's statics have in a text of all: one of each keeps its own."""
        found: dict[int | None, dict[str, str]] = {}
        for name, by_unit in self.rivals.items():
            present = [unit for unit, numbers in by_unit.items() if any(number in kept for number in numbers)]
            static = [unit for unit in present if self._is_static_in(name, unit)]
            own = static if len(static) < len(present) else static[1:]
            for count, unit in enumerate(own, 2):
                found.setdefault(unit, {})[name] = RIVAL.format(count, name)
        return found

    def foreign(self, kept: Iterable[int]) -> list[Foreign]:
        """Return what units may use of others without a declaration."""
        pieces, here = self.source.pieces, {number: self.of(number) for number in kept}
        owners: dict[str, list[int]] = {}
        for number, unit in here.items():
            if unit is not None:
                for name in defined_names(self.source, pieces[number]):
                    owners.setdefault(name, []).append(number)
        found = {}
        for number, unit in here.items():
            if unit is not None:
                for name in owners.keys() & references(self.source, pieces[number]).names.keys():
                    if not self._is_declared(name, unit):
                        owner = pieces[owners[name][0]]
                        is_own = owner.kind in _CODE and is_static(self.source, owner)
                        found[unit, name] = Foreign(unit, name, self.source.file_of(owner.start), is_own)
        return list(found.values())

    def _is_declared(self, name: str, unit: int) -> bool:
        """Tell whether a header or the unit itself says what the name is."""
        found = (number for number in self.source.by_name.get(name, ()) if self._declares(number, name))
        if any(self.of(number) in (None, unit) for number in found):
            return True
        return any(self.of(number) in (None, unit) for number in self.source.generated.get(name, ()))

    def _declares(self, number: int, name: str) -> bool:
        piece = self.source.pieces[number]
        if name in defined_names(self.source, piece):
            return True
        # int one(int), another(int);
        code = self.source.code_only[piece.start : piece.end]
        return piece.kind is Kind.DECLARATION and re.search(rb"\b%s\s*\(" % name.encode(), code) is not None

    def _is_static_in(self, name: str, unit: int | None) -> bool:
        return any(is_static(self.source, self.source.pieces[number]) for number in self.rivals[name][unit])


def is_static(source: Source, piece: Piece) -> bool:
    """Tell whether a function or an object is only for its own unit."""
    return _STATIC.match(source.code_only, piece.start, piece.end) is not None


def renamed(source: Source, piece: Piece, names: Mapping[str, str]) -> bytes:
    """Return the text of a piece with other names, members and tags apart."""
    if piece.kind is Kind.TYPE or names.keys().isdisjoint(references(source, piece).names.keys() | set(piece.names)):
        return source.raw(piece)
    parts, at = [], piece.start
    for match in _TOKEN.finditer(source.code, piece.start, piece.end):
        new = names.get(match[2].decode())
        if new is not None and match[1] is None:
            parts += [source.text[at : match.start(2)], new.encode()]
            at = match.end()
    return b"".join([*parts, source.text[at : piece.end]])


def _begins(text: bytes) -> Iterator[int]:
    at = text.find(_BEGINS)
    while at >= 0:
        line = text.rfind(b"\n", 0, at) + 1
        if _MARKER.fullmatch(text, line, text.find(b"\n", at)):
            yield line
        at = text.find(_BEGINS, at + 1)
