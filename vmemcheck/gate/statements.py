# SPDX-License-Identifier: GPL-2.0-or-later
"""The statements of a text, as far as its lines tell, and which of them call nothing but what is left out.

No condition is decided here, and no name is looked up.
"""

import re
from collections.abc import Sequence

_END = re.compile(r"[;{}]\s*\\?$|^(?:\w+|case\b.*)\s*:$|^#(?!\s*define\b)")
_HEAD = re.compile(r"(?:\}\s*)?(?:else\b\s*)?(?:(?:if|for|while|switch)\b.*)?\{$", re.DOTALL)
_NOTHING = re.compile(r"\W*(?:else\W*)?")
_DECLARED = re.compile(r"(?!(?:return|goto)\b)(?:\w+[\s*]+)+(\w+)(?:\s*=(.*))?;", re.DOTALL)
_ASSIGNED = re.compile(r"(\w+)\s*=(.*);", re.DOTALL)
_CALL = re.compile(r"[a-z]\w*\s*\(")
_WORD = re.compile(r"[A-Za-z_]\w*")
_MOST_OF_BLOCK = 40


class Statements:
    """The statements of one text; the head of a block is one, without what is in it."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Find them in lines that have no comments, and no spaces at their ends."""
        self._number: list[int] = []
        parts: list[list[str]] = [[]]
        for line in lines:
            if line.startswith("#") and parts[-1]:
                parts.append([])
            self._number.append(len(parts) - 1)
            parts[-1] += [line] if line else []
            if _END.search(line):
                parts.append([])
        self._texts = [" ".join(part) for part in parts]
        self._words: dict[int, frozenset[str]] = {}
        self._named: dict[tuple[int, frozenset[str]], bool] = {}

    def names(self, index: int, names: frozenset[str]) -> bool:
        """Tell whether the statement of a line names one of these, or is the head of a block that only calls such.

        A statement without braces is a part of the one that decides whether it is run.
        """
        number = self._number[index]
        if (number, names) not in self._named:
            is_head = bool(_HEAD.fullmatch(self._texts[number]))
            is_named = not self._words_of(number).isdisjoint(names)
            self._named[number, names] = is_named or (is_head and self._is_block_of(number + 1, names))
        return self._named[number, names]

    def _is_block_of(self, first: int, names: frozenset[str]) -> bool:
        found, depth = False, 1
        local: set[str] = set()
        for number in range(first, min(first + _MOST_OF_BLOCK, len(self._texts))):
            text = self._texts[number]
            is_end = depth == 1 and text.startswith("}")
            depth += text.count("{") - text.count("}")
            if is_end or depth <= 0:
                return found
            if not self._words_of(number).isdisjoint(names):
                found = True
            elif not (_NOTHING.fullmatch(text) or _HEAD.fullmatch(text) or _is_local(text, local)):
                return False
        return False

    def _words_of(self, number: int) -> frozenset[str]:
        if number not in self._words:
            self._words[number] = frozenset(_WORD.findall(self._texts[number]))
        return self._words[number]


def _is_local(text: str, local: set[str]) -> bool:
    """Tell whether a statement makes or sets a variable of its block, and calls nothing but macros for it."""
    declared, assigned = _DECLARED.fullmatch(text), _ASSIGNED.fullmatch(text)
    if declared:
        local.add(declared[1])
    elif not assigned or assigned[1] not in local:
        return False
    value = (declared or assigned or text)[2]
    return value is None or not _CALL.search(value)
