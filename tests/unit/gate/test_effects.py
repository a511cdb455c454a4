# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines that a series does not change, and that come to the program or go from it."""

from vmemcheck.gate.effects import effects
from vmemcheck.gate.lines import Line, deleted_places, judged
from vmemcheck.gate.result import LineUse
from vmemcheck.gate.text import sliced_text
from vmemcheck.gate.uses import Use
from vmemcheck.patch.apply import State
from vmemcheck.patch.origins import Origin

# Before: lines 1 to 6 of the file; the series puts a line with #if 0 before the call, and one with #endif behind it.
_BEFORE = """\
#line 1 "mm/a.c"
static int run(int x)
{
	undo(x);
	return x;
}
#line 6 "mm/a.c"
static int other(int x) { return x; }
"""
_AFTER = """\
#line 1 "mm/a.c"
static int run(int x)
{

# 6 "mm/a.c"
	return x;
}
#line 9 "mm/a.c"
static int new(int x) { return x; }
"""
_ORIGINS = (
    Origin(line=1),
    Origin(line=2),
    Origin(patch=2),
    Origin(line=3),
    Origin(patch=2),
    Origin(line=4),
    Origin(line=5),
    Origin(line=6),
    Origin(line=7),
)
_STATE = State({"mm/a.c": b""}, {"mm/a.c": _ORIGINS, "mm/b.c": (Origin(patch=1),)})


def _effects(before: str, after: str) -> list[Line]:
    return list(effects(sliced_text(before), sliced_text(after), _STATE))


def test_line_that_is_switched_off_is_judged_as_it_was_before() -> None:
    """It counts as deleted; a definition that is there no longer, or for the first time, is no effect of its own."""
    (found,) = _effects(_BEFORE, _AFTER)
    assert (found.patch, found.place, found.deleted) == (2, ("mm/a.c", 4), {3: "no longer code: undo(x);"})
    assert (("mm/a.c", 3),) == deleted_places([found])
    (one,) = judged([found], [], [Use("x86_64", {("mm/a.c", 3): LineUse.NOT_EXECUTED})])
    assert (one.use, one.line, one.text) == (LineUse.NOT_EXECUTED, 4, "no longer code: undo(x);")
    ran = [Use("x86_64", {("mm/a.c", 3): LineUse.EXECUTED})]
    (one,) = judged([found], [], ran)
    assert one.use is LineUse.EXECUTED
    (one,) = judged([found], [], ran, left_out=frozenset(("undo",)))
    assert one.use is LineUse.NOT_SLICED


def test_line_that_is_switched_on_is_judged_as_it_is_afterwards() -> None:
    """At its place after the series."""
    before = _BEFORE.replace("\tundo(x);", "")
    after = _AFTER.replace('\n\n# 6 "mm/a.c"', '\n\n# 4 "mm/a.c"\n\tundo(x);\n')
    (found,) = _effects(before, after)
    assert (found.place, found.text, found.has_code, found.deleted) == (("mm/a.c", 4), "undo(x);", True, {})
    ran = [Use("x86_64", {found.place: LineUse.EXECUTED})]
    uses = [judged([found], ran, left_out=frozenset(names))[0].use for names in ((), ("undo",))]
    assert [LineUse.EXECUTED, LineUse.NOT_SLICED] == uses


def test_lines_that_stay_or_that_the_series_changes_are_no_effects() -> None:
    """Nor are those of a file that nobody touches."""
    assert _effects(_BEFORE, _AFTER.replace('\n\n# 6 "mm/a.c"', "\n\tmore(x);\n\tundo(x);\n\tand(x);")) == []
    deleted = State({"mm/a.c": b""}, {"mm/a.c": tuple(Origin(line=line) for line in (1, 2, 4, 5, 6))})
    after = '#line 1 "mm/a.c"\nstatic int run(int x)\n{\n\treturn x;\n}\n#line 5 "mm/a.c"\n'
    other = "static int other(int x) { return x; }\n"
    assert list(effects(sliced_text(_BEFORE), sliced_text(after + other), deleted)) == []
    text = _BEFORE.replace("mm/a.c", "mm/c.c")
    assert _effects(text, text) == []
    assert [one.patch for one in _effects(text, text.replace("\tundo(x);", ""))] == [1]
