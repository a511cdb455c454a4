# SPDX-License-Identifier: GPL-2.0-or-later
"""Files are added as names ask for them, and what is wrong in a tree is named with its place."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from vmemcheck.errors import SliceError
from vmemcheck.kernel import slice_tree as slice_tree_module
from vmemcheck.kernel.evaluate import View
from vmemcheck.kernel.kconfig import parse_kconfig
from vmemcheck.kernel.pieces import Kind
from vmemcheck.kernel.preprocess import Preprocessed, Reader
from vmemcheck.kernel.shim import shim_of
from vmemcheck.kernel.slice_tree import TreeSlice, slice_tree
from vmemcheck.kernel.target import target_of
from vmemcheck.kernel.tree import Tree

_FILES = {
    "include/linux/mm.h": "#define __weak __attribute__((weak))\n"
    "int hook(void);\nint walk(int), shim_free(int), new(int);\n",
    "mm/sparse.c": "#include <linux/mm.h>\nint __weak hook(void) { return 1; }\nint root(void) { return hook(); }\n",
    "arch/x86/mm/hook.c": "#include <linux/mm.h>\nint hook(void)\n{\n\treturn walk(2);\n}\n",
    "arch/x86/mm/walk.c": "#include <linux/mm.h>\nint walk(int n)\n{\n\treturn shim_free(n);\n}\n",
}
_SHIM = {"custom.h": "static inline int shim_free(int n)\n{\n\treturn n;\n}\n"}


def _sliced(folder: Path, shim: dict[str, str], base: Path | None = None, /, **changed: str) -> TreeSlice:
    files = _FILES | {name.replace("__", "/") + ".c": text for name, text in changed.items()}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    view = View(parse_kconfig([]), Reader(Tree(folder, "9.9.9", "test", base), target_of("x86"), {}, {}))
    return slice_tree(view, shim_of(shim), ("root",))


pytestmark = pytest.mark.usefixtures("own_cache")


def test_slice_tree_strong_definition_in_another_file_replaces_the_weak(tmp_path: Path) -> None:
    """The architecture's hook() is found although the weak one would do, and then what it calls."""
    found = _sliced(tmp_path / "linux", _SHIM)
    assert found.files == ("mm/sparse.c", "arch/x86/mm/hook.c", "arch/x86/mm/walk.c")
    assert "return walk(2);" in found.cut.code
    assert "return 1;" not in found.cut.code
    assert found.cut.from_shim == {"shim_free": "walk"}
    assert (found.cut.missing, found.complaints, found.absent) == ((), (), ())


def test_slice_tree_name_of_neither_side_is_missing(tmp_path: Path) -> None:
    """Without the shim its name is missing, with the file and the function that use it."""
    missing = _sliced(tmp_path / "linux", {}).cut.missing
    assert [(each.name, each.file, each.function) for each in missing] == [("shim_free", "arch/x86/mm/walk.c", "walk")]


def test_slice_tree_body_that_does_not_compile_is_named_with_its_line(tmp_path: Path) -> None:
    """The compiler's message has the kernel's file and line."""
    text = _FILES["arch/x86/mm/walk.c"].replace("return", "unknown_t x; return")
    complaints = _sliced(tmp_path / "linux", _SHIM, arch__x86__mm__walk=text).complaints
    assert len(complaints) == 1
    assert complaints[0].startswith("arch/x86/mm/walk.c:4:")
    assert "unknown_t" in complaints[0]


def test_slice_tree_renamed_root_is_refused(tmp_path: Path) -> None:
    """A tree without any root has nothing to slice."""
    text = _FILES["mm/sparse.c"].replace("root", "renamed")
    with pytest.raises(SliceError, match=r"no file defines root\(\)"):
        _sliced(tmp_path / "linux", _SHIM, mm__sparse=text)


