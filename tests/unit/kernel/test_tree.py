# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree is opened from a folder, a checkout or a revision; anything else is refused with the reason."""

import os
import time
from pathlib import Path

import pytest

from tests.unit.repositories import MAKEFILE, committed, git
from vmemcheck.errors import TreeError
from vmemcheck.kernel import tree as module
from vmemcheck.kernel.tree import Tree, open_tree

pytestmark = pytest.mark.usefixtures("own_cache")


def test_tree_unpacked_folder_is_opened(folder: Path) -> None:
    """The version comes from the Makefile."""
    tree = open_tree(folder)
    assert (tree.name, tree.root) == ("linux-9.8.7-rc6", folder)
    assert tree.files("arch", ".c") == ("arch/x86/mm/init_64.c",)


def test_tree_revision_is_read_without_touching_the_checkout(folder: Path) -> None:
    """--rev gives the file as it was then, whatever lies in the checkout now."""
    first = committed(folder, "one")
    (folder / "mm/sparse-vmemmap.c").write_text("second\n")
    (folder / "Makefile").write_text(MAKEFILE.replace("7", "8"))
    committed(folder, "two")
    (folder / "mm/sparse-vmemmap.c").write_text("third\n")
    old, new = open_tree(folder, first), open_tree(folder, "main")
    assert (old.version, old.read("mm/sparse-vmemmap.c")) == ("9.8.7-rc6", "/* mm/sparse-vmemmap.c */\n")
    assert (new.version, new.read("mm/sparse-vmemmap.c")) == ("9.8.8-rc6", "second\n")
    assert "with local changes" in open_tree(folder).origin
    assert open_tree(folder, first) == old


def test_tree_of_a_revision_makes_room_where_there_are_many(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not opened for a day goes, the one that is opened stays however old it is."""
    commit = committed(folder, "one")
    cached = open_tree(folder, commit).root
    for name, hours in ((cached.name, 99), ("today", 20), ("days-ago", 50)):
        (cached.parent / name).mkdir(exist_ok=True)
        os.utime(cached.parent / name, (time.time() - hours * 3600,) * 2)
    monkeypatch.setattr(module, "_MOST_REVISIONS", 1)
    assert cached == open_tree(folder, commit).root
    assert {cached.name, "today"} == {path.name for path in (tmp_path / "cache/vmemcheck/git").iterdir()}


def test_tree_bare_repository_with_revision_is_opened(folder: Path, tmp_path: Path) -> None:
    """linux.git alone is enough when a revision is given, and says so when it is not."""
    committed(folder, "one")
    bare = tmp_path / "linux.git"
    git(tmp_path, "clone", "-q", "--bare", str(folder), str(bare))
    assert open_tree(bare, "main").version == "9.8.7-rc6"
    with pytest.raises(TreeError, match="add --rev"):
        open_tree(bare)


@pytest.mark.parametrize("rev", ["no-such-tag", "--output=/tmp/x", "HEAD:mm"])
def test_tree_unknown_revision_is_refused(folder: Path, rev: str) -> None:
    """What is not the name of a commit is refused, options for git included."""
    committed(folder, "one")
    with pytest.raises(TreeError, match=r"revision|commit"):
        open_tree(folder, rev)


def test_tree_absent_file_or_landmark_is_refused(folder: Path) -> None:
    """Each reason names what is missing."""
    with pytest.raises(TreeError, match="no such kernel tree"):
        open_tree(folder / "none")
    with pytest.raises(TreeError, match="must be a folder"):
        open_tree(folder / "Makefile")
    with pytest.raises(TreeError, match=r"has no file mm/none\.c"):
        open_tree(folder).read("mm/none.c")
    (folder / "mm/memory_hotplug.c").unlink()
    with pytest.raises(TreeError, match=r"has no mm/memory_hotplug\.c"):
        open_tree(folder)
    (folder / "Makefile").write_text("all:\n")
    with pytest.raises(TreeError, match="does not set VERSION"):
        open_tree(folder)
    (folder / "Makefile").unlink()
    with pytest.raises(TreeError, match="has no Makefile"):
        open_tree(folder)


@pytest.mark.parametrize("name", ["mm/there.c", "mm/folder/there.c", "mm/folder/deep/there.c"])
def test_copy_of_a_tree_reads_files_of_its_base_through_links(folder: Path, tmp_path: Path, name: str) -> None:
    """A link leads to a file of the base; one that leads out of that, at its end or on its way, is refused."""
    base, copy = open_tree(folder), tmp_path / "copy"
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("text")
    (copy / name).parent.mkdir(parents=True)
    (copy / name).symlink_to(place)
    tree = Tree(copy, base.version, base.origin, base.root)
    assert (place, "text") == (tree.path(name), tree.read(name))
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/there.c").write_text("secret")
    place.unlink()
    place.symlink_to(tmp_path / "secret/there.c")
    with pytest.raises(TreeError, match="outside of the kernel tree"):
        tree.read(name)
    place.unlink()
    (folder / "aside").symlink_to(tmp_path / "secret")
    (copy / name).unlink()
    (copy / name).symlink_to(folder / "aside/there.c")
    with pytest.raises(TreeError, match="outside of the kernel tree"):
        tree.read(name)


@pytest.mark.parametrize("name", ["mm/link.c", "../secret", "/etc/passwd"])
def test_tree_path_that_leaves_the_tree_is_refused(folder: Path, name: str) -> None:
    """A link or a name that leads outside is never read."""
    (folder.parent / "secret").write_text("secret")
    (folder / "mm/link.c").symlink_to("../../secret")
    with pytest.raises(TreeError, match="outside of the kernel tree"):
        open_tree(folder).read(name)
