# SPDX-License-Identifier: GPL-2.0-or-later
"""Split preprocessed kernel text into its top-level pieces, each with file and line.

Conditions are gone from the text, so braces balance, and pieces can be told apart by
counting them. What the inside of a piece means is left to ``vmemcheck.kernel.references``.
"""

import bisect
import functools
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, TypeVar

from vmemcheck.kernel.meaning import Meaning
from vmemcheck.kernel.regions import DEFINE, Region, regions_of
from vmemcheck.kernel.regions import Kind as Kind
from vmemcheck.kernel.regions import Piece as Piece
from vmemcheck.kernel.remembered import Memory

_TYPE_OPENING = re.compile(rb"\s*(struct|union)\b[^;{}]*")
_SPACE = re.compile(rb"\s*")
_STRUCTURE = re.compile(rb"[{};]")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_TEXT_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
ENUM_BODY = re.compile(rb"\benum\b[^;{}()]*\{([^}]*)\}")
_LAST_WORD = re.compile(rb"\w+$")
_PARENTHESIS = re.compile(rb"[()]")
_STORED_INVOCATION = re.compile(rb"\s*(?:(?:static|extern|const)\s+)+([A-Za-z_]\w*)\s*\(")
_INVOCATION = re.compile(rb"\s*([A-Za-z_]\w*)\s*\(")
_ATTRIBUTE_WORDS = frozenset((b"__attribute__", b"__attribute", b"asm", b"__asm__", b"__asm"))
_START = attrgetter("start")
_Result = TypeVar("_Result")
_TYPE_WORDS = frozenset((b"struct", b"union", b"enum", b"typedef"))


