# SPDX-License-Identifier: GPL-2.0-or-later
"""What the macro invocations at top level define: ``PAGEFLAG(Reserved, ...)`` and its kind.

Their names are made by pasting and stand nowhere in the text. The preprocessor expands all
invocations of a source once, when the first name is not found otherwise.
"""

import functools
import re
from collections.abc import Mapping
from pathlib import Path

from vmemcheck.kernel.compiler import run_compiler
from vmemcheck.kernel.pieces import Kind, Piece, Source
from vmemcheck.kernel.references import defined_names, defined_tags, is_prototype

_ENUMERATOR_CALL = re.compile(rb"[^{;]*\benum\b[^{;]*\{\s*[A-Za-z_]\w*\s*\(")
_MARK = re.compile(rb'^# (\d+) "invocation".*$', re.MULTILINE)


class ExpandedSource(Source):
    """A source that also knows the names which its macro invocations make."""

    @functools.cached_property
    def generated(self) -> Mapping[str, list[int]]:
        """Return name (or ``struct tag``) -> the invocations that define or declare it."""
        found: dict[str, list[int]] = {}
        for number, names in self._produced.items():
            for name in names:
                found.setdefault(name, []).append(number)
        return found

    @functools.cached_property
    def _produced(self) -> dict[int, frozenset[str]]:
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
        produced: dict[int, frozenset[str]] = {}
        for mark, end in zip(marks, ends, strict=True):
            number = int(mark[1])
            produced[number] = produced.get(number, frozenset()) | _names(expanded[mark.end() : end])
        return produced

    def _is_made_by_macro(self, piece: Piece) -> bool:
        """Tell whether a macro makes the name: ``DEFINE_X(name);``, ``extern int __section_of(name);``."""
        if piece.kind is Kind.INVOCATION:
            return True
        if piece.kind is Kind.TYPE:
            # enum { DECLARE_VMA_BIT(READ, 0), ... };
            return _ENUMERATOR_CALL.match(self.code_only, piece.start, piece.end) is not None
        if piece.kind is not Kind.DECLARATION or not is_prototype(self, piece):
            return False
        return bool({name.encode() for name in defined_names(self, piece)} & self.function_macros)


def _names(text: bytes) -> frozenset[str]:
    source = Source(re.sub(rb"^#.*$", b"", text, flags=re.MULTILINE))
    names: set[str] = set()
    for piece in source.pieces:
        names |= defined_names(source, piece)
        names |= {f"struct {tag}" for tag in defined_tags(source, piece)}
    return frozenset(names)
