# SPDX-License-Identifier: GPL-2.0-or-later
"""The functions of a slice as syntax trees, with the kernel's files and lines. What to change is decided elsewhere."""

import bisect
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter
import tree_sitter_c

from vmemcheck.kernel.pieces import Kind, Source
from vmemcheck.kernel.references import defined_names, plain
from vmemcheck.kernel.slicer import Slice

Node = tree_sitter.Node
_MARKER = re.compile(r'^#(?:line)? (\d+) "([^"\n]*)"[^\n]*\n', re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Function:
    """One function definition.

    :param name: as in the kernel
    :param node: its syntax tree, whose offsets count from ``start``
    :param start: offset in the code of the slice
    :param source: the code of the slice
    """

    name: str
    node: Node
    start: int
    source: str

    def text(self, node: Node) -> str:
        """Return a part of it as it is in the kernel, in one line and without comments."""
        raw = self.source[self.start + node.start_byte : self.start + node.end_byte]
        return " ".join(_COMMENT.sub(" ", raw).split())


class Places:
    """The kernel's files and lines of a code with ``#line`` directives."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._markers = [(found.end(), int(found[1]), found[2]) for found in _MARKER.finditer(code)]
        self._starts = [start for start, _, _ in self._markers]

    def of(self, offset: int) -> tuple[str, int]:
        """Return file and line of an offset."""
        at = bisect.bisect_right(self._starts, offset) - 1
        if at < 0:
            return "", 1 + self._code.count("\n", 0, offset)
        start, line, file = self._markers[at]
        return file, line + self._code.count("\n", start, offset)


def functions_of(found: Slice) -> Iterator[Function]:
    """Yield the function definitions of a slice in their order.

    A definition that the parser does not understand at all is left out.
    """
    # The macros tell which words are attributes. In ASCII, offsets of bytes are offsets of letters.
    before = _ascii(found.macros) + "\n"
    source = Source((before + _ascii(found.code)).encode())
    for piece in source.pieces:
        if piece.kind is not Kind.FUNCTION or piece.start < len(before):
            continue
        code = plain(source, source.code_only[piece.start : piece.end])
        nodes = [node for node in _parser().parse(code).root_node.children if node.type == "function_definition"]
        if len(nodes) == 1:
            yield Function(min(defined_names(source, piece)), nodes[0], piece.start - len(before), found.code)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


@functools.cache
def _parser() -> tree_sitter.Parser:
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_c.language()))
