# SPDX-License-Identifier: GPL-2.0-or-later
"""A slice has what the roots need, nothing else, at the kernel's own lines."""

import re
from pathlib import Path

import pytest

from vmemcheck.kernel.expand import ExpandedSource
from vmemcheck.kernel.pieces import Kind
from vmemcheck.kernel.slicer import Slice, cut

TEXT = (Path(__file__).parent / "data/pieces.i").read_bytes()


@pytest.fixture(scope="module")
def source() -> ExpandedSource:
    """Return the text above, split."""
    return ExpandedSource(TEXT)


@pytest.fixture(scope="module")
def helper(source: ExpandedSource) -> Slice:
    """Return what is cut out for the root ``helper``."""
    return cut(source, ["helper"], frozenset())


def _names(piece: Slice) -> set[str]:
    return {item.name for item in piece.items}


def test_slice_closure_follows_functions_objects_types_and_macros(helper: Slice) -> None:
    """All that helper() reaches is there, through macros in macros and structs in structs."""
    expected = {"helper", "pick", "counter", "zone", "outer", "inner", "pte_t", "ALIGN_UP", "MASK", "callback_head"}
    assert expected - _names(helper) - {"ZONE_A", "zone"} == set()
    assert "ZONE_B = 4" in helper.types
    assert "define rcu_head callback_head" in helper.macros


def test_slice_leaves_out_what_is_not_reached(helper: Slice) -> None:
    """Comments, strings, export lines, unused code, and structs that are only pointed to stay away."""
    assert not {"unused", "unused_function", "message", "ghost", "far", "never"} & _names(helper)
    assert "EXPORT_SYMBOL" not in helper.code


def test_slice_parameter_and_member_names_reach_no_function(helper: Slice) -> None:
    """A parameter and a member called page do not mean the function page()."""
    assert "static inline int page(" not in helper.code


def test_slice_object_macro_is_kept_wherever_its_name_stands() -> None:
    """The preprocessor replaces an object-like macro also where a member is meant."""
    found = cut(
        ExpandedSource(b"#define x y\nstruct s { int x; };\nint f(struct s *s) { return s->x; }\n"), ["f"], frozenset()
    )
    assert "#define x y" in found.macros


def test_slice_strong_definition_wins_over_weak(helper: Slice) -> None:
    """Of two definitions the one without __weak stays."""
    assert "return 2;" in helper.code
    assert "return 1;" not in helper.code


def test_slice_weak_definition_alone_is_kept() -> None:
    """A weak definition is used when nothing overrides it."""
    text = b"#define __weak __attribute__((weak))\nint __weak f(void) { return 1; }\nint g(void) { return f(); }\n"
    assert "return 1;" in cut(ExpandedSource(text), ["g"], frozenset()).code


def test_slice_pasted_macro_names_are_kept(helper: Slice) -> None:
    """ON_ONE is only named by pasting: without it the test would silently be false."""
    assert "#define ON_ONE 1" in helper.macros


def test_slice_unknown_call_is_missing_with_its_user(helper: Slice) -> None:
    """A name that nobody defines is reported with file and function."""
    assert [(each.name, each.file, each.function) for each in helper.missing] == [("outside", "mm/two.c", "helper")]


def test_slice_name_of_the_shim_is_cut_off(source: ExpandedSource) -> None:
    """What the shim defines is not followed, and is listed with its user."""
    found = cut(source, ["helper"], frozenset({"pick", "outside", "struct inner"}))
    assert found.from_shim == {"pick": "helper", "outside": "helper", "struct inner": "outer"}
    assert not {"pick", "inner"} & _names(found)
    assert found.missing == ()


def test_slice_keeps_lines_of_the_kernel(helper: Slice) -> None:
    """Each piece follows a #line of its own file; markers inside of a function stay."""
    assert '#line 61 "mm/two.c"\nint __must_hold(lock) helper(' in helper.code
    assert re.search(r'# 70 "mm/two.c"\n\t\treturn ALIGN_UP', helper.code)
    lines = {item.name: (item.file, item.line) for item in helper.items if item.kind is Kind.FUNCTION}
    assert lines == {"pick": ("mm/two.c", 60), "helper": ("mm/two.c", 61)}


def test_slice_prototypes_come_apart_from_definitions(helper: Slice) -> None:
    """Prototypes and extern objects are for the front, bodies for the end."""
    assert "int helper(struct outer *o, int page);" in helper.prototypes
    assert "extern int counter;" in helper.prototypes
    assert "int counter = ZONE_B;" in helper.code


def test_slice_redefined_macro_changes_where_the_kernel_changes_it() -> None:
    """A second definition holds only from its place on."""
    text = b"#define N 1\nint f(void) { return N; }\n#undef N\n#define N 2\nint g(void) { return N + f(); }\n"
    found = cut(ExpandedSource(text), ["g"], frozenset())
    assert "#define N 1" in found.macros
    assert found.code.index("return N;") < found.code.index("#define N 2") < found.code.index("return N + f")


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        (b"static struct page *f(void) { }", "f", Kind.FUNCTION),
        (b"#define SYSCALL(n) long n(void)\nSYSCALL(f) { }", "SYSCALL", Kind.FUNCTION),
        (b"#define lock_struct(n) struct n\nlock_struct(spinlock) { int x; };", "spinlock", Kind.TYPE),
        (b"__extension__ typedef unsigned long long u64;", "u64", Kind.TYPE),
        (b"typedef int (*fn_t)(void *);", "fn_t", Kind.TYPE),
        (b"int a[4] = { 1, 2, };", "a", Kind.DECLARATION),
        (b"extern int (*hook)(int);", "hook", Kind.DECLARATION),
        (b"#define DEFINE_MUTEX(m) int m\nstatic DEFINE_MUTEX(m);", "m", Kind.INVOCATION),
        (b"DEFINE_MUTEX(m);", "m", Kind.INVOCATION),
        (b"NO_SEMICOLON(x)\nint f(void) { return 0; }", "f", Kind.FUNCTION),
        (
            b"#define __printf(a, b) __attribute__((format(printf, a, b)))\n__printf(1, 2)\nint p(char *, ...);",
            "p",
            Kind.DECLARATION,
        ),
    ],
)
def test_source_piece_is_classified(text: bytes, name: str, kind: Kind) -> None:
    """The forms of top-level declarations that the kernel has."""
    source = ExpandedSource(text)
    assert kind in {source.pieces[number].kind for number in source.by_name[name]}
