# SPDX-License-Identifier: GPL-2.0-or-later
"""A program in two parts: what goes where, and what a change to a C file leaves as it is."""

from vmemcheck.kernel.parts import BEGIN_CODE, BEGIN_MACHINE, parts_of

_TEXT = f"""\
#line 7 "include/linux/a.h"
#define A 1
#line 10 "mm/b.c"
#define B 2
{BEGIN_CODE}
#line 3 "include/linux/a.h"
static inline int a(void) {{ return A; }}
#line 30 "mm/b.c"
static int b(void) {{ return a() + B; }}
#line 40 "mm/b.c"
int c(void) {{ return b(); }}
{BEGIN_MACHINE}
#line 1 "vmemcheck/shim/main.c"
int main(void) {{ return c(); }}
"""


def test_parts_have_the_head_and_each_its_own_code() -> None:
    """The kernel's part has no machine, and the machine's part no function of a C file; both know the headers."""
    kernel, machine = parts_of(_TEXT)
    for part in (kernel, machine):
        assert "#define A 1" in part
        assert "#define B 2" in part
        assert "static inline int a(void)" in part
    assert "int b(void)" in kernel
    assert "main(void)" not in kernel
    assert "int b(void)" not in machine
    assert "int c(void)" not in machine
    assert "main(void)" in machine


def test_parts_machine_does_not_change_with_the_lines_of_a_c_file() -> None:
    """What a series adds to a function moves all that stands behind it."""
    moved = _TEXT.replace('#line 10 "mm/b.c"', '#line 12 "mm/b.c"').replace("a() + B", "\na() -\nB")
    assert parts_of(_TEXT)[0] != parts_of(moved)[0]
    assert parts_of(_TEXT)[1] == parts_of(moved)[1]
    header = _TEXT.replace('#line 3 "include/linux/a.h"', '#line 4 "include/linux/a.h"')
    assert parts_of(_TEXT)[1] != parts_of(header)[1]