def test_slice_tree_second_time_comes_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cut when nothing has changed, and the result is the same."""
    first = _sliced(tmp_path / "linux", _SHIM)
    monkeypatch.setattr(slice_tree_module, "Cutter", None)
    assert _sliced(tmp_path / "linux", _SHIM) == first


def test_slice_tree_change_of_tree_or_shim_gives_a_new_slice(tmp_path: Path) -> None:
    """A patch to a C file, a header of the same name in a place that comes first, another shim: all take effect."""
    _sliced(tmp_path / "linux", _SHIM)
    text = _FILES["arch/x86/mm/walk.c"].replace("shim_free(n)", "shim_free(n + 1)")
    assert "shim_free(n + 1)" in _sliced(tmp_path / "linux", _SHIM, arch__x86__mm__walk=text).cut.code
    header = tmp_path / "linux/arch/x86/include/linux/mm.h"
    header.parent.mkdir(parents=True)
    header.write_text(_FILES["include/linux/mm.h"].replace("int hook", "/* new */\nextern int hook"))
    assert "extern int hook" in _sliced(tmp_path / "linux", _SHIM).cut.prototypes
    assert _sliced(tmp_path / "linux", {}).cut.missing != ()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return what the preprocessor is asked to read."""
    asked: list[tuple[str, ...]] = []
    read = Reader.read

    def noted(self: Reader, names: Sequence[str], defines: Sequence[str] = ()) -> Preprocessed:
        asked.append(tuple(names))
        return read(self, names, defines)

    monkeypatch.setattr(Reader, "read", noted)
    return asked


@pytest.mark.parametrize(("body", "reads"), [("walk(3)", 1), ("4", 2), ("walk(new(5))", 2)])
def test_slice_tree_of_a_changed_copy_is_what_it_is_without_its_base(
    body: str, reads: int, tmp_path: Path, asked: list[tuple[str, ...]]
) -> None:
    """The files that the base needed are read at once; where one is not needed any more, they are found anew."""
    hook = _FILES["arch/x86/mm/hook.c"].replace("walk(2)", body)
    more = {"arch__x86__mm__hook": hook, "arch__x86__mm__new": "int new(int n)\n{\n\treturn n;\n}\n"}
    alone = _sliced(tmp_path / "alone", _SHIM, **more)
    _sliced(tmp_path / "linux", _SHIM)
    asked.clear()
    assert alone == _sliced(tmp_path / "copy", _SHIM, tmp_path / "linux", **more)
    assert reads == len(asked)


_UNREADABLE = {"arch__x86__mm__walk": "#error not for this configuration\n"}


@pytest.mark.parametrize(
    ("body", "reads", "more"),
    [("walk(3)", 1, {}), ("4", 2, {}), ("4", 3, _UNREADABLE), ("walk(new(5))", 2, {})],
    ids=["the-same-files", "one-less", "one-less-that-cannot-be-read", "one-more"],
)
def test_slice_tree_of_another_tree_is_what_it_is_alone(
    body: str, reads: int, more: dict[str, str], tmp_path: Path, asked: list[tuple[str, ...]]
) -> None:
    """The files that the last tree needed are tried first, and what they are does not show in the slice."""
    hook = _FILES["arch/x86/mm/hook.c"].replace("walk(2)", body)
    more = {"arch__x86__mm__hook": hook, "arch__x86__mm__new": "int new(int n)\n{\n\treturn n;\n}\n", **more}
    alone = _sliced(tmp_path / "alone", _SHIM, **more)
    _sliced(tmp_path / "linux", _SHIM)
    asked.clear()
    assert alone == _sliced(tmp_path / "other", _SHIM, **more)
    assert reads == len(asked)


def test_slice_tree_guess_does_not_justify_itself(tmp_path: Path) -> None:
    """A function that a header defines asks for no C file, though the last tree had it in one."""
    header = "static inline int walk(int n)\n{\n\treturn n;\n}\n"
    trees = [tmp_path / "alone", tmp_path / "linux", tmp_path / "other"]
    for tree in (trees[0], trees[2]):
        (tree / "include/linux").mkdir(parents=True)
        (tree / "include/linux/walk.h").write_text(header)
    hook = "#include <linux/walk.h>\nint hook(void)\n{\n\treturn walk(3);\n}\n"
    alone = _sliced(trees[0], _SHIM, arch__x86__mm__hook=hook)
    _sliced(trees[1], _SHIM)
    assert ("mm/sparse.c", "arch/x86/mm/hook.c") == alone.files
    assert alone == _sliced(trees[2], _SHIM, arch__x86__mm__hook=hook)


