# SPDX-License-Identifier: GPL-2.0-or-later
"""Series are applied to copies: what comes of the files, which patch a line is from, and what is said of failures."""

import difflib
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from vmemcheck.errors import PatchError, TreeError
from vmemcheck.kernel.tree import Tree
from vmemcheck.patch import overlay
from vmemcheck.patch.apply import State, apply_series
from vmemcheck.patch.mail import read_series
from vmemcheck.patch.overlay import patched_tree

_OLD = "".join(f"line({number});\n" for number in range(1, 31))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a tree of two files, inside of a git work tree that has nothing to do with it."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    root = tmp_path / "linux"
    for name in ("mm/sparse.c", "include/linux/mm.h"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(_OLD)
    return Tree(root, "9.9.9", "test")


def _diff(old: str, new: str, name: str = "mm/sparse.c", context: int = 3) -> bytes:
    lines = difflib.unified_diff(old.splitlines(True), new.splitlines(True), f"a/{name}", f"b/{name}", n=context)
    return "".join(lines).encode()


def _applied(tree: Tree, *diffs: bytes) -> tuple[State, ...]:
    patches = [patch for number, diff in enumerate(diffs, 1) for patch in read_series([(f"p{number}", diff)])]
    numbered = [replace(one, number=number) for number, one in enumerate(patches, 1)]
    return apply_series(tree, numbered)


def _origins(state: State, name: str = "mm/sparse.c") -> dict[int, tuple[int, int]]:
    found = enumerate(state.origins[name], 1)
    return {line: (one.patch, one.behind) for line, one in found if one.patch or one.behind}


def test_series_applied_leaves_the_tree_and_knows_each_line(tree: Tree) -> None:
    """Each patch builds on those before; a changed line is its last patch's, a deletion is the line's behind it."""
    first = _OLD.replace("line(5);\n", "five();\nfive();\n")
    second = first.replace("line(2);\n", "two();\n").replace("line(20);\n", "")
    third = second.replace("five();\nfive();", "five();\n5();")
    states = _applied(tree, _diff(_OLD, first), _diff(first, second, context=0), _diff(second, third))
    assert [state.contents["mm/sparse.c"] for state in states] == [one.encode() for one in (_OLD, first, second, third)]
    assert _origins(states[-1]) == {2: (2, 0), 5: (1, 0), 6: (3, 0), 21: (0, 2)}
    assert tree.read("mm/sparse.c") == _OLD


def test_series_that_only_deletes_at_the_end_stands_at_the_last_line(tree: Tree) -> None:
    """Behind the last lines there is none: the line before stands for them. A comment that goes is no code."""
    shorter = _OLD.replace("line(29);\nline(30);\n", "")
    assert _origins(_applied(tree, _diff(_OLD, shorter))[-1]) == {28: (0, 1)}


def test_series_that_does_not_apply_names_the_hunk(tree: Tree) -> None:
    """The message has the patch, the hunk and the line."""
    other = _OLD.replace("line(25);", "other(25);")
    diff = _diff(other, other.replace("line(2);", "two();").replace("other(25);", "25();"))
    with pytest.raises(PatchError) as caught:
        _applied(tree, diff)
    expected = "patch 1 (p1) does not apply to linux-9.9.9: hunk 2 of 2, @@ -22,7 +22,7 @@, of mm/sparse.c at line 22"
    assert expected in str(caught.value)
    with pytest.raises(PatchError, match="its base-commit is 0123456789ab"):
        _applied(tree, diff + b"\nbase-commit: 0123456789abcdef\n")


@pytest.mark.parametrize(
    ("diff", "says"),
    [
        (_diff("x\n", "y\n", "mm/gone.c"), "there is no mm/gone.c in linux-9.9.9"),
        (b"--- /dev/null\n+++ b/mm/sparse.c\n@@ -0,0 +1 @@\n+x\n", "mm/sparse.c is there already"),
        (_diff(_OLD, _OLD.replace("line(2)", "two()")).replace(b"+two()", b"+line(2)"), "is the same afterwards"),
    ],
)
def test_series_that_does_not_fit_the_tree_is_refused(diff: bytes, says: str, tree: Tree) -> None:
    """Files that are gone or there already, and patches that change nothing, are told."""
    with pytest.raises(PatchError) as caught:
        _applied(tree, diff)
    assert says in str(caught.value)


def test_series_through_a_link_of_the_tree_is_refused(tree: Tree, tmp_path: Path) -> None:
    """A link in the tree leads nowhere: neither to a file outside nor to one inside."""
    (tmp_path / "secret").write_text("x\n")
    (tree.root / "mm" / "out.c").symlink_to(tmp_path / "secret")
    (tree.root / "mm" / "in.c").symlink_to("sparse.c")
    with pytest.raises(TreeError):
        _applied(tree, _diff("x\n", "y\n", "mm/out.c"))
    with pytest.raises(PatchError) as caught:
        _applied(tree, _diff(_OLD, _OLD.replace("line(2)", "2()"), "mm/in.c"))
    assert "symbolic link" in str(caught.value)


def test_series_with_new_renamed_and_deleted_files_is_applied(tree: Tree) -> None:
    """Files come, go and move; a file that nothing here reads is not asked for."""
    new = (
        b"diff --git a/mm/new.c b/mm/new.c\nnew file mode 100644\n--- /dev/null\n+++ b/mm/new.c\n@@ -0,0 +1 @@\n+x();\n"
    )
    moved = b"diff --git a/mm/sparse.c b/mm/moved.c\nrename from mm/sparse.c\nrename to mm/moved.c\n"
    other = _diff("x\n", "y\n", "drivers/nowhere.c")
    state = _applied(tree, other + new + moved)[-1]
    assert state.contents == {"mm/new.c": b"x();\n", "mm/moved.c": _OLD.encode(), "mm/sparse.c": None}
    assert _origins(state, "mm/new.c") == {1: (1, 0)}
    assert _origins(state, "mm/moved.c") == {}


def test_patched_tree_that_takes_over_an_old_copy_is_as_one_that_is_made_anew(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an old copy of the tree nothing is left: what was changed, new, and taken away in it is as in the tree."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(overlay, "_MOST", 1)
    old = patched_tree(tree, {"mm/sparse.c": b"old\n", "include/linux/mm.h": None, "mm/deep/new.c": b"new\n"})
    number = old.root.stat().st_ino
    os.utime(old.root, (0, 0))
    taken = patched_tree(tree, {"mm/other.c": b"other\n", "mm/sparse.c/moved.c": b"moved\n", "mm/sparse.c": None})
    assert (taken.root.stat().st_ino, old.root.exists()) == (number, False)
    shown = {path: path.read_bytes() for path in sorted(taken.root.rglob("*.[ch]")) if path.is_file()}
    shutil.rmtree(taken.root)
    made = patched_tree(tree, {"mm/other.c": b"other\n", "mm/sparse.c/moved.c": b"moved\n", "mm/sparse.c": None})
    assert shown == {path: path.read_bytes() for path in sorted(made.root.rglob("*.[ch]")) if path.is_file()}
    assert not taken.has("mm/deep")
    assert (tree.read("mm/sparse.c"), tree.has("include/linux/mm.h")) == (_OLD, True)


def test_patched_tree_that_is_used_again_at_the_last_moment_stays(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may begin to use a copy between the look at its age and the moment at which it is taken over."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    old = patched_tree(tree, {"mm/sparse.c": b"old\n"})
    monkeypatch.setattr(overlay, "surplus", lambda *_: iter([old.root]))
    other = patched_tree(tree, {"mm/sparse.c": b"other\n"})
    assert ("old\n", "other\n") == (old.read("mm/sparse.c"), other.read("mm/sparse.c"))
    os.utime(old.root, (0, 0))
    patched_tree(tree, {"mm/sparse.c": b"old\n"})
    assert old.root.stat().st_mtime > 0


def test_patched_tree_shows_the_changed_files_and_links_to_the_others(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tree after a series is a folder of links with the changed files in it, the same for the same content."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    contents = {"mm/sparse.c": b"changed\n", "include/linux/mm.h": None, "mm/new.c": b"new\n"}
    patched = patched_tree(tree, contents)
    (tree.root / "mm" / "other.c").write_text("other\n")
    again = patched_tree(tree, contents)
    assert patched_tree(tree, contents).root == again.root != patched.root
    assert (again.read("mm/sparse.c"), again.read("mm/new.c"), again.read("mm/other.c")) == (
        "changed\n",
        "new\n",
        "other\n",
    )
    assert not again.has("include/linux/mm.h")
    assert again.files("mm", ".c") == ("mm/new.c", "mm/other.c", "mm/sparse.c")
    assert os.path.islink(again.root / "mm" / "other.c")  # noqa: PTH114  # of the name
    with pytest.raises(PatchError):
        patched_tree(tree, {"mm/sparse.c": b"", "mm/sparse.c/x.c": b""})
