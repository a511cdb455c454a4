# SPDX-License-Identifier: GPL-2.0-or-later
"""Files are added as names ask for them, and what is wrong in a tree is named with its place."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from vmemcheck.errors import SliceError
from vmemcheck.kernel import slice_tree as slice_tree_module
from vmemcheck.kernel.evaluate import View
from vmemcheck.kernel.kconfig import parse_kconfig
from vmemcheck.kernel.preprocess import Preprocessed, Reader
from vmemcheck.kernel.shim import shim_of
from vmemcheck.kernel.slice_tree import TreeSlice, slice_tree
from vmemcheck.kernel.target import target_of
from vmemcheck.kernel.tree import Tree

_FILES = {
    "include/linux/mm.h": "#define __weak __attribute__((weak))\nint hook(void);\nint walk(int), shim_free(int);\n",
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


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


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
