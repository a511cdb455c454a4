# SPDX-License-Identifier: GPL-2.0-or-later
"""A stored result comes back as it was, or not at all."""

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from vmemcheck.kernel import stored
from vmemcheck.kernel.cache import cache_folder
from vmemcheck.kernel.pieces import Kind
from vmemcheck.kernel.stored import Entry
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.watched import WatchedTree


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a result."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Result:
    """What is stored here."""

    parts: tuple[Part, ...]
    users: Mapping[str, str]
    lines: tuple[str, ...]
    number: int


_RESULT = Result((Part(Kind.MACRO, "A"), Part(Kind.TYPE, "\udc80")), {"b": "1", "a": "2"}, (), 3)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WatchedTree:
    """Return a tree with one file, which was read."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(stored, "compiler_version", lambda: "gcc 1")
    (tmp_path / "linux").mkdir()
    (tmp_path / "linux/a.h").write_text("int a;\n")
    watched = WatchedTree.of(Tree(tmp_path / "linux", "9.9.9", "test"))
    watched.read("a.h")
    return watched


def _stored() -> list[Path]:
    return sorted(cache_folder("slices").iterdir())


def test_load_returns_what_was_stored(tree: WatchedTree) -> None:
    """Enums, nested dataclasses, the order of a mapping and odd characters come back, for the same question only."""
    Entry("slice", tree, {"NUMA": "y"}, frozenset({"a", "b"})).store(tree, _RESULT)
    found = Entry("slice", tree, {"NUMA": "y"}, frozenset({"b", "a"})).load(Result)
    assert found == _RESULT
    assert found is not None
    assert list(found.users) == ["b", "a"]
    assert Entry("slice", tree, {"NUMA": "n"}, frozenset({"a", "b"})).load(Result) is None


def test_load_after_a_change_of_the_tree_is_none(tree: WatchedTree) -> None:
    """Same size and same time of change do not help: the content counts."""
    Entry("slice", tree).store(tree, _RESULT)
    (tree.root / "a.h").write_text("int b;\n")
    assert Entry("slice", tree).load(Result) is None


def test_load_after_a_change_of_the_compiler_is_none(tree: WatchedTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another compiler may say other things; the next result takes the same place."""
    Entry("slice", tree).store(tree, _RESULT)
    monkeypatch.setattr(stored, "compiler_version", lambda: "gcc 2")
    assert Entry("slice", tree).load(Result) is None
    Entry("slice", tree).store(tree, _RESULT)
    assert Entry("slice", tree).load(Result) == _RESULT
    assert len(_stored()) == 1


@pytest.mark.parametrize("damage", ["", "x", "{}", "shorter", "changed"])
def test_load_damaged_entry_is_none_and_can_be_stored_again(tree: WatchedTree, damage: str) -> None:
    """An entry that is empty, cut off or altered is as if it were absent."""
    Entry("slice", tree).store(tree, _RESULT)
    (path,) = _stored()
    whole = path.read_text()
    path.write_text({"shorter": whole[:-9], "changed": whole.replace('"A"', '"B"')}.get(damage, damage))
    assert Entry("slice", tree).load(Result) is None
    Entry("slice", tree).store(tree, _RESULT)
    assert path.read_text() == whole


def test_store_on_a_full_disk_keeps_nothing(tree: WatchedTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result was made all the same: a full disk is no error here."""

    def fail(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    Entry("slice", tree).store(tree, _RESULT)
    assert _stored() == []


def test_store_keeps_the_newest_entries(tree: WatchedTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees that were patched once and thrown away do not fill the disk."""
    monkeypatch.setattr(stored, "_MOST_ENTRIES", 2)
    for number in range(4):
        Entry("slice", tree, number).store(tree, _RESULT)
        for path in _stored():
            os.utime(path, (0, 0))
    assert len(_stored()) == 2


@pytest.mark.parametrize("was_cached", [False, True], ids=["made", "loaded"])
def test_result_made_from_another_depends_on_what_that_was_made_from(tree: WatchedTree, was_cached: bool) -> None:
    """A change of a file that only the inner result has read makes the outer one stale."""
    outer = WatchedTree.of(Tree(tree.root, tree.version, tree.origin))
    Entry("view", tree if was_cached else outer).store(tree, _RESULT)
    if was_cached:
        assert Entry("view", outer).load(Result) == _RESULT
    Entry("facts", outer).store(outer, _RESULT)
    assert Entry("facts", outer).load(Result) == _RESULT
    (tree.root / "a.h").write_text("int b;\n")
    assert Entry("facts", outer).load(Result) is None
