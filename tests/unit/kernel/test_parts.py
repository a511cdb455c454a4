# SPDX-License-Identifier: GPL-2.0-or-later
"""A program in two parts: what goes where, and what a change to a C file leaves as it is."""

import subprocess
from pathlib import Path

import pytest

from vmemcheck.errors import BuildError, ShimGapError
from vmemcheck.kernel import build as build_module
from vmemcheck.kernel.build import Program, build
from vmemcheck.kernel.parts import BEGIN_CODE, BEGIN_MACHINE, parts_of
from vmemcheck.kernel.variant import Variant

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
    parts = parts_of(_TEXT)
    assert parts is not None
    kernel, machine = parts.kernel, parts.machine
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
    header = _TEXT.replace('#line 3 "include/linux/a.h"', '#line 4 "include/linux/a.h"')
    before, after, other = parts_of(_TEXT), parts_of(moved), parts_of(header)
    assert before is not None
    assert after is not None
    assert other is not None
    assert before.kernel != after.kernel
    assert before.machine == after.machine
    assert before.machine != other.machine


def test_parts_macro_that_stays_in_its_place_is_in_both() -> None:
    """What a C file defines again holds for the machine too."""
    again = '#line 33 "mm/b.c"\n#undef A\n#define A 5\n#line 40'
    parts = parts_of(_TEXT.replace("#line 40", again))
    assert parts is not None
    assert "#define A 5" in parts.kernel
    assert "#define A 5" in parts.machine


@pytest.mark.parametrize(
    "piece",
    [
        "static int level;",
        "static int level = 1;",
        "int levels[2] = { 1, 2 };",
        "static inline int *slot(void) { static int n; return &n; }",
        "static inline int f(void) { static const int n = 1; return g(&n); }",
        "static inline int f(void) { ONCE(g()); return 0; }",
        "static inline int f(void) { static void (*called)(void); return !called; }",
        "LEVEL(level);",
        "HOOK(level)",
        "static inline int f(void) { TWICE(g()); return 0; }",
    ],
)
def test_parts_are_none_where_a_header_has_a_variable(piece: str) -> None:
    """Each part would have its own."""
    head = (
        '#line 8 "include/linux/a.h"\n#define ONCE(x) ({ static int done; done++ || (x); })\n#define TWICE(x) ONCE(x)\n'
    )
    head += "#define LEVEL(name) static int name = 1\n#define HOOK(name) static void (*name)(void);\n"
    head += "#define GETTER(name) \\\n\tstatic inline int get_##name(void) { return 1; }\n"
    whole = _TEXT.replace('#line 30 "mm/b.c"', f'#line 5 "include/linux/a.h"\n{piece}\n#line 30 "mm/b.c"')
    assert parts_of(head + whole) is None
    plain = whole.replace(
        piece, 'struct page;\n#line 6 "include/linux/a.h"\nstatic inline int f(void) /* static */ { return 0; }'
    )
    assert parts_of(head + plain) is not None


@pytest.mark.parametrize("marker", [BEGIN_CODE, BEGIN_MACHINE])
def test_parts_are_none_where_a_marker_stands_elsewhere_too(marker: str) -> None:
    """Text of a stranger does not say where the parts begin."""
    assert parts_of(_TEXT.replace("#define A 1", f"#define A 1\n#define C {marker}")) is None


def _built(code: str, variant: Variant) -> Program:
    head = '#line 1 "include/linux/y.h"\n#define VMC_KERNEL_FUNCTIONS(X)\nint set(void);\n'
    machine = '#line 1 "vmemcheck/shim/main.c"\nint main(void) { return set(); }\n'
    return build(f"{head}{BEGIN_CODE}\n{code}\n{BEGIN_MACHINE}\n{machine}", variant, "linux-1.2.3 x86")


@pytest.mark.parametrize("gap", ["gap", "fork"])
def test_build_in_parts_of_a_gap_says_what_the_whole_says(
    gap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that nobody has is a gap of the shim, also where the C library has it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code = f'#line 1 "mm/x.c"\nextern int {gap}(void); int set(void) {{ return {gap}(); }}'
    said = []
    for variant in (Variant.FAST, Variant.PARTS):
        with pytest.raises(ShimGapError) as caught:
            _built(code, variant)
        said.append(str(caught.value))
    assert f"needs {gap}," in said[0]
    assert said[0].split("/programs/")[0] == said[1].split("/programs/")[0]


def test_build_in_parts_without_its_names_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cleans up may be stopped half-way."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    codes = [f'#line 1 "mm/x.c"\nint set(void) {{ return {number}; }}' for number in (3, 4, 5)]
    _built(codes[0], Variant.PARTS)
    (names,) = (tmp_path / "vmemcheck/programs").glob("*/part.names")
    names.unlink()
    assert 4 == subprocess.run([_built(codes[1], Variant.PARTS).path], check=False).returncode
    names.write_text("")
    assert 5 == subprocess.run([_built(codes[2], Variant.PARTS).path], check=False).returncode
    assert names.read_text()


def test_build_in_parts_that_asks_for_too_much_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compiler may use a minute, and not another one for the whole."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked: list[list[str]] = []

    def too_much(arguments: list[str]) -> str:
        asked.append(arguments)
        raise BuildError("the compiler asked for more than 60 s")

    monkeypatch.setattr(build_module, "_refused", too_much)
    with pytest.raises(BuildError, match="asked for more"):
        _built('#line 1 "mm/x.c"\nint set(void) { return 3; }', Variant.PARTS)
    assert 1 == len(asked)
