# SPDX-License-Identifier: GPL-2.0-or-later
"""What was read of a tree, and what was looked for in vain, tells whether it would be read in the same way again."""

from dataclasses import replace
from pathlib import Path

import pytest

from vmemcheck.kernel import watched as module
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.watched import Seen, WatchedTree, is_unchanged, looked_at_once

_FILES = {
    "mm/a.c": "#include <linux/a.h>\n#include <asm/b.h>\n#include OTHER\n",
    "mm/Makefile": "obj-y := a.o\n",
    "include/linux/a.h": '#include "c.h"\n#if __has_include(<linux/d.h>)\n#endif\n',
    "include/asm/b.h": "int b;\n",
    "include/linux/c.h": "int c;\n",
    "include/linux/other.h": "int other;\n",
    "include/linux/unrelated.h": "int unrelated;\n",
}
_SEARCH = ("arch/x86/include", "include")
_INCLUDED = ["mm/a.c", "include/linux/a.h", "include/asm/b.h", "include/linux/c.h", "include/linux/other.h"]


@pytest.fixture
def watched(tmp_path: Path) -> WatchedTree:
    """Return a tree of which something was seen already."""
    for name, text in _FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    tree = WatchedTree.of(Tree(tmp_path, "9.9.9", "test"))
    tree.included(_INCLUDED, _SEARCH)
    assert tree.read("mm/Makefile") == "obj-y := a.o\n"
    assert (tree.has("mm/sparse"), tree.has("mm")) == (False, True)
    assert tree.files("mm", ".c") == ("mm/a.c",)
    return tree


def test_is_unchanged_without_change_is_true(watched: WatchedTree) -> None:
    """An untouched tree looks the same, and files that nobody saw do not matter."""
    assert is_unchanged(watched, watched.seen)
    (watched.root / "include/linux/unrelated.h").write_text("int changed;\n")
    (watched.root / "mm/README").write_text("new\n")
    assert is_unchanged(watched, watched.seen)


@pytest.mark.parametrize(("age_ns", "expected"), [(0, 1), (10**12, 3)])
def test_file_is_read_once_unless_it_was_just_written(
    watched: WatchedTree, monkeypatch: pytest.MonkeyPatch, age_ns: int, expected: int
) -> None:
    """Whatever tree reads it; one that was just written may be written again in the same tick of the clock."""
    read: list[bytes] = []
    of = module._Content.of

    def counted(content: bytes) -> module._Content:
        read.append(content)
        return of(content)

    monkeypatch.setattr(module, "_CONTENTS", {})
    monkeypatch.setattr(module, "_SURELY_ANOTHER_TIME_NS", age_ns)
    monkeypatch.setattr(module._Content, "of", staticmethod(counted))
    for _ in range(3):
        assert is_unchanged(watched, Seen(files={"mm/Makefile": watched.seen.files["mm/Makefile"]}))
    assert [b"obj-y := a.o\n"] * expected == read
    (watched.root / "mm/Makefile").write_text("obj-y := b.o and more\n")
    assert not is_unchanged(watched, watched.seen)


def test_file_that_was_read_tells_that_it_is_there(watched: WatchedTree) -> None:
    """It is not looked for; what was only looked for is."""
    seen = replace(watched.seen, present={"mm/Makefile": True, "mm": True, "mm/sparse": False})
    assert is_unchanged(watched, seen)
    assert not is_unchanged(watched, replace(watched.seen, present={"lib": True}))
    (watched.root / "mm/Makefile").unlink()
    assert not is_unchanged(watched, seen)


@pytest.mark.parametrize("name", [*_INCLUDED, "mm/Makefile"])
@pytest.mark.parametrize("text", ["int changed;\n", None])
def test_is_unchanged_file_that_was_read_differs_or_is_gone_is_false(
    watched: WatchedTree, name: str, text: str | None
) -> None:
    """Each file that was read or included counts with its content."""
    if text is None:
        (watched.root / name).unlink()
    else:
        (watched.root / name).write_text(text)
    assert not is_unchanged(watched, watched.seen)


@pytest.mark.parametrize(
    "name",
    [
        "mm/b.c",
        "mm/sparse",
        "linux/a.h",
        "arch/x86/include/asm/b.h",
        "arch/x86/include/c.h",
        "arch/x86/include/linux/d.h",
        "include/linux/d.h",
        "arch/x86/include/linux/other.h",
    ],
)
def test_is_unchanged_file_that_was_looked_for_appears_is_false(watched: WatchedTree, name: str) -> None:
    """A header in a place that is searched before, a file of a listed folder, one that was asked for."""
    (watched.root / name).parent.mkdir(parents=True, exist_ok=True)
    (watched.root / name).write_text("")
    assert not is_unchanged(watched, watched.seen)


@pytest.mark.parametrize("name", ["mm/a.c", "mm/b.c", "arch/x86/include/asm/b.h"])
def test_looked_at_once_what_changes_meanwhile_shows_afterwards(watched: WatchedTree, name: str) -> None:
    """A file, a listing and a folder are looked at once, also in what is nested; a copy of the tree is another one."""
    copy = replace(watched, root=watched.root.parent / "copy")
    with looked_at_once():
        assert is_unchanged(watched, watched.seen)
        (watched.root / name).parent.mkdir(parents=True, exist_ok=True)
        (watched.root / name).write_text("int changed;\n")
        with looked_at_once():
            assert is_unchanged(watched, watched.seen)
        assert is_unchanged(watched, watched.seen)
        assert not is_unchanged(copy, watched.seen)
    assert not is_unchanged(watched, watched.seen)


def test_looked_at_once_a_file_that_is_read_counts_as_it_was_read(watched: WatchedTree) -> None:
    """It was looked at before it changed, and is put back afterwards: what was made of it is not of this tree."""
    again = WatchedTree.of(watched)
    with looked_at_once():
        assert is_unchanged(watched, watched.seen)
        (watched.root / "mm/Makefile").write_text("obj-y := b.o\n")
        assert "obj-y := b.o\n" == again.read("mm/Makefile")
    (watched.root / "mm/Makefile").write_text(_FILES["mm/Makefile"])
    assert not is_unchanged(again, again.seen)


def test_add_names_absent_by_one_or_by_both_count_once(watched: WatchedTree) -> None:
    """What two works saw of a tree, a work that consists of both has seen."""
    other = WatchedTree.of(Tree(watched.root, watched.version, watched.origin))
    assert not other.has("include/linux/new.h")
    other.included(["mm/a.c"], _SEARCH)
    before = {folder: set(names) for folder, names in watched.seen.absent.items()}
    other.seen.add(watched.seen)
    assert {folder: set(names) for folder, names in other.seen.absent.items()} == before
    assert all(len(set(names)) == len(names) for names in other.seen.absent.values())
    assert is_unchanged(other, other.seen)
    (watched.root / "include/linux/new.h").write_text("int new;\n")
    assert not is_unchanged(other, other.seen)
    assert is_unchanged(watched, watched.seen)
