# SPDX-License-Identifier: GPL-2.0-or-later
"""Where comments and literals of C begin and end, as gcc tells it: code must not look like a comment to one of us only.

A backslash joins a line to the next one, wherever it stands and with spaces behind it; a quote that nothing closes ends
with its line. Two things that no kernel has are only looked for: the raw strings of C++, which gcc knows in C too, can
hold anything; and a carriage return within a line ends it for gcc alone, a comment too.
"""

import re

_JOINED = rb"(?:\\[ \t\f\v\r]*\n)"


def _pattern(text: bytes) -> re.Pattern[bytes]:
    return re.compile(text.replace(b"JOINED", _JOINED), re.DOTALL)


CLOSED = _pattern(
    rb"/JOINED*/(?:JOINED|[^\n])*|/JOINED*\*.*?\*JOINED*/"
    rb"|\"(?:JOINED|\\JOINED*+.|[^\"\\\n])*+\"|'(?:JOINED|\\JOINED*+.|[^'\\\n]){1,10}'"
)
"""A comment or literal that ends."""
CLOSED_TEXT = re.compile(CLOSED.pattern.decode(), re.DOTALL)
"""The same of a text that was decoded."""
OPEN = _pattern(
    rb"/JOINED*/(?:JOINED|[^\n])*|/JOINED*\*.*?(?:\*JOINED*/|\Z)"
    rb"|\"(?:JOINED|\\JOINED*+.|[^\"\\\n])*+\"?|'(?:JOINED|\\JOINED*+.|[^'\\\n])*+'?"
)
"""One of a file that may be wrong: what nothing closes ends with the line or the text."""
_RETURN = re.compile(rb"\r(?!\n)")
_RAW = _pattern(rb"RJOINED*\"")
_WORD = _pattern(rb"\wJOINED*\Z")
_PREFIX = _pattern(rb"(?<!\w)(?:uJOINED*8|[uUL])JOINED*\Z")
_LONGEST_PREFIX = 64


def return_in(text: bytes) -> int | None:
    """Return the offset of the first carriage return within a line, or None."""
    match = _RETURN.search(text)
    return match.start() if match else None


def raw_string_in(text: bytes) -> int | None:
    """Return the offset of the first raw string of a text, ``R"(...)"``, or None."""
    if _raw_prefix_in(text) is None:
        return None
    # A string can end in R, or a comment: in what is left of those, R before a quote begins one.
    return _raw_prefix_in(OPEN.sub(blanked, text))


def _raw_prefix_in(text: bytes) -> int | None:
    for match in _RAW.finditer(text):
        before = text[max(0, match.start() - _LONGEST_PREFIX) : match.start()]
        if not _WORD.search(before) or _PREFIX.search(before):
            return match.start()
    return None


def blanked(match: re.Match[bytes]) -> bytes:
    """Return a comment or literal as spaces, with its quotes and ends of lines."""
    text = match[0]
    if text[:1] in b"\"'":
        return text[:1] + b" " * (len(text) - 2) + text[-1:] if len(text) > 1 else text
    return b"\n".join(b" " * len(line) for line in text.split(b"\n"))
