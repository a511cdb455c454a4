# SPDX-License-Identifier: GPL-2.0-or-later
"""The functions and macros of a file, as far as its text tells: no condition is decided here."""

import functools
import re
from collections.abc import Sequence, Set

from vmemcheck.patch.comments import code_lines

_MOST_LINES_OF_HEAD = 12
_MACRO = re.compile(rb"#\s*define\s+(\w+)")
_HEAD = re.compile(rb"(?!(?:else|if|for|while|do|switch|return)\b|\w+\s*:)[A-Za-z_]")
_NAME = re.compile(rb"(\w+)\s*\(")
_FORM = re.compile(r"_*(?:(?:arch|raw|generic|const|constant|variable)_+)?(\w+?)(?:_noprof)?")
"""What is instrumented or has several forms is made of such functions: arch_set_bit(), variable__ffs()."""
_WORD = re.compile(rb"[A-Za-z_]\w*")


class Definitions:
    """The definitions of one file, and its lines without comments; functions begin and end in the first column."""

    def __init__(self, file: str, content: bytes) -> None:
        """Find them."""
        self._is_header = file.endswith(".h")
        self.code = code_lines(content)
        self._names = _names(content.split(b"\n"), self.code)
        self._parts: dict[Set[str], Set[str]] = {}

    def at(self, index: int) -> frozenset[str]:
        """Return the names of the function or macro in which a line stands: attributes with arguments look like one."""
        return self._names[index]

    def parts(self, names: Set[str]) -> Set[str]:
        """Return those with one of these names, their forms, and in a header all that is defined there and they use.

        What a .c file has for its own functions is not told by their names: it would be all of the page allocator.
        """
        if names not in self._parts:
            plain = set(map(_plain, names))
            found = {name for name in self._defined if _plain(name) in plain}
            ahead = set(found) if self._is_header else set()
            while ahead:
                new = self._uses[ahead.pop()] - found
                found |= new
                ahead |= new
            self._parts[names] = found
        return self._parts[names]

    @functools.cached_property
    def _defined(self) -> frozenset[str]:
        return frozenset().union(*self._names)

    @functools.cached_property
    def _uses(self) -> dict[str, set[str]]:
        """Return for each definition those that its words name."""
        uses: dict[str, set[str]] = {name: set() for name in self._defined}
        for names, line in zip(self._names, self.code, strict=True):
            if names:
                words = self._defined.intersection(word.decode() for word in _WORD.findall(line))
                for name in names:
                    uses[name] |= words
        return uses


def _plain(name: str) -> str:
    form = _FORM.fullmatch(name)
    return form[1] if form else name


def _names(raw: Sequence[bytes], code: Sequence[bytes]) -> list[frozenset[str]]:
    names: list[frozenset[str]] = []
    function = macro = frozenset[str]()
    for index, line in enumerate(code):
        defined = _MACRO.match(line)
        macro = frozenset((defined[1].decode(),)) if defined else macro
        head = frozenset[str]() if macro else _function(raw, code, index)
        function = head or function
        names.append(macro or function)
        if macro:
            macro = macro if line.endswith(b"\\") else frozenset()
        elif raw[index].startswith(b"}") or (head and line.endswith(b"}")):
            function = frozenset()
    return names


def _function(raw: Sequence[bytes], code: Sequence[bytes], index: int) -> frozenset[str]:
    """Return the names in the head of a function that a line belongs to."""
    if not code[index] or not _HEAD.match(raw[index]):
        return frozenset()
    head, brace, _ = b" ".join(code[index : index + _MOST_LINES_OF_HEAD]).partition(b"{")
    return frozenset(name.decode() for name in _NAME.findall(head)) if brace and b";" not in head else frozenset()
