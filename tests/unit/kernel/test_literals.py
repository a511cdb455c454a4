# SPDX-License-Identifier: GPL-2.0-or-later
"""What can look like a comment or a string to one reader only is found; see tests/unit/patch/test_comments.py too."""

import pytest

from vmemcheck.kernel.literals import CLOSED, raw_string_in, return_in


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (b'R"(a)"', 0),
        (b'x = R"ab(c)ab";', 4),
        (b'x = u8R"(a)";', 6),
        (b'x = u\\\n8R\\ \n"(a)";', 8),
        (b'f(LR"(a)")', 3),
        (b'"ERROR"(x)', None),
        (b'FOR"(x)"', None),
        (b'R"a b(c)"', 0),
        (b'"R"', None),
        (b'"a R" /* R"(" */ R', None),
        (b'"a R"R"(b)"', 5),
    ],
)
def test_raw_string_is_found(text: bytes, at: int | None) -> None:
    """With any prefix that gcc takes, also over lines; a string that ends in R is none."""
    assert at == raw_string_in(text)


def test_carriage_return_within_a_line_is_found() -> None:
    """One before the end of the line is that of other systems."""
    assert return_in(b"a\r\nb") is None
    assert return_in(b"a\r\n// b\rc") == 7


@pytest.mark.parametrize(
    "text", [b"/* a */", b"/\\\n* a *\\ \n/", b"// a \\\n b", b"/\\\n/ a", b'"a \\ \n // b"', b"'\\''", b'"a\\"b"']
)
def test_comment_or_literal_ends_where_it_ends_for_gcc(text: bytes) -> None:
    """Also when a backslash joins its lines."""
    match = CLOSED.match(text + b"\nc")
    assert match is not None
    assert text == match[0]
