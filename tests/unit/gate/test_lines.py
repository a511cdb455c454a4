# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines a series changes, which of them are in a program, and which ran."""

import pytest

from vmemcheck.gate.lines import deleted_places, judged, lines_of
from vmemcheck.gate.result import LineUse
from vmemcheck.gate.text import same_program, sliced_text
from vmemcheck.gate.uses import Use, uses_of
from vmemcheck.patch.apply import State
from vmemcheck.patch.origins import Edit, Origin, followed

_TEXT = """\
#define VMC_STRUCT_PAGE_BYTES 64L
#line 3 "include/linux/a.h"
#define STEP(x) \\
	((x) + 1)
#line 9 "include/linux/a.h"
#define TWICE(x) (STEP(x) * 2)
#line 12 "include/linux/a.h"
#define UNUSED 1
#line 1 "vmemcheck/shim/stubs.h"
#define say(x) ((void)(x))
static inline void lock(int x)
#line 1 "vmemcheck/shim/custom.h"
#define act(x) stop()
static int stub;
#line 10 "mm/a.c"
static int run(int x)
{
	/* a comment */
	x = TWICE(x,
		x);

# 18 "mm/a.c"
	if (x)
		stop();
}
#line 30 "mm/a.c"
static int never(int x)
{
	return UNUSED;
}
#line 40 "mm/a.c"
static void nothing(int x)
{
	say(x);
	lock(x);
	act(x);
}
"""
_COUNTS = {"mm/a.c": {10: 5, 13: 5, 18: 5, 19: 0, 20: 5, 30: 0, 32: 0, 33: 0}}


@pytest.mark.parametrize(
    ("file", "line", "use"),
    [
        ("mm/a.c", 13, LineUse.EXECUTED),
        ("mm/a.c", 14, LineUse.EXECUTED),
        ("mm/a.c", 19, LineUse.NOT_EXECUTED),
        ("mm/a.c", 11, LineUse.NO_CODE),
        ("mm/a.c", 16, LineUse.NOT_SLICED),
        ("mm/a.c", 25, LineUse.OUTSIDE),
        ("mm/b.c", 13, LineUse.OUTSIDE),
        ("mm/a.c", 42, LineUse.STUBBED),
        ("mm/a.c", 43, LineUse.STUBBED),
        ("mm/a.c", 44, LineUse.NO_CODE),
        ("include/linux/a.h", 4, LineUse.EXECUTED),
        ("include/linux/a.h", 9, LineUse.EXECUTED),
        ("include/linux/a.h", 12, LineUse.NOT_EXECUTED),
    ],
)
def test_line_of_a_program_is_told_by_what_ran(file: str, line: int, use: LineUse) -> None:
    """Statements count with their first line, macros with the lines that use them, by way of others too."""
    assert uses_of(sliced_text(_TEXT), _COUNTS, [(file, line)]) == {(file, line): use}


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("/* a comment */", "/* another\n comment */", True),
        ("/* a comment */", "// none", True),
        ("if (x)", "if  (x)", True),
        ('#line 30 "mm/a.c"', '#line 31 "mm/a.c"', True),
        ("if (x)", "if (!x)", False),
        ("UNUSED 1", "UNUSED 2", False),
        ("stub;", "stub;\n# define UNUSED 2", False),
        ("stub;", 'stub = sizeof("/* x */");', False),
        ("stub;", "stub; /\\\n/ one", True),
        ("stub;", "stub; // one \\  \n two", True),
    ],
)
def test_programs_are_the_same_but_for_comments_and_places(old: str, new: str, same: bool) -> None:
    """Comments, spaces and numbers of lines make no other program; everything else does."""
    assert same_program(_TEXT, _TEXT.replace(old, new)) == same


@pytest.mark.parametrize(
    "code",
    [
        "/\\\n* // */ go();",
        "/* one *\\\n/ go(); /* */",
        '"a \\ \n // b"; go();',
        'R"x(" // )x"; go();',
        '#define ONE " /*\ngo(); /* */',
        'text("a  go");',
        "# define ONE go",
    ],
)
def test_code_that_looks_like_a_comment_or_a_place_makes_another_program(code: str) -> None:
    """What a hasty look takes for a comment, a compiler may not; the second of two spaces in a literal counts too."""
    one = _TEXT.replace("stop();", code)
    assert not same_program(one, one.replace("go", "come"))
    assert not same_program(one, one.replace("a  go", "a go")) or "a  go" not in code


