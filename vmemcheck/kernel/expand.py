# SPDX-License-Identifier: GPL-2.0-or-later
"""What the macro invocations at top level define: ``PAGEFLAG(Reserved, ...)`` and its kind.

Their names are made by pasting and stand nowhere in the text. The preprocessor expands all
invocations of a source once, when the first name is not found otherwise.
"""

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from vmemcheck.kernel.compiler import run_compiler
from vmemcheck.kernel.pieces import Kind, Piece, Source
from vmemcheck.kernel.references import defined_names, defined_tags, is_prototype
from vmemcheck.kernel.remembered import Memory

_ENUMERATOR_CALL = re.compile(rb"[^{;]*\benum\b[^{;]*\{\s*[A-Za-z_]\w*\s*\(")
_DIRECTIVE = re.compile(rb"^#.*$", re.MULTILINE)
_WORD = re.compile(rb"[A-Za-z_]\w*")
_MARK = re.compile(rb'^# (\d+) "invocation".*$', re.MULTILINE)


_MEMORY = Memory()


class ExpandedSource(Source):
    """A source that also knows the names which its macro invocations make.

    What is known of the parts of one is known of the parts of all others in this process.
    """

    def __init__(self, text: bytes) -> None:
        """Split the text."""
        super().__init__(text, _MEMORY)

    @functools.cached_property
    def generated(self) -> "Generated":
        """Return name (or ``struct tag``) -> the invocations that define or declare it."""
        return Generated(self._expanded)

    @functools.cached_property
    def _function_names(self) -> frozenset[str]:
        return frozenset(name.decode() for name in self.function_macros)

    @functools.cached_property
    def _expanded(self) -> list[tuple[int, bytes]]:
        """Return the number of each invocation, and what becomes of it."""
        # In the kernel's order: some macros are undefined again after use.
        parts = []
        for number, piece in enumerate(self.pieces):
            if piece.kind in (Kind.MACRO, Kind.UNDEF):
                parts.append(self.raw(piece))
            elif self._is_made_by_macro(piece):
                parts.append(b'# %d "invocation"\n%s\n# 1 "macros"' % (number, self.text[piece.start : piece.end]))
        expanded = run_compiler(["-E", "-undef", "-w", "-x", "c", "-"], b"\n".join([*parts, b""]), Path("/")).stdout
        marks = list(_MARK.finditer(expanded))
        ends = [*(mark.start() for mark in marks[1:]), len(expanded)][: len(marks)]
        return [(int(mark[1]), expanded[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)]

    def _is_made_by_macro(self, piece: Piece) -> bool:
        """Tell whether a macro makes the name: ``DEFINE_X(name);``, ``extern int __section_of(name);``."""
        if piece.kind is Kind.INVOCATION:
            return True
        if piece.kind is Kind.TYPE:
            # enum { DECLARE_VMA_BIT(READ, 0), ... };
            return _ENUMERATOR_CALL.match(self.code_only, piece.start, piece.end) is not None
        if piece.kind is not Kind.DECLARATION or self._function_names.isdisjoint(piece.names):
            return False
        if not is_prototype(self, piece):
            return False
        return bool({name.encode() for name in defined_names(self, piece)} & self.function_macros)


class Generated:
    """Name (or ``struct tag``) -> the invocations that define or declare it; found when it is asked for."""

    def __init__(self, expanded: list[tuple[int, bytes]]) -> None:
        """Take the number of each invocation, and what becomes of it."""
        self._expanded = expanded
        self._by_word: dict[bytes, list[int]] = {}
        for at, (_, text) in enumerate(expanded):
            for word in _words(text):
                self._by_word.setdefault(word, []).append(at)

    def get(self, name: str, default: Sequence[int] = ()) -> Sequence[int]:
        """Return the numbers of the invocations, in the order of the text."""
        places = self._by_word.get(name.split()[-1].encode(), ())
        found = dict.fromkeys(self._expanded[at][0] for at in places if name in _names(self._expanded[at][1]))
        return list(found) or default

    def __contains__(self, name: str) -> bool:
        """Tell whether an invocation defines or declares the name."""
        return bool(self.get(name))


@functools.lru_cache(maxsize=4096)
def _words(text: bytes) -> frozenset[bytes]:
    return frozenset(_WORD.findall(text))


@functools.lru_cache(maxsize=4096)
def _names(text: bytes) -> frozenset[str]:
    source = Source(_DIRECTIVE.sub(b"", text))
    names: set[str] = set()
    for piece in source.pieces:
        names |= defined_names(source, piece)
        names |= {f"struct {tag}" for tag in defined_tags(source, piece)}
    return frozenset(names)
