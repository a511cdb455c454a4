# SPDX-License-Identifier: GPL-2.0-or-later
"""Git is called so that neither the environment nor a repository says what it does."""

from pathlib import Path

import pytest

from tests.unit.repositories import committed, git, smallest_tree
from vmemcheck.errors import TreeError
from vmemcheck.kernel import git as module
from vmemcheck.kernel.git import ask_git, git_environment, run_git


def test_git_environment_drops_every_variable_of_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """None that a caller has, for example within a hook, leads to another repository, index or program."""
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_EXTERNAL_DIFF", "GIT_CONFIG_COUNT"):
        monkeypatch.setenv(name, "there")
    monkeypatch.setenv("HOME", "/home/test")
    environment = git_environment()
    assert not [name for name, value in environment.items() if value == "there"]
    assert environment["HOME"] == "/home/test"


def test_git_asked_within_a_hook_answers_for_the_named_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables of a hook name its own repository."""
    commit = committed(smallest_tree(tmp_path / "linux"))
    (tmp_path / "other").mkdir()
    git(tmp_path / "other", "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "other/.git/objects"))
    assert commit == ask_git(tmp_path / "linux", "rev-parse", "HEAD").strip()


def test_git_below_a_ceiling_finds_no_repository_above(tmp_path: Path) -> None:
    """A folder within a repository is not taken for it."""
    root = smallest_tree(tmp_path / "linux")
    committed(root)
    assert run_git(root / "mm", "rev-parse", "HEAD").returncode == 0
    assert run_git(root / "mm", "rev-parse", "HEAD", ceiling=root).returncode != 0


def test_git_that_writes_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository can name one folder many times in another one, and so on."""
    root = smallest_tree(tmp_path / "linux")
    committed(root)
    monkeypatch.setattr(module, "_MOST_BYTES", 100)
    with pytest.raises(TreeError, match="git ls-tree wrote more than"):
        ask_git(root, "ls-tree", "-r", "HEAD")


def test_git_absent_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git there is one clear error."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TreeError, match="git is not installed"):
        ask_git(tmp_path, "rev-parse", "HEAD")