class Source:
    """A preprocessed text, its pieces, and where each came from."""

    def __init__(self, text: bytes, memory: Memory | None = None) -> None:
        """Split the text.

        :param memory: what is known of the parts of other texts; it comes to know those of this one
        """
        self.text = text
        self.memory = memory if memory is not None else Memory()
        """What is known of its parts, and what was found out about the code of its pieces (see ``once()``)."""
        regions = list(regions_of(text, self.memory.regions))
        self.memory.keep(dict(regions))
        self._starts = [0, *itertools.accumulate(len(part) for part, _ in regions)]
        self._in_order = [region for _, region in regions]
        self.code = b"".join(region.code for region in self._in_order)
        """The text without comments and the insides of strings, at equal offsets."""
        self.code_only = b"".join(region.code_only for region in self._in_order)
        """The code without directives, at equal offsets."""
        macros: list[Piece] = []
        bodies: list[bytes | None] = []
        for base, region in zip(self._starts, self._in_order, strict=False):
            region.move_to(base)
            macros += region.macros
            bodies += region.bodies
        self.attributes = _attributes(macros, bodies)
        self.attribute_words = {b"__attribute__"} | {
            name.encode() for name in self.attributes if name.strip("_") != "inline"
        }
        """What ``plain()`` blanks."""
        self.type_macros = _type_macros(macros, bodies)
        """Macros that open a type: ``context_lock_struct(spinlock) { ... };``"""
        self.function_macros = frozenset(one.names[0].encode() for one in macros if one.parameters is not None)
        self.meaning = Meaning(self.attributes, self.type_macros, self.function_macros)
        self.pieces = tuple(sorted([*macros, *self._pieces()], key=_START))
        by_name: defaultdict[str, list[int]] = defaultdict(list)
        self.macros: dict[str, list[int]] = {}
        """Name -> its definitions as a macro."""
        for number, piece in enumerate(self.pieces):
            if piece.kind is Kind.MACRO:
                self.macros.setdefault(piece.names[0], []).append(number)
            for name in piece.names:
                by_name[name].append(number)
        self.by_name: dict[str, list[int]] = dict(by_name)
        """Name -> the pieces that may define it."""
        self.known_here: defaultdict[str, dict[int, Any]] = defaultdict(dict)
        """What each function found out about the code of a piece, by its start: that is faster than by its code."""

    def file_of(self, offset: int) -> str:
        """Return the file of an offset."""
        marker = self._marker_before(offset)
        return marker[2] if marker is not None else "<text>"

    def position(self, offset: int) -> tuple[str, int]:
        """Return file and line of an offset."""
        marker = self._marker_before(offset)
        if marker is None:
            return "<text>", self.text.count(b"\n", 0, offset) + 1
        start, line, name = marker
        return name, line + self.text.count(b"\n", start, offset)

    def _marker_before(self, offset: int) -> tuple[int, int, str] | None:
        """Return the last marker before an offset: where the text behind it starts, line, file."""
        for at in range(bisect.bisect_right(self._starts, offset) - 1, -1, -1):
            base = self._starts[at]
            marker = self._in_order[at].marker_before(offset - base) if at < len(self._in_order) else None
            if marker is not None:
                start, line, name = marker
                return base + start, line, name
        return None

    def raw(self, piece: Piece) -> bytes:
        """Return a piece as it is in the kernel, comments and markers included."""
        return self.text[piece.start : piece.end]

    def macros_between(self, prefix: str, suffix: str) -> list[str]:
        """Return the macros whose names start and end so, in the order of the text; one of the two can be empty."""
        names, mirrored = self._sorted_macros
        if prefix:
            found = [name for name in _starting(names, prefix) if name.endswith(suffix)]
        else:
            found = [name[::-1] for name in _starting(mirrored, suffix[::-1])]
        return sorted(found, key=lambda name: self.macros[name][0])

    @functools.cached_property
    def _sorted_macros(self) -> tuple[list[str], list[str]]:
        return sorted(self.macros), sorted(name[::-1] for name in self.macros)

    def _pieces(self) -> list[Piece]:
        """Return all pieces but the macros: of regions that are known, or found by splitting them."""
        pieces: list[Piece] = []
        at, count = 0, 1
        while at < len(self._in_order):
            region, base = self._in_order[at], self._starts[at]
            region.move_to(base)
            if count > 1 or region.pieces is None or not self._is_read_alike(region):
                end = min(at + count, len(self._in_order))
                found, rest = self._split(base, self._starts[end])
                if self.code_only[rest : self._starts[end]].strip() and end < len(self._in_order):
                    # A piece goes on in the next region.
                    count *= 2
                    continue
                for each in self._in_order[at:end]:
                    each.pieces, each.meaning = (found, self.meaning) if count == 1 else (None, None)
                pieces += found
                at, count = end, 1
            else:
                pieces += region.pieces
                at += 1
        return pieces

    def _is_read_alike(self, region: Region) -> bool:
        """Tell whether the words of a region mean here what they meant where it was split."""
        assert region.meaning is not None, "only asked where there are pieces"
        if not self.meaning.difference(region.meaning).isdisjoint(region.words):
            return False
        region.meaning = self.meaning
        return True

    def _split(self, start: int, stop: int) -> tuple[list[Piece], int]:
        """Return the pieces of a part of the text, and the offset behind the last one."""
        code = self.code_only
        pieces: list[Piece] = []
        depth, brace = 0, -1
        for match in _STRUCTURE.finditer(code, start, stop):
            token = match[0]
            if token == b"{":
                depth += 1
                if depth == 1 and brace < 0:
                    brace = match.start()
                continue
            if token == b"}":
                depth -= 1
            if depth == 0 and (token == b";" or self._is_function(code[start:brace])):
                pieces += self._piece(start, match.end(), brace)
                start, brace = match.end(), -1
        return pieces, start

    def _is_function(self, header: bytes) -> bool:
        opening = _INVOCATION.match(header)
        if opening is not None and opening[1] in self.type_macros:
            return False
        rest = header.rstrip()
        while rest:
            name = _before_group(rest) if rest.endswith(b")") else (_LAST_WORD.search(rest) or [b""])[0]
            is_attribute = name in _ATTRIBUTE_WORDS or name.decode() in self.attributes
            if name in self.type_macros:
                return False  # behind invocations that have no semicolon
            if not is_attribute:
                return rest.endswith(b")") and bool(name) and b"=" not in rest
            rest = rest[: rest.rfind(name)].rstrip()
        return False

    def _piece(self, start: int, end: int, brace: int) -> Iterator[Piece]:
        """Yield the piece; before it, the macro invocations without semicolon that stand there."""
        code = self.code_only
        start = _after_space(code, start, end)
        while start < end:
            stop = self._invocation_end(start, brace if brace >= 0 else end)
            if stop is None:
                break
            yield Piece(Kind.INVOCATION, start, stop, _words(code[start:stop]))
            start = _after_space(code, stop, end)
        head = code[start : brace if brace >= 0 else end].partition(b"=")[0]
        # With an arrow it is a statement, of an invocation that has statements as its arguments: TRACE_EVENT().
        if b"->" not in head and code[start:end].strip(b"; \t\n"):
            yield self._classified(start, end, brace)

    def _invocation_end(self, start: int, stop: int) -> int | None:
        match = _INVOCATION.match(self.code_only, start, stop)
        if match is None or match[1] in self.type_macros or not self._is_invocation(match[0]):
            return None
        end = group_end(self.code_only, match.end() - 1, stop)
        following = _WORD.match(self.code_only, _after_space(self.code_only, end, stop), stop)
        if following is None or following[0] in _ATTRIBUTE_WORDS or following[0].decode() in self.attributes:
            return None
        return end

    def _is_invocation(self, header: bytes) -> bool:
        match = _INVOCATION.match(header)
        if match is None:
            # static DEFINE_MUTEX(lock);
            match = _STORED_INVOCATION.match(header)
            return match is not None and match[1] in self.function_macros
        return match[1].decode() not in self.attributes and match[1] not in _ATTRIBUTE_WORDS

    def _classified(self, start: int, end: int, brace: int) -> Piece:
        code = self.code_only
        header = code[start : brace if brace >= 0 else end]
        if brace >= 0 and self._is_function(header):
            return Piece(Kind.FUNCTION, start, end, _words(header))
        head, initialised, _ = header.partition(b"=")
        tail = b"" if initialised or brace < 0 else code[code.rfind(b"}", start, end) + 1 : end]
        names = list(_words(head + b" " + tail))
        whole = code[start:end]
        for body in ENUM_BODY.findall(whole) if b"enum" in whole else ():
            words = (item.split(b"=")[0].strip() for item in body.split(b","))
            names += [word.decode() for word in words if _WORD.fullmatch(word)]
        first = next((word for word in _WORD.findall(header) if word.decode() not in self.attributes), b"")
        opens_type = first in _TYPE_WORDS or first in self.type_macros
        is_type = first == b"typedef" or (brace >= 0 and opens_type)
        if is_type and not initialised:
            return Piece(Kind.TYPE, start, end, tuple(dict.fromkeys(names)))
        if self._is_invocation(header):
            return Piece(Kind.INVOCATION, start, end, tuple(dict.fromkeys(names)))
        return Piece(Kind.DECLARATION, start, end, tuple(dict.fromkeys(names)))