def test_slice_tree_does_not_depend_on_what_a_guess_read_in_vain(tmp_path: Path, asked: list[tuple[str, ...]]) -> None:
    """A header of a file that is not needed may change."""
    more = {
        "arch__x86__mm__hook": _FILES["arch/x86/mm/hook.c"].replace("walk(2)", "4"),
        "arch__x86__mm__walk": "#include <linux/walk.h>\n" + _FILES["arch/x86/mm/walk.c"],
    }
    _sliced(tmp_path / "linux", _SHIM)
    header = tmp_path / "other/include/linux/walk.h"
    header.parent.mkdir(parents=True)
    header.write_text("int before;\n")
    first = _sliced(tmp_path / "other", _SHIM, **more)
    header.write_text("int after;\n")
    asked.clear()
    assert first == _sliced(tmp_path / "other", _SHIM, **more)
    assert [] == asked


_WALK = "#include <linux/mm.h>\n{}\nint walk(int n)\n{{\n\treturn shim_free(own(n));\n}}\n"


@pytest.mark.parametrize(
    ("owned", "said"),
    [
        ("static int own(int n)\n{\n\treturn n;\n}", "is static in arch/x86/mm/walk.c"),
        ("static inline int __weak\nown(int n)\n{\n\treturn n;\n}", "is static in arch/x86/mm/walk.c"),
        ("int own(int n)\n{\n\treturn n;\n}", "no header declares; it is in arch/x86/mm/walk.c"),
        ("#define own(n) ((n) + 1)", "no header declares; it is in arch/x86/mm/walk.c"),
    ],
    ids=["static", "static-inline", "not-declared", "macro"],
)
def test_slice_tree_use_of_what_another_file_has_is_refused(owned: str, said: str, tmp_path: Path) -> None:
    """In one text it would compile, but a kernel build compiles each file by itself."""
    sparse = _FILES["mm/sparse.c"].replace("return hook()", "\n\treturn hook() + own(1)")
    more = {"arch__x86__mm__walk": _WALK.format(owned), "mm__sparse": sparse}
    with pytest.raises(SliceError) as refused:
        _sliced(tmp_path / "linux", _SHIM, **more)
    assert f"9.9.9: mm/sparse.c uses own, which {said}" in refused.value.what
    assert refused.value.where == "mm/sparse.c:4: root()"


def test_slice_tree_use_of_a_static_object_of_another_file_is_refused(tmp_path: Path) -> None:
    """So is a variable, also one that only a macro of the file names."""
    walk = _WALK.format("static int own_count;\nstatic int own(int n)\n{\n\treturn n + own_count;\n}")
    sparse = "#include <linux/mm.h>\n#define COUNT own_count\nint root(void)\n{\n\treturn walk(COUNT);\n}\n"
    with pytest.raises(SliceError, match=r"mm/sparse\.c uses own_count, which is static in arch/x86/mm/walk\.c"):
        _sliced(tmp_path / "linux", _SHIM, arch__x86__mm__walk=walk, mm__sparse=sparse)


def test_slice_tree_what_a_header_declares_may_be_used_by_all(tmp_path: Path) -> None:
    """The definition may be in a file that comes later."""
    walk = _WALK.format("int own(int n)\n{\n\treturn n;\n}")
    header = tmp_path / "linux/include/linux/own.h"
    header.parent.mkdir(parents=True)
    header.write_text("int own(int n);\n")
    sparse = "#include <linux/mm.h>\n#include <linux/own.h>\nint root(void) { return walk(1) + own(1); }\n"
    found = _sliced(tmp_path / "linux", _SHIM, arch__x86__mm__walk=walk, mm__sparse=sparse)
    assert found.complaints == ()


def test_slice_tree_local_name_that_a_macro_makes_is_no_use_of_another_file(tmp_path: Path) -> None:
    """Tokens do not tell it from the static function of another file, the compiler does."""
    walk = _WALK.format("static int own(int n)\n{\n\treturn n;\n}")
    sparse = (
        "#include <linux/mm.h>\n#define MAKE(name) int name##_size = 1, name = name##_size\n"
        "int root(void)\n{\n\tMAKE(own);\n\treturn walk(own);\n}\n"
    )
    found = _sliced(tmp_path / "linux", _SHIM, arch__x86__mm__walk=walk, mm__sparse=sparse)
    assert found.complaints == ()


