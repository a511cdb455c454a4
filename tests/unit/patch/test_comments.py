# SPDX-License-Identifier: GPL-2.0-or-later
"""Comments are where the compiler sees them: without them a text is the same to it, however it is written."""

import re
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vmemcheck.patch.comments import code_lines, without_comments

_PARTS = (
    "/",
    "*",
    "\\",
    "\n",
    "\\\n",
    '"',
    "'",
    " ",
    "a",
    "b;",
    "R",
    "u8",
    "(",
    ")",
    "//",
    "/*",
    "*/",
    "\r\n",
    "\t",
)
_BACKSLASH = re.compile(r"\\[ \t]*/")


def _seen(text: bytes) -> list[bytes]:
    """Return the words of what the preprocessor makes of a text; it goes on behind errors."""
    command = ["gcc", "-E", "-P", "-w", "-std=gnu11", "-x", "c", "-"]
    return subprocess.run(command, input=text, capture_output=True, check=False).stdout.split()


# Without the comment behind it, a backslash would stand at the end of its line.
@given(st.lists(st.sampled_from(_PARTS), max_size=24).map("".join).filter(lambda text: not _BACKSLASH.search(text)))
@example("/\\\n* // */ a\n")
@example("/* *\\\n/ a /* */")
@example('"a \\ \n // b" a')
@example('R"x(" // )x" a')
@example('u\\\n8\\\nR"(" // )" a')
@example('" /*\na /* */')
@example("' /*\na /* */")
@example("// b \\ \n a\n b;")
def test_text_without_comments_is_the_same_to_the_compiler(text: str) -> None:
    """What is taken away, it does not see either: no code hides in what looks like a comment."""
    content = text.encode()
    clean = without_comments(content)
    assert content.count(b"\n") == clean.count(b"\n")
    assert _seen(content) == _seen(clean)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a(); // b", ["a();"]),
        ("a /* b\n c */ d;", ["a", "d;"]),
        ('x = "/* b */";', ['x = "/* b */";']),
        ("// a \\\n b\nc;", ["", "", "c;"]),
        ("/* a", [""]),
        ('"ERROR"(x) // a', ['"ERROR"(x)']),
        ('R"(a)" // b', ['R"(a)" // b']),
    ],
)
def test_lines_are_what_is_left_of_them(text: str, lines: list[str]) -> None:
    """Literals stay; where there is a raw string, all does."""
    assert lines == [line.decode() for line in code_lines(text.encode())]
