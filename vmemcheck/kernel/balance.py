# SPDX-License-Identifier: GPL-2.0-or-later
"""Find where the braces of kernel code do not balance: nothing behind such a place can be told apart.

Only asked for code that cannot be right; where it goes wrong is a guess by the kernel's own layout.
"""

import re

from vmemcheck.kernel.pieces import Source

_BRACE = re.compile(rb"[{}]")
_HEAD = re.compile(rb"(\w+)\s*\((?:[^(){};]|\([^(){};]*\))*\)\s*\Z")
_LONGEST_HEAD = 500


def unbalanced(source: Source) -> str:
    """Return file, line and function where the braces of the text go wrong; empty when they balance."""
    code = source.code_only
    if code.count(b"{") == code.count(b"}"):
        return ""
    depth, opened = 0, 0
    for match in _BRACE.finditer(code):
        at = match.start()
        if match[0] == b"}":
            depth -= 1
            if depth < 0:
                return _place(source, opened)
            continue
        # A function begins inside of something: it is the one before that was not closed.
        if depth > 0 and code[at - 1 : at] == b"\n" and _name(code, at):
            return _place(source, opened)
        if depth == 0 and code[at - 1 : at] == b"\n":
            opened = at
        depth += 1
    return _place(source, opened)


def _place(source: Source, at: int) -> str:
    file, line = source.position(at)
    name = _name(source.code_only, at)
    return f"{file}:{line}: {name}()" if name else f"{file}:{line}"


def _name(code: bytes, at: int) -> str:
    """Return the function whose body begins at ``at``, or nothing."""
    found = _HEAD.search(code, max(0, at - _LONGEST_HEAD), at)
    return found[1].decode() if found else ""
