# SPDX-License-Identifier: GPL-2.0-or-later
"""Split preprocessed kernel text into its top-level pieces, each with file and line.

Conditions are gone from the text, so braces balance, and pieces can be told apart by
counting them. What the inside of a piece means is left to ``vmemcheck.kernel.references``.
"""

import bisect
import enum
import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

_NOISE = re.compile(
    rb"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n]){1,10}'""",
    re.DOTALL,
)
_MARKER = re.compile(rb'^# (\d+) "([^"\n]*)".*$', re.MULTILINE)
_DIRECTIVE = re.compile(rb"^[ \t]*#[^\n]*", re.MULTILINE)
_DEFINE = re.compile(rb"[ \t]*#[ \t]*define[ \t]+(\w+)(\(([^)]*)\))?(.*)", re.DOTALL)
_TYPE_OPENING = re.compile(rb"\s*(struct|union)\b[^;{}]*")
_SPACE = re.compile(rb"\s*")
_UNDEF = re.compile(rb"[ \t]*#[ \t]*undef[ \t]+(\w+)")
_STRUCTURE = re.compile(rb"[{};]")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_TEXT_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
ENUM_BODY = re.compile(rb"\benum\b[^;{}()]*\{([^}]*)\}")
_LAST_WORD = re.compile(rb"\w+$")
_PARENTHESIS = re.compile(rb"[()]")
_STORED_INVOCATION = re.compile(rb"\s*(?:(?:static|extern|const)\s+)+([A-Za-z_]\w*)\s*\(")
_INVOCATION = re.compile(rb"\s*([A-Za-z_]\w*)\s*\(")
_ATTRIBUTE_WORDS = frozenset((b"__attribute__", b"__attribute", b"asm", b"__asm__", b"__asm"))
_Result = TypeVar("_Result")
_TYPE_WORDS = frozenset((b"struct", b"union", b"enum", b"typedef"))


class Kind(enum.Enum):
    """What a piece is."""

    MACRO = "macro"
    UNDEF = "undef"
    FUNCTION = "function"
    DECLARATION = "declaration"
    TYPE = "type"
    INVOCATION = "invocation"


@dataclass(frozen=True, slots=True)
class Piece:
    """One top-level piece of the text.

    :param names: identifiers that the piece may define or declare, over-approximated
    :param parameters: of a function-like macro, else None
    """

    kind: Kind
    start: int
    end: int
    names: tuple[str, ...]
    parameters: tuple[str, ...] | None = None


class Source:
    """A preprocessed text, its pieces, and where each came from."""

    def __init__(self, text: bytes, like: "Source | None" = None) -> None:
        """Split the text.

        :param like: a source that was looked at before; what is known of a piece is known of an equal one
        """
        self.text = text
        self.code = _NOISE.sub(_blanked, text)
        """The text without comments and the insides of strings, at equal offsets."""
        self._markers = [(match.end() + 1, int(match[1]), match[2].decode()) for match in _MARKER.finditer(text)]
        self._offsets = [marker[0] for marker in self._markers]
        directives = list(_DIRECTIVE.finditer(self.code))
        self.code_only = _without(self.code, directives)
        """The code without directives, at equal offsets."""
        macros, bodies = self._macros(directives)
        self.attributes = _attributes(macros, bodies)
        self.attribute_words = {b"__attribute__"} | {
            name.encode() for name in self.attributes if name.strip("_") != "inline"
        }
        """What ``plain()`` blanks."""
        self.type_macros = _type_macros(macros, bodies)
        """Macros that open a type: ``context_lock_struct(spinlock) { ... };``"""
        self.function_macros = frozenset(one.names[0].encode() for one in macros if one.parameters is not None)
        self.pieces = tuple(sorted([*macros, *self._split()], key=lambda piece: piece.start))
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
        is_alike = like is not None and like.attributes == self.attributes and like.type_macros == self.type_macros
        self.known: dict[tuple[str, Kind, bytes], object] = like.known if like is not None and is_alike else {}
        """What was found out about the code of a piece (see ``once()``)."""
        self.known_here: dict[tuple[str, int], object] = {}
        """The same by the start of the piece, which is found faster."""

    def position(self, offset: int) -> tuple[str, int]:
        """Return file and line of an offset."""
        at = bisect.bisect_right(self._offsets, offset) - 1
        if at < 0:
            return "<text>", self.text.count(b"\n", 0, offset) + 1
        start, line, name = self._markers[at]
        return name, line + self.text.count(b"\n", start, offset)

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

    def _macros(self, directives: list[re.Match[bytes]]) -> tuple[list[Piece], list[bytes | None]]:
        """Return the pieces, and for each the text behind the name and the parameters; None for an #undef."""
        macros: list[Piece] = []
        bodies: list[bytes | None] = []
        for match in directives:
            define = _DEFINE.match(match[0])
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

    def _split(self) -> Iterator[Piece]:
        code = self.code_only
        start, depth, brace = 0, 0, -1
        for match in _STRUCTURE.finditer(code):
            token = match[0]
            if token == b"{":
                depth += 1
                if depth == 1 and brace < 0:
                    brace = match.start()
            elif token == b"}":
                depth -= 1
                if depth == 0 and self._is_function(code[start:brace]):
                    yield from self._piece(start, match.end(), brace)
                    start, brace = match.end(), -1
            elif depth == 0:
                yield from self._piece(start, match.end(), brace)
                start, brace = match.end(), -1

    def _is_function(self, header: bytes) -> bool:
        opening = _INVOCATION.match(header)
        if opening is not None and opening[1] in self.type_macros:
            return False
        rest = header.rstrip()
        while rest:
            name = _before_group(rest) if rest.endswith(b")") else (_LAST_WORD.search(rest) or [b""])[0]
            is_attribute = name in _ATTRIBUTE_WORDS or name.decode() in self.attributes
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
        if code[start:end].strip(b"; \t\n"):
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
        here = (name, piece.start)
        if here not in source.known_here:
            key = (name, piece.kind, source.code[piece.start : piece.end])
            if key not in source.known:
                source.known[key] = function(source, piece)
            source.known_here[here] = source.known[key]
        return cast(_Result, source.known_here[here])

    return known