_TWO = {
    "arch__x86__mm__walk": _WALK.format(
        "struct one { int own; };\nstatic int own(int n);\nstatic int own(int n)\n"
        "{\n\tstruct one s = { .own = n };\n\tstruct one *p = &s;\n\treturn p->own; /* own */\n}"
    ),
    "mm__sparse": "#include <linux/mm.h>\nstatic void *own(void)\n{\n\treturn 0;\n}\n"
    "int root(void)\n{\n\treturn walk(own() != 0);\n}\n",
}


def test_slice_tree_statics_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Each file calls its own; one of them has another name in the text, as have its prototype and its callers."""
    found = _sliced(tmp_path / "linux", _SHIM, **_TWO)
    assert found.complaints == ()
    assert "static void *own(void)" in found.cut.code
    assert "return walk(own() != 0);" in found.cut.code
    assert "static int __vmc_2_own(int n);" in found.cut.prototypes
    assert "static int __vmc_2_own(int n)\n{" in found.cut.code
    assert "s = { .own = n };" in found.cut.code
    assert "return p->own; /* own */" in found.cut.code
    assert "return shim_free(__vmc_2_own(n));" in found.cut.code
    assert ["own", "own"] == [
        item.name for item in found.cut.items if item.name == "own" and item.kind is Kind.FUNCTION
    ]


def test_slice_tree_static_does_not_hide_what_another_file_has_for_all(tmp_path: Path) -> None:
    """The global one keeps its name, also behind a static one; a file that has no static one means the global one."""
    sparse = "#include <linux/mm.h>\nstatic int own(void)\n{\n\treturn 0;\n}\nint root(void) { return walk(own()); }\n"
    walk = _WALK.format("int own(int n);")
    new = "#include <linux/mm.h>\nint __weak own(int n)\n{\n\treturn n;\n}\n"
    more = {"arch__x86__mm__walk": walk, "mm__sparse": sparse, "arch__x86__mm__new": new}
    found = _sliced(tmp_path / "linux", _SHIM, **more)
    assert found.complaints == ()
    assert "return walk(__vmc_2_own());" in found.cut.code
    assert "return shim_free(own(n));" in found.cut.code
    assert "int __weak own(int n)" in found.cut.code


def test_slice_tree_static_that_is_not_called_is_not_taken(tmp_path: Path) -> None:
    """A function that only has the name of one that is needed is left out, with all that it would need."""
    unused = "static int own(int n)\n{\n\treturn nobody_has_this(n);\n}\n"
    sparse = _FILES["mm/sparse.c"].replace("int root", unused + "int root")
    walk = _WALK.format("static int own(int n)\n{\n\treturn n;\n}")
    found = _sliced(tmp_path / "linux", _SHIM, arch__x86__mm__walk=walk, mm__sparse=sparse)
    assert (found.complaints, found.cut.missing) == ((), ())
    assert "nobody_has_this" not in found.cut.code
    assert "static int own(int n)" in found.cut.code


def test_slice_tree_static_that_a_header_declares_for_all_is_not_told_apart(tmp_path: Path) -> None:
    """That is what a compiler objects to in a kernel as well."""
    walk = _WALK.format("int own(int n)\n{\n\treturn n;\n}")
    sparse = (
        "#include <linux/mm.h>\n#include <linux/own.h>\nstatic int own(int n)\n{\n\treturn 0;\n}\n"
        "int root(void)\n{\n\treturn walk(own(1));\n}\n"
    )
    header = tmp_path / "linux/include/linux/own.h"
    header.parent.mkdir(parents=True)
    header.write_text("int own(int n);\n")
    found = _sliced(tmp_path / "linux", _SHIM, arch__x86__mm__walk=walk, mm__sparse=sparse)
    assert any("static declaration of 'own' follows non-static" in line for line in found.complaints)