def test_changed_lines_are_the_added_and_those_behind_deleted_ones() -> None:
    """A line that was deleted before is told by the next one with code; comments and directives make none."""
    content = b"one();\n/* two */\n#ifdef THREE\n\nfour();\n#define FIVE 5\n# define SIX 6\n#  endif\n"
    origins = (Origin(1), Origin(1), Origin(2), Origin(0, 2), Origin(), Origin(3), Origin(3), Origin(3))
    found = lines_of(State({"mm/a.c": content, "mm/gone.c": None}, {"mm/a.c": origins, "mm/gone.c": ()}))
    assert [(one.patch, one.line, one.text, one.has_code) for one in found] == [
        (1, 1, "one();", True),
        (1, 2, "/* two */", False),
        (2, 3, "#ifdef THREE", False),
        (2, 5, "four();", True),
        (3, 6, "#define FIVE 5", True),
        (3, 7, "# define SIX 6", True),
        (3, 8, "#  endif", False),
    ]


def test_deletions_with_the_same_line_behind_them_are_all_told() -> None:
    """Also where that line is an added one; a line of a file that C could include may be code, whatever its name."""
    before = State({"mm/a.c": b"one();\n/* c */\ntwo();\nthree();\n"})
    origins = {"mm/a.c": (Origin(behind=1, line=2), Origin(behind=2, line=4)), "mm/b.inc": (Origin(3),)}
    found = lines_of(State({"mm/a.c": b"/* c */\nthree();\n", "mm/b.inc": b"four();\n"}, origins), before)
    assert [(one.place, one.deleted, one.has_code) for one in found] == [
        (("mm/a.c", 2), {1: "deleted: one();", 3: "deleted: two();"}, True),
        (("mm/b.inc", 1), {}, True),
    ]
    added = {"mm/a.c": (Origin(behind=1, line=2), Origin(patch=1))}
    found = lines_of(State({"mm/a.c": b"/* c */\nfive();\n"}, added), State({"mm/a.c": b"one();\n/* c */\n"}))
    assert [(one.text, one.deleted) for one in found] == [("five();", {1: "deleted: one();"}), ("five();", {})]


def test_line_is_judged_by_the_best_of_all_architectures() -> None:
    """A line that ran somewhere was executed; what makes no code is so wherever it stands."""
    lines = lines_of(State({"mm/a.c": b"a();\nb();\n/* c */\n"}, {"mm/a.c": (Origin(1),) * 3}))
    first = {("mm/a.c", 1): LineUse.NOT_EXECUTED, ("mm/a.c", 2): LineUse.NOT_SLICED}
    second = {("mm/a.c", 1): LineUse.EXECUTED, ("mm/a.c", 2): LineUse.OUTSIDE}
    found = judged(lines, [Use("x86_64", first), Use("arm64", second)])
    assert [(one.use, one.arches) for one in found] == [
        (LineUse.EXECUTED, ("arm64",)),
        (LineUse.NOT_SLICED, ("x86_64",)),
        (LineUse.NO_CODE, ()),
    ]


_BEFORE = b"a();\nif (x)\n\tb();\n/* c */\n#ifdef D\n}\ne();\nf();\n"


