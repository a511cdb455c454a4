# SPDX-License-Identifier: GPL-2.0-or-later
"""A range of a repository is read as patches, whatever the repository configures; what are none is refused."""

from pathlib import Path

import pytest

from tests.unit.repositories import arm, committed, committed_file, git, partial_clone
from vmemcheck.errors import PatchError
from vmemcheck.patch.mail import read_series
from vmemcheck.patch.source import read_range


def test_series_of_a_range_is_read_from_git(tmp_path: Path) -> None:
    """A range of commits comes with subjects, a rename and a change of mode, whatever the user configured."""
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "diff.noprefix", "true")
    git(tmp_path, "config", "format.signature", "x")
    (tmp_path / "mm").mkdir()
    (tmp_path / "mm" / "a.c").write_text("".join(f"line {number}\n" for number in range(30)))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "mm: first")
    git(tmp_path, "mv", "mm/a.c", "mm/b.c")
    git(tmp_path, "commit", "-q", "-m", "mm: rename")
    (tmp_path / "mm" / "b.c").chmod(0o755)
    git(tmp_path, "commit", "-q", "-a", "-m", "mm: mode")
    found = read_series(read_range(tmp_path, "HEAD~2..HEAD"))
    assert [(one.subject, one.files[0].old, one.files[0].new, one.files[0].mode) for one in found] == [
        ("mm: rename", "mm/a.c", "mm/b.c", ""),
        ("mm: mode", "mm/b.c", "mm/b.c", "100755"),
    ]


def test_series_of_a_range_with_a_merge_is_refused(tmp_path: Path) -> None:
    """A merge is no patch, but it may change files: it is named, with what can be judged instead."""
    (tmp_path / "mm").mkdir()
    (tmp_path / "mm/a.c").write_text("base\n")
    base = committed(tmp_path)
    git(tmp_path, "checkout", "-q", "-b", "side")
    (tmp_path / "mm/b.c").write_text("side\n")
    committed(tmp_path, "side")
    git(tmp_path, "checkout", "-q", "-")
    (tmp_path / "mm/c.c").write_text("main\n")
    committed(tmp_path, "main")
    git(tmp_path, "merge", "-q", "--no-commit", "side")
    (tmp_path / "mm/a.c").write_text("resolved in another way\n")
    merge = committed(tmp_path, "merge")
    (tmp_path / "mm/d.c").write_text("last\n")
    committed(tmp_path, "last")
    with pytest.raises(PatchError, match=f"has a merge.*{merge[:12]}.*git -C .* diff {base} HEAD"):
        read_range(tmp_path, f"{base}..HEAD")
    assert len(read_series(read_range(tmp_path, "HEAD~1..HEAD"))) == 1


def test_series_of_a_range_with_a_merge_that_is_hidden_is_refused(tmp_path: Path) -> None:
    """A graft or a replaced commit makes another history of it, not another kernel."""
    base = committed_file(tmp_path, "a")
    git(tmp_path, "checkout", "-q", "-b", "side")
    side = committed_file(tmp_path, "b")
    git(tmp_path, "checkout", "-q", "-b", "other", base)
    other = committed_file(tmp_path, "c")
    git(tmp_path, "merge", "-q", "--no-edit", side)
    merge = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / ".git/info").mkdir(exist_ok=True)
    (tmp_path / ".git/info/grafts").write_text(f"{merge} {other}\n")
    with pytest.raises(PatchError, match="has a merge"):
        read_range(tmp_path, f"{base}..HEAD")
    (tmp_path / ".git/info/grafts").unlink()
    git(tmp_path, "replace", "--graft", merge, other)
    with pytest.raises(PatchError, match="has a merge"):
        read_range(tmp_path, f"{base}..HEAD")


def test_series_of_a_range_that_git_does_not_know_is_refused(tmp_path: Path) -> None:
    """In one line, with what git says."""
    base = committed_file(tmp_path, "a")
    with pytest.raises(PatchError, match=r"does not know the range HEAD\.\.none: .*none"):
        read_range(tmp_path, "HEAD..none")
    with pytest.raises(PatchError, match="has no patches"):
        read_range(tmp_path, f"{base}..HEAD")


def test_series_of_a_range_of_a_hostile_repository_runs_nothing(tmp_path: Path) -> None:
    """Its programs for differences, monitors, hooks and signatures are left alone."""
    root = tmp_path / "linux"
    root.mkdir()
    base = committed_file(root, "a")
    committed_file(root, "b")
    arm(root, tmp_path / "mark")
    assert len(read_series(read_range(root, f"{base}..HEAD"))) == 1
    assert not (tmp_path / "mark").exists()


def test_series_of_a_range_of_a_partial_clone_is_refused_and_nothing_fetched(tmp_path: Path) -> None:
    """To fetch is to run what the remote is configured with."""
    root = tmp_path / "linux"
    root.mkdir()
    base = committed_file(root, "a")
    committed_file(root, "b")
    clone = partial_clone(root, tmp_path / "clone", tmp_path / "mark")
    with pytest.raises(PatchError, match="git cannot read the range"):
        read_range(clone, f"{base}..HEAD")
    assert not (tmp_path / "mark").exists()