@once
def macro_body(source: Source, piece: Piece) -> bytes:
    """Return what a macro expands to, comments and insides of strings blanked."""
    match = _DEFINE.match(source.code, piece.start, piece.end)
    assert match is not None, "only called for macros"
    return match[4].strip()


def _starting(names: list[str], prefix: str) -> Iterator[str]:
    """Yield those of the sorted names that start with ``prefix``."""
    for at in range(bisect.bisect_left(names, prefix), len(names)):
        if not names[at].startswith(prefix):
            return
        yield names[at]


def _blanked(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if text[:1] in b"\"'":
        return text[:1] + b" " * (len(text) - 2) + text[:1]
    return b"\n".join(b" " * len(line) for line in text.split(b"\n"))


def _without(code: bytes, matches: list[re.Match[bytes]]) -> bytes:
    parts, at = [], 0
    for match in matches:
        parts += [code[at : match.start()], b" " * (match.end() - match.start())]
        at = match.end()
    return b"".join([*parts, code[at:]])


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
    word = re.search(rb"\w+\s*$", text[max(at - 200, 0) : at])
    return word[0].strip() if word else b""


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
    pending = {
        name: bodies for name, bodies in pending.items() if all(not body or _WORD.match(body) for body, _ in bodies)
    }
    while True:
        new = {
            name: bodies[-1][1]
            for name, bodies in pending.items()
            if all(_only_attributes(body, found) for body, _ in bodies)
        }
        if not new:
            return found
        found |= new
        pending = {name: bodies for name, bodies in pending.items() if name not in new}


def _type_macros(macros: list[Piece], bodies: list[bytes | None]) -> frozenset[bytes]:
    return frozenset(
        piece.names[0].encode()
        for piece, body in zip(macros, bodies, strict=True)
        if body is not None and piece.parameters and _TYPE_OPENING.fullmatch(body)
    )


def _only_attributes(body: bytes, known: Mapping[str, bool]) -> bool:
    at = 0
    while at < len(body):
        word = _WORD.match(body, at)
        if word is None:
            return False
        is_attribute = word[0] in _ATTRIBUTE_WORDS or word[0] == b"_Pragma"
        if not is_attribute and word[0].decode() not in known:
            return False
        at = word.end()
        at += len(body[at:]) - len(body[at:].lstrip())
        if (is_attribute or known[word[0].decode()]) and body[at : at + 1] == b"(":
            at = group_end(body, at, len(body))
            at += len(body[at:]) - len(body[at:].lstrip())
    return True
