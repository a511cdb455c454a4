# SPDX-License-Identifier: GPL-2.0-or-later
"""Regions: the parts of a preprocessed text between the beginnings and ends of included files.

What can be told of a region alone is told here, once for all texts in which it stands. Which
pieces of code it has depends on the macros of the whole text: see ``vmemcheck.kernel.pieces``.
"""

import bisect
import enum
import functools
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vmemcheck.kernel.literals import CLOSED, blanked
from vmemcheck.kernel.meaning import Meaning

_MARKER = re.compile(rb'^# (\d+) "([^"\n]*)".*$', re.MULTILINE)
_DIRECTIVE = re.compile(rb"^[ \t]*#[^\n]*", re.MULTILINE)
DEFINE = re.compile(rb"[ \t]*#[ \t]*define[ \t]+(\w+)(\(([^)]*)\))?(.*)", re.DOTALL)
_UNDEF = re.compile(rb"[ \t]*#[ \t]*undef[ \t]+(\w+)")
_BOUNDARY = re.compile(rb'\n# \d+ "[^"\n]*" [12]\b')  # beginning with letters, it is found much faster
_WORD = re.compile(rb"[A-Za-z_]\w*")


class Kind(enum.StrEnum):
    """What a piece is."""

    MACRO = "macro"
    UNDEF = "undef"
    FUNCTION = "function"
    DECLARATION = "declaration"
    TYPE = "type"
    INVOCATION = "invocation"


class Piece(NamedTuple):  # a tuple, since a text has tens of thousands of them
    """One top-level piece of the text.

    :param names: identifiers that the piece may define or declare, over-approximated
    :param parameters: of a function-like macro, else None
    """

    kind: Kind
    start: int
    end: int
    names: tuple[str, ...]
    parameters: tuple[str, ...] | None = None


class Region:
    """A part of a text, without its comments and strings, its macros, and its pieces if they are known."""

    def __init__(self, text: bytes) -> None:
        """Look at the text."""
        self.code = CLOSED.sub(blanked, text)
        self.opens_comment = b"/*" in self.code
        """Whether a comment goes on behind its end."""
        self._markers = [(match.end() + 1, int(match[1]), match[2].decode()) for match in _MARKER.finditer(text)]
        directives = list(_DIRECTIVE.finditer(self.code))
        self.code_only = _without(self.code, directives)
        self.macros, self.bodies = _macros(directives)
        """The macros, and for each the text behind the name and the parameters; None for an #undef."""
        self.pieces: list[Piece] | None = None
        """The other pieces; None when it is not known yet, or when one goes on in the next region."""
        self.meaning: Meaning | None = None
        """The meaning of words under which these pieces were found."""
        self._base = 0

    @functools.cached_property
    def words(self) -> frozenset[bytes]:
        """Return the words of the code."""
        return frozenset(_WORD.findall(self.code_only))

    def marker_before(self, offset: int) -> tuple[int, int, str] | None:
        """Return the last marker before an offset: where the text behind it starts, line, file."""
        at = bisect.bisect_right(self._markers, offset, key=lambda marker: marker[0]) - 1
        return self._markers[at] if at >= 0 else None

    def move_to(self, base: int) -> None:
        """Let the macros and pieces be those of a text in which the region starts at ``base``."""
        by = base - self._base
        if by != 0:
            self.macros = _moved(self.macros, by)
            self.pieces = self.pieces and _moved(self.pieces, by)
            self._base = base


def regions_of(text: bytes, known: Mapping[bytes, Region]) -> Iterator[tuple[bytes, Region]]:
    """Yield the regions of a text and their own texts.

    :param known: text -> region, of other texts
    """
    starts = [0, *(match.start() + 1 for match in _BOUNDARY.finditer(text)), len(text)]
    parts = [text[start:end] for start, end in itertools.pairwise(starts) if start < end]
    here: dict[bytes, Region] = {}
    for part in parts:
        if part not in here:
            here[part] = known.get(part) or Region(part)
    if any(region.opens_comment for region in here.values()):
        # What looks like a boundary stood in a comment.
        yield text, Region(text)
        return
    for part in parts:
        yield part, here[part]


def _moved(pieces: list[Piece], by: int) -> list[Piece]:
    return [Piece(kind, start + by, end + by, names, rest) for kind, start, end, names, rest in pieces]


def _macros(directives: list[re.Match[bytes]]) -> tuple[list[Piece], list[bytes | None]]:
    """Return the pieces, and for each the text behind the name and the parameters; None for an #undef."""
    macros: list[Piece] = []
    bodies: list[bytes | None] = []
    for match in directives:
        define = DEFINE.match(match[0])
        if define:
            parameters = None
            if define[2] is not None:
                words = (word.strip().decode() for word in define[3].split(b","))
                parameters = tuple(word.removesuffix("...") or "__VA_ARGS__" for word in words if word)
            macros.append(Piece(Kind.MACRO, match.start(), match.end(), (define[1].decode(),), parameters))
            bodies.append(define[4])
        elif undef := _UNDEF.match(match[0]):
            macros.append(Piece(Kind.UNDEF, match.start(), match.end(), (undef[1].decode(),)))
            bodies.append(None)
    return macros, bodies


def _without(code: bytes, matches: list[re.Match[bytes]]) -> bytes:
    parts, at = [], 0
    for match in matches:
        parts += [code[at : match.start()], b" " * (match.end() - match.start())]
        at = match.end()
    return b"".join([*parts, code[at:]])