def once(function: Callable[[Source, Piece], _Result]) -> Callable[[Source, Piece], _Result]:
    """Call ``function`` once for all pieces with the same code: it must not look at anything else."""
    name = function.__name__

    @functools.wraps(function)
    def known(source: Source, piece: Piece) -> _Result:
        here = source.known_here[name]
        if piece.start not in here:
            code = source.code[piece.start : piece.end]
            key = (name, piece.kind, code)
            meaning, value = source.memory.known.get(key, (None, None))
            others = source.meaning.difference(meaning) if meaning is not None else ()
            if meaning is None or (others and not others.isdisjoint(_WORD.findall(code))):
                value = function(source, piece)
            source.memory.known[key] = (source.meaning, value)
            here[piece.start] = value
        result: _Result = here[piece.start]
        return result

    return known


@once
def macro_body(source: Source, piece: Piece) -> bytes:
    """Return what a macro expands to, comments and insides of strings blanked."""
    match = DEFINE.match(source.code, piece.start, piece.end)
    assert match is not None, "only called for macros"
    return match[4].strip()


def _starting(names: list[str], prefix: str) -> Iterator[str]:
    """Yield those of the sorted names that start with ``prefix``."""
    for at in range(bisect.bisect_left(names, prefix), len(names)):
        if not names[at].startswith(prefix):
            return
        yield names[at]