@pytest.mark.parametrize(
    ("first", "second", "use", "text"),
    [
        (LineUse.EXECUTED, LineUse.EXECUTED, LineUse.EXECUTED, "deleted: if (x)"),
        (LineUse.EXECUTED, LineUse.NOT_EXECUTED, LineUse.NOT_EXECUTED, "deleted: b();"),
        (LineUse.UNREACHABLE, LineUse.NO_CODE, LineUse.UNREACHABLE, "deleted: if (x)"),
        (LineUse.OUTSIDE, LineUse.OUTSIDE, LineUse.OUTSIDE, "deleted: if (x)"),
    ],
)
def test_deleted_lines_are_told_by_the_one_that_ran_least(
    first: LineUse, second: LineUse, use: LineUse, text: str
) -> None:
    """They are looked at in the tree as it was, and told where they were; the line behind them says nothing."""
    origins = (Origin(line=1), Origin(0, 1, 6), Origin(line=7), Origin(line=8))
    before, after = State({"mm/a.c": _BEFORE}), State({"mm/a.c": b"a();\n}\ne();\nf();\n"}, {"mm/a.c": origins})
    lines = lines_of(after, before)
    assert (("mm/a.c", 2), ("mm/a.c", 3)) == deleted_places(lines)
    old = Use("x86_64", {("mm/a.c", 2): first, ("mm/a.c", 3): second})
    (found,) = judged(lines, [Use("x86_64", {("mm/a.c", 2): LineUse.NO_CODE})], [old])
    assert (use, text, 2) == (found.use, found.text, found.line)
    (found,) = judged(lines, [Use("x86_64", {("mm/a.c", 2): LineUse.NO_CODE})])
    assert (LineUse.NO_CODE, "}") == (found.use, found.text)


def test_lines_that_were_replaced_are_told_by_what_took_their_place() -> None:
    """Of them nothing is asked in the tree as it was."""
    origins = (Origin(line=1), Origin(1), Origin(0, 1, 6), Origin(line=7), Origin(line=8))
    after = State({"mm/a.c": b"a();\ng();\n}\ne();\nf();\n"}, {"mm/a.c": origins})
    assert () == deleted_places(lines_of(after, State({"mm/a.c": _BEFORE})))


def test_what_the_machine_has_instead_is_named_by_its_headers() -> None:
    """What is above hotplug and devices too, but for what has no effect there; and all instructions."""
    headers = ("custom", "hotplug", "devices", "stubs", "instructions", "locks")
    text = "".join(
        f'#line 1 "vmemcheck/shim/{name}.h"\n#define {name}(x) go(x)\n#define quiet_{name}(x) ((void)(x))\n'
        for name in headers
    )
    found = sliced_text(text)
    assert found.watched == {"custom", "hotplug", "devices", "instructions", "quiet_instructions"}
    assert found.stubs == {"stubs", "quiet_stubs"}


def test_what_is_left_out_around_hotplug_does_nothing_in_its_header() -> None:
    """A constant that is nothing, or nothing at all; what notes something is no such name, nor is a message."""
    bodies = {
        "a(...)": "((void)0)",
        "b(x, y)": "((void)(x), (void)(y))",
        "c(x)": "0",
        "d": "0UL",
        "e(x)": "((struct group *)0)",
        "f(x)": "((void)((x)->done = 1))",
        "g": "1",
        "h(x)": "(x)",
        "i(x)": "((x) == 0)",
        "j(x)": "vmc_find(x)",
    }
    text = "".join(
        f'#line 1 "vmemcheck/shim/{file}.h"\n' + "".join(f"#define {file}_{of} {bodies[of]}\n" for of in bodies)
        for file in ("hotplug", "devices", "stubs", "custom")
    )
    expected = {f"{file}_{name}" for file in ("hotplug", "devices") for name in "abcde"}
    assert expected == sliced_text(text).left_out


_CALLS = """\
int run(int x)
{
	if (x)
		leave(x,
			1);
	go(x);
	if (!x) {
		leave(x, 2);
	}
	return x;
}
"""


