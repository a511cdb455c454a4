# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a checkout has local changes is told from its files, and nothing that the repository configures runs."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.repositories import NAMES, arm, committed, git, partial_clone, smallest_tree
from vmemcheck.errors import TreeError
from vmemcheck.kernel.tree import open_tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a checkout that passes as a kernel tree."""
    root = smallest_tree(tmp_path / "linux")
    (root / "mm/link.c").symlink_to("sparse-vmemmap.c")
    committed(root)
    return root


def _stage(folder: Path) -> None:
    """Change the index alone."""
    before = (folder / NAMES[0]).read_text()
    (folder / NAMES[0]).write_text("staged\n")
    git(folder, "add", "-A")
    (folder / NAMES[0]).write_text(before)


def _link(folder: Path) -> None:
    (folder / "mm/link.c").unlink()
    (folder / "mm/link.c").symlink_to("memory_hotplug.c")


def _file_for_link(folder: Path) -> None:
    (folder / "mm/link.c").unlink()
    (folder / "mm/link.c").write_text("sparse-vmemmap.c")


def _link_for_file(folder: Path) -> None:
    (folder / NAMES[1]).unlink()
    (folder / NAMES[1]).symlink_to("sparse-vmemmap.c")


def _pipe(folder: Path) -> None:
    (folder / NAMES[1]).unlink()
    os.mkfifo(folder / NAMES[1])


def _add(folder: Path) -> None:
    (folder / "mm/new.c").touch()
    git(folder, "add", "-A")


def _same_time(folder: Path) -> None:
    """Change a file, but neither its size nor its time."""
    path = folder / NAMES[0]
    before = path.stat()
    path.write_text(path.read_text().replace("mm", "MM"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: (folder / NAMES[0]).write_text("new\n"), id="content"),
        pytest.param(lambda folder: (folder / "mm/link.c").unlink(), id="deleted"),
        _stage,
        _link,
        _file_for_link,
        _link_for_file,
        _pipe,
        _add,
        _same_time,
    ],
)
def test_checkout_that_was_changed_says_so(folder: Path, change: Callable[[Path], object]) -> None:
    """Whatever became of a file, in the folder or in the index."""
    assert not open_tree(folder).origin.endswith("with local changes")
    change(folder)
    assert open_tree(folder).origin.endswith("with local changes")


def test_checkout_with_other_times_and_files_that_git_does_not_know_is_not_changed(folder: Path) -> None:
    """A build leaves files behind, and a copy has other times."""
    (folder / "mm/sparse.o").touch()
    for name in NAMES:
        os.utime(folder / name, (1, 1))
    commit = git(folder, "rev-parse", "HEAD")
    assert open_tree(folder).origin == f"{folder} at {commit[:12]}"


def test_checkout_that_is_sparse_is_not_changed(folder: Path) -> None:
    """What git did not check out was not changed by anyone."""
    (folder / "lib").mkdir()
    (folder / "lib/a.c").touch()
    committed(folder, "two")
    git(folder, "sparse-checkout", "set", "--no-cone", "/*", "!/lib")
    assert not (folder / "lib/a.c").exists()
    assert not open_tree(folder).origin.endswith("with local changes")
    (folder / NAMES[0]).write_text("new\n")
    assert open_tree(folder).origin.endswith("with local changes")


def test_checkout_of_sha256_names_is_compared_as_well(tmp_path: Path) -> None:
    """A repository names contents by one of two digests."""
    root = smallest_tree(tmp_path / "linux")
    git(root, "init", "-q", "--object-format=sha256")
    committed(root)
    assert not open_tree(root).origin.endswith("with local changes")
    (root / NAMES[0]).write_text("new\n")
    assert open_tree(root).origin.endswith("with local changes")


@pytest.mark.parametrize("changed", [False, True])
def test_checkout_of_a_hostile_repository_runs_nothing(folder: Path, tmp_path: Path, *, changed: bool) -> None:
    """Also where the times of files are not those of the index, so that git has to look at what is in them."""
    arm(folder, tmp_path / "mark")
    if changed:
        (folder / NAMES[0]).write_text("new\n")
    for name in NAMES:
        os.utime(folder / name, (2, 2))
    assert open_tree(folder).origin.endswith("with local changes") is changed
    assert not (tmp_path / "mark").exists()
    git(folder, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "status")
    assert (tmp_path / "mark").exists(), "the filter would have run"


def test_checkout_with_a_hostile_submodule_runs_nothing(folder: Path, tmp_path: Path) -> None:
    """'git status' would compare the files of the submodule, which has a configuration of its own."""
    inner = folder / "mm/sub.c"
    inner.mkdir()
    (inner / "a").touch()
    committed(inner)
    committed(folder, "two")
    arm(inner, tmp_path / "mark")
    os.utime(inner / "a", (2, 2))
    assert not open_tree(folder).origin.endswith("with local changes")
    assert not (tmp_path / "mark").exists()
    git(folder, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "status")
    assert (tmp_path / "mark").exists(), "the filter would have run"


def test_checkout_of_a_partial_clone_needs_no_contents(folder: Path, tmp_path: Path) -> None:
    """The names of contents are enough to compare with: none is fetched."""
    clone = partial_clone(folder, tmp_path / "clone", tmp_path / "mark")
    smallest_tree(clone)
    (clone / "mm/link.c").symlink_to("sparse-vmemmap.c")
    git(clone, "reset", "-q", "--mixed")
    (tmp_path / "mark").unlink(missing_ok=True)
    assert not open_tree(clone).origin.endswith("with local changes")
    assert not (tmp_path / "mark").exists()


def test_checkout_without_a_repository_of_its_own_is_not_that_of_the_folder_above(folder: Path) -> None:
    """An empty .git is no repository, and that above has other files."""
    inner = smallest_tree(folder / "lib/linux")
    (inner / ".git").mkdir()
    with pytest.raises(TreeError, match="not a git repository"):
        open_tree(inner)
