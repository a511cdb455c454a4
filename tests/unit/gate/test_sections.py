# SPDX-License-Identifier: GPL-2.0-or-later
"""Code and data that a kernel frees after boot, and that stays here, is told by the marks that a series adds."""

import pytest

from vmemcheck.gate.definitions import Definitions
from vmemcheck.gate.lines import judged, lines_of
from vmemcheck.gate.result import LineUse
from vmemcheck.gate.sections import placed_elsewhere
from vmemcheck.gate.uses import Use
from vmemcheck.patch.apply import State
from vmemcheck.patch.origins import Origin

_BEFORE = b"""\
static int table __meminitdata;
static int part(int x)
{
	return x + table;
}
static int __init boot(int x)
{
	return part(x);
}
int whole(int x)
{
	return boot(x);
}
"""


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b"static int part", b"static int __init part", set()),
        (b"int whole", b"int __init whole", {9}),
        (b"int whole", b"int __ref whole", {9}),
        (b"int whole", b"int __exit whole", {9}),
        (b"int whole", b"int __meminit whole", set()),
        (b"int whole", b'int __section(".init.text") whole', {9}),
        (b"int whole", b'int __attribute__((__section__ ("x"))) whole', {9}),
        (b"__meminitdata", b"__initdata", {0}),
        (b"__meminitdata", b"__ro_after_init", {0}),
        (b"__meminitdata", b"/* __initdata */", set()),
        (b"__init boot(int x)", b"__init boot(long x)", set()),
        (b"int __init boot", b"noinline int __init boot", set()),
        (b"static int __init boot", b"int __init boot", set()),
        (b"static int part", b"static int __init other(void)\n{\n}\nstatic int part", {1}),
    ],
)
def test_marks_of_which_there_are_more_are_found(old: bytes, new: bytes, found: set[int]) -> None:
    """Not on lines that had them, nor on a helper of code that is freed as well."""
    after = _BEFORE.replace(old, new)
    lines = after.split(b"\n")
    placed = placed_elsewhere(Definitions("mm/a.c", after), _BEFORE, after)
    assert found == {index for index in placed if lines[index] not in _BEFORE.split(b"\n")}


def test_data_of_code_that_is_freed_may_be_freed() -> None:
    """The functions of the file that use it decide."""
    before = _BEFORE.replace(b"part", b"__init part")
    after = before.replace(b"__meminitdata", b"__initdata")
    assert frozenset() == placed_elsewhere(Definitions("mm/a.c", after), before, after)


@pytest.mark.parametrize("use", [LineUse.EXECUTED, LineUse.NO_CODE, LineUse.OUTSIDE])
def test_line_that_puts_code_elsewhere_is_not_run_as_it_is(use: LineUse) -> None:
    """Whatever ran; but for a line of what is not run at all."""
    before, after = b"int whole(int x)\n{\n}\n", b"int __init whole(int x)\n{\n}\n"
    origins = (Origin(1), Origin(line=2), Origin(line=3), Origin(line=4))
    (line,) = lines_of(State({"mm/a.c": after}, {"mm/a.c": origins}), State({"mm/a.c": before}))
    (one,) = judged([line], [Use("x86_64", {("mm/a.c", 1): use})])
    assert one.use is (use if use is LineUse.OUTSIDE else LineUse.NOT_SLICED)
