# SPDX-License-Identifier: GPL-2.0-or-later
"""What compiler and linker say becomes a gap of the shim or an error at the kernel's own line."""

import pytest

from vmemcheck.errors import BuildError, ShimGapError
from vmemcheck.kernel.balance import unbalanced
from vmemcheck.kernel.instrument import function_name
from vmemcheck.kernel.pieces import Source
from vmemcheck.kernel.refusal import refusal

_LINKER = """\
/usr/bin/ld: /tmp/x.o: in function `__vmc_walk':
//mm/a.c:7: undefined reference to `one'
/usr/bin/ld: //mm/a.c:8: undefined reference to `two'
"""


def test_refusal_names_each_missing_name_with_its_user() -> None:
    """The linker says the function once for several lines; the prefix of wrapped functions is ours."""
    error = refusal("linux-9.9.9 x86", _LINKER)
    assert isinstance(error, ShimGapError)
    assert error.what.startswith("linux-9.9.9 x86: the slice needs one, two, which are in no sliced file")
    assert error.where == "one used by mm/a.c: walk()\n           two used by mm/a.c: walk()"


def test_refusal_other_error_keeps_file_line_and_function() -> None:
    """A syntax error stands as the compiler says it, with the function."""
    error = refusal("t", "mm/a.c: In function 'walk':\nmm/a.c:3:5: error: expected expression before '=' token\n")
    assert isinstance(error, BuildError)
    assert error.where == "mm/a.c:3:5: error: expected expression before '=' token (in walk())"


def test_refusal_without_a_static_library_says_what_to_install() -> None:
    """The linker's word for it names no package."""
    error = refusal("t", "/usr/bin/ld: cannot find -lc: No such file or directory\ncollect2: error: ld returned 1\n")
    assert error.what == "t: the program cannot be linked statically: there is no -lc for it"
    assert "libc6-dev on Debian, glibc-static on Fedora" in error.to_fix


@pytest.mark.parametrize(("body", "place"), [("", ""), ("{", "mm/a.c:2: one()"), ("}", "mm/a.c:2: one()")])
def test_unbalanced_names_the_function_that_is_not_closed(body: str, place: str) -> None:
    """One brace too many or too few is found in the function where it stands."""
    text = f'# 1 "mm/a.c"\nvoid one(void)\n{{ {body}\n}}\nvoid two(void)\n{{\n}}\n'
    assert unbalanced(Source(text.encode())) == place


def test_refusal_static_that_was_told_apart_has_the_kernels_name() -> None:
    """The name that it has in the text of all files is ours, wherever a message has it."""
    message = "mm/a.c: In function '__vmc_2_walk':\nmm/a.c:3:5: error: '__vmc_3_span' redeclared\n"
    assert refusal("t", message).where == "mm/a.c:3:5: error: 'span' redeclared (in walk())"
    assert ["walk", "walk", "__walk"] == [function_name(name) for name in ("__vmc_walk", "__vmc_12_walk", "__walk")]