@pytest.mark.parametrize(
    ("old", "new", "uses"),
    [
        ("\t\t\t1);", "\t\t\t2);", [LineUse.NOT_SLICED]),
        ("\tif (x)", "\tif (x > 1)", [LineUse.NOT_SLICED]),
        ("\tif (!x) {", "\tif (x) {", [LineUse.NOT_SLICED]),
        ("\tif (x)\n\t\tleave(x,\n\t\t\t1);\n", "", [LineUse.NOT_SLICED]),
        ("\tif (!x) {\n\t\tleave(x, 2);\n\t}\n", "", [LineUse.NOT_SLICED]),
        ("\t\tleave(x, 2);\n", "\t\t;\n", [LineUse.NOT_SLICED]),
        ("\t\tleave(x, 2);\n", "\t\t/* leave(x, 2); */\n", [LineUse.NOT_SLICED]),
        ("\tgo(x);", "\tgo(x);\n\tif (x > 5)", [LineUse.NOT_SLICED]),
        ("\tgo(x);", "\tgo(x);\n\tleave(x, 3);", [LineUse.NOT_SLICED]),
        ("\tgo(x);", "\tgo(x + 1);", [LineUse.EXECUTED]),
        ("\t\tleave(x,\n\t\t\t1);\n", "\t\tleave(x, 1);\n", [LineUse.EXECUTED]),
        ("\t\tleave(x, 2);\n", "\t\tleave(x, 2); /* it goes */\n", [LineUse.EXECUTED]),
        ("int run(int x)\n", "int before;\nint run(int x)\n", [LineUse.EXECUTED]),
    ],
)
def test_line_that_calls_what_is_left_out_is_not_run(old: str, new: str, uses: list[LineUse]) -> None:
    """Whether it is changed, deleted or replaced, a part of the call or its condition; but for spaces and comments."""
    lines = lines_of(*_states(_CALLS, _CALLS.replace(old, new)))
    asked = [line.place for line in lines]
    names = frozenset(("leave",))
    after = Use("x86_64", dict.fromkeys(asked, LineUse.EXECUTED))
    before = Use("x86_64", dict.fromkeys(deleted_places(lines, names), LineUse.NO_CODE))
    assert uses == [one.use for one in judged(lines, [after], [before], left_out=names)]
    assert LineUse.NOT_SLICED not in {one.use for one in judged(lines, [after], [before])}


def test_function_that_only_moves_calls_what_it_called() -> None:
    """Its lines are new at their place, and the same."""
    other = "int other(int x)\n{\n\treturn go(x);\n}\n"
    lines = lines_of(*_states(_CALLS + other, other + _CALLS, is_whole=True))
    use = Use("x86_64", {line.place: LineUse.EXECUTED for line in lines})
    assert {LineUse.EXECUTED} == {one.use for one in judged(lines, [use], [use], left_out=frozenset(("leave",)))}


def test_call_of_what_is_left_out_in_code_that_is_not_used_says_nothing() -> None:
    """It stays outside; and what did not run there says so."""
    lines = lines_of(*_states(_CALLS, _CALLS.replace("\t\t\t1);", "\t\t\t2);")))
    for use in (LineUse.OUTSIDE, LineUse.NOT_EXECUTED):
        (one,) = judged(lines, [Use("x86_64", {("mm/a.c", 5): use})], left_out=frozenset(("leave",)))
        assert use is one.use


def _states(before: str, after: str, *, is_whole: bool = False) -> tuple[State, State]:
    """Return the states after and before one patch with one hunk."""
    old, new = before.encode().split(b"\n"), after.encode().split(b"\n")
    pairs, ends = list(zip(old, new, strict=False)), list(zip(old[::-1], new[::-1], strict=False))
    first = next((at for at, (one, other) in enumerate(pairs) if one != other), len(pairs))
    last = next((at for at, (one, other) in enumerate(ends) if one != other), len(ends))
    first, last = (0, 1) if is_whole else (first, min(last, len(pairs) - first))
    kept = [Origin(line=number) for number in range(1, len(old) + 1)]
    origins = followed(kept, [Edit(first, len(old) - first - last, len(new) - first - last)], 1, before.encode())
    return State({"mm/a.c": after.encode()}, {"mm/a.c": origins}), State({"mm/a.c": before.encode()})


def test_macros_in_a_long_chain_are_told_at_once() -> None:
    """A stranger may define thousands, each by the one before it, and change them all."""
    count = 20_000
    defined = "".join(f'#line {n} "mm/a.h"\n#define D{n} (D{n - 1} + D{n - 1})\n' for n in range(1, count))
    text = sliced_text(f'{defined}#line 1 "mm/a.c"\nint f(void) {{ return D{count - 1}; }}\n')
    places = tuple(("mm/a.h", n) for n in range(1, count))
    assert {LineUse.EXECUTED} == set(uses_of(text, {"mm/a.c": {1: 1}}, places).values())
    assert {LineUse.NOT_EXECUTED} == set(uses_of(text, {"mm/a.c": {1: 0}}, places).values())


