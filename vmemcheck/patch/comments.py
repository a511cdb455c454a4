# SPDX-License-Identifier: GPL-2.0-or-later
"""C texts without their comments; literals and the numbers of lines stay as they are."""

from vmemcheck.kernel.literals import OPEN, raw_string_in


def code_lines(content: bytes) -> list[bytes]:
    """Return the lines of a C file without comments, and without spaces at their ends."""
    return [line.strip() for line in without_comments(content).split(b"\n")]


def without_comments(content: bytes) -> bytes:
    """Return a C text in which each comment is its ends of lines only; as it is where it has raw strings."""
    if raw_string_in(content) is not None:
        return content
    return OPEN.sub(
        lambda found: found[0] if found[0][:1] in b"\"'" else b"\n" * found[0].count(b"\n") or b" ", content
    )