def _words(code: bytes) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_TEXT_WORD.findall(code.decode("latin-1"))))


def _after_space(code: bytes, start: int, end: int) -> int:
    match = _SPACE.match(code, start, end)
    assert match is not None, "it can be empty"
    return match.end()


def _before_group(text: bytes) -> bytes:
    """Return the identifier before the last, balanced group of parentheses."""
    depth, at, place = 0, 0, len(text)
    while (place := max(text.rfind(b"(", 0, place), text.rfind(b")", 0, place))) >= 0:
        at = place
        depth += 1 if text.startswith(b")", place) else -1
        if depth == 0:
            break
    word = _LAST_WORD.search(text[max(at - 200, 0) : at].rstrip())
    return word[0] if word else b""


def group_end(code: bytes, at: int, stop: int) -> int:
    """Return the offset after the group of parentheses that opens at ``at``."""
    depth = 0
    for match in _PARENTHESIS.finditer(code, at, stop):
        depth += 1 if match[0] == b"(" else -1
        if depth == 0:
            return match.end()
    return stop


def _attributes(macros: list[Piece], bodies: list[bytes | None]) -> Mapping[str, bool]:
    """Return the macros that vanish or become only attributes: name -> takes arguments.

    The parser does not know them, and they decide nothing. They are found in the tree itself.
    """
    found: dict[str, bool] = {"inline": False, "__inline": False, "__inline__": False, "__extension__": False}
    pending: dict[str, list[tuple[bytes, bool]]] = {}
    for piece, body in zip(macros, bodies, strict=True):
        if body is not None:
            pending.setdefault(piece.names[0], []).append((body.strip(), piece.parameters is not None))
    # A macro that is redefined counts only when every definition does.
    ready = [name for name, bodies in pending.items() if all(not body or _WORD.match(body) for body, _ in bodies)]
    waiting: dict[str, list[str]] = {}
    while ready:
        name = ready.pop()
        words = (_no_attribute(body, found) for body, _ in pending[name])
        word = next((word for word in words if word is not None), None)
        if word is not None:
            waiting.setdefault(word, []).append(name)
        else:
            found[name] = pending[name][-1][1]
            ready += waiting.pop(name, ())
    return found


def _type_macros(macros: list[Piece], bodies: list[bytes | None]) -> frozenset[bytes]:
    return frozenset(
        piece.names[0].encode()
        for piece, body in zip(macros, bodies, strict=True)
        if body is not None and piece.parameters and _TYPE_OPENING.fullmatch(body)
    )


def _no_attribute(body: bytes, known: Mapping[str, bool]) -> str | None:
    """Return the first word that is no attribute yet; empty where something is there that never is one, or None."""
    at = 0
    while at < len(body):
        word = _WORD.match(body, at)
        if word is None:
            return ""
        is_attribute = word[0] in _ATTRIBUTE_WORDS or word[0] == b"_Pragma"
        if not is_attribute and word[0].decode() not in known:
            return word[0].decode()
        at = word.end()
        at += len(body[at:]) - len(body[at:].lstrip())
        if (is_attribute or known[word[0].decode()]) and body[at : at + 1] == b"(":
            at = group_end(body, at, len(body))
            at += len(body[at:]) - len(body[at:].lstrip())
    return None