@pytest.mark.parametrize(
    ("content", "line", "use"),
    [
        ("#define act(x) \\\n\tgo(x)\n", 2, LineUse.NOT_SLICED),
        ("static inline int act(int x,\n\t\tint y)\n{\n\tif (x)\n\t\tgo(y);\n}\n", 5, LineUse.NOT_SLICED),
        ("static inline int _act_noprof(int x)\n{\n\tgo(x);\n}\n", 3, LineUse.NOT_SLICED),
        ("static __always_inline __sized(1) int act(int x)\n{\n\tgo(x);\n}\n", 3, LineUse.NOT_SLICED),
        ("static inline void\narch_act(int x)\n{\n\tgo(x);\n}\n", 4, LineUse.NOT_SLICED),
        ("static inline int act(int x) { return go(x); }\nint other;\n", 1, LineUse.NOT_SLICED),
        ("static inline int act(int x) { return go(x); }\nint other;\n", 2, LineUse.OUTSIDE),
        ("int act(int x)\n{\n\tgo(x);\nout:\n\tfor_each(x) {\n\t}\n}\n", 5, LineUse.NOT_SLICED),
        ("#define part(x) go(x)\n#define whole(x) part(x)\nint act(int x)\n{\n\twhole(x);\n}\n", 1, LineUse.NOT_SLICED),
        ("#define part(x) act(x)\n#define act(x) go(x)\n", 1, LineUse.OUTSIDE),
        ("int act(int x,\n\tint y);\n", 2, LineUse.OUTSIDE),
        ("int act(int x);\nint other(int x)\n{\n}\n", 1, LineUse.OUTSIDE),
        ("static int act(int x)\n{\n}\nint other;\n", 4, LineUse.OUTSIDE),
        ("#define unwatched(x) go(x)\n", 1, LineUse.OUTSIDE),
        ("#define say(x) go(x)\n", 1, LineUse.OUTSIDE),
    ],
)
def test_line_of_what_the_machine_has_instead_is_not_run(content: str, line: int, use: LineUse) -> None:
    """What is run uses it, so a change of it has an effect that is not seen; a prototype has none."""
    assert use == _use_of("include/linux/b.h", content, line)


def test_what_a_function_of_the_machine_calls_in_a_c_file_is_not_looked_at() -> None:
    """It would be all of the page allocator; its own definition is."""
    content = "static void part(int x)\n{\n\tgo(x);\n}\nvoid act(int x)\n{\n\tpart(x);\n}\n"
    assert [LineUse.OUTSIDE, LineUse.NOT_SLICED] == [_use_of("mm/b.c", content, line) for line in (3, 7)]


def test_definitions_in_a_long_chain_are_told_at_once() -> None:
    """A stranger may define thousands, each by the one before it, and change them all."""
    count = 20_000
    content = "".join(f"#define D{n} (D{n - 1} + D{n - 1})\n" for n in range(1, count)) + f"#define act D{count - 1}\n"
    origins = tuple(Origin(1) for _ in range(count + 1))
    lines = lines_of(State({"include/linux/b.h": content.encode()}, {"include/linux/b.h": origins}))
    found = judged(lines, [Use("x86_64", {})], (), frozenset(("act",)))
    assert [LineUse.NOT_SLICED] * count == [one.use for one in found if one.text]


def _use_of(file: str, content: str, line: int) -> LineUse:
    """Return what becomes of a line that a series changes, and that is not in what is run."""
    count = content.count("\n") + 1
    origins = tuple(Origin(1 if at == line - 1 else 0, line=at + 1) for at in range(count))
    lines = lines_of(State({file: content.encode()}, {file: origins}))
    text = sliced_text(_TEXT)
    assert {"act"} == text.replaced()
    (one,) = judged(lines, [Use("x86_64", uses_of(text, _COUNTS, [each.place for each in lines]))], (), text.replaced())
    assert line == one.line
    return one.use
