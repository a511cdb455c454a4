# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` on real trees: each patch of ``patches/`` is judged as its row of the table says."""

import contextlib
import json
import subprocess
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.trees.broken import copied
from tests.trees.gate_patches import CASES, FOLDER, Case
from vmemcheck.cli import main
from vmemcheck.commands import gate as command
from vmemcheck.errors import VmemcheckError
from vmemcheck.gate.result import Answer
from vmemcheck.kernel.tree import Tree
from vmemcheck.patch import overlay

_CASES = {case.name: case for case in CASES}


class _Here(Executor):
    """Runs what it is given at once, in this process, which knows most of what the files of a tree include by now."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except VmemcheckError as error:
            future.set_exception(error)
        return future


@pytest.fixture
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "Workers", lambda _: contextlib.nullcontext(SimpleNamespace(executor=_Here())))
    # A copy of a tree is thousands of links: take over one that is no longer used, as the gate does when it has many.
    monkeypatch.setattr(overlay, "_MOST", 4)


def _options(case: Case) -> list[str]:
    options = [word for arch in case.arches for word in ("--arch", arch)] + ["--latent"] * case.latent
    if case.arches:
        options += ["--page-size", "4K", "--struct-page", str(case.struct_page), "--levels", str(case.levels)]
    return ["--quiet", "--budget", case.budget, *options]


def _judged(case: Case, tree: Tree, folder: Path) -> tuple[int, dict[str, object], str]:
    outputs = [
        "--format",
        "json",
        "--output",
        str(folder / "json"),
        "--format",
        "text",
        "--output",
        str(folder / "text"),
    ]
    code = main(["gate", "--tree", str(tree.root), str(case.path), *_options(case), *outputs])
    return code, json.loads((folder / "json").read_text()), (folder / "text").read_text()


@pytest.mark.usefixtures("_in_this_process")
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_gate_patch_is_judged_as_the_table_says(case: Case, tree_of: Callable[[str], Tree], tmp_path: Path) -> None:
    """The answer and the exit code are those of the table, and what the row names stands in the report."""
    code, data, text = _judged(case, tree_of(case.series), tmp_path)
    assert data["answer_latent" if case.latent else "answer"] == case.answer.value, text
    assert code == case.answer.exit_code
    if case.answer in (Answer.BREAKS, Answer.FIXES) and "-" in case.says:
        changes = data["changes"]
        assert isinstance(changes, list)
        told = {
            (one["standing"], violation["invariant"], one["patch"], one["mended"])
            for one in changes
            for violation in one["violations"]
        }
        assert (case.answer.value, case.says, case.patch, case.mended) in told
    assert case.says in text


@pytest.mark.usefixtures("_in_this_process")
def test_gate_levels_that_the_tree_does_not_have_are_one_message(
    tree_of: Callable[[str], Tree], capsys: pytest.CaptureFixture[str]
) -> None:
    """Both sides would be broken in the same way, and nothing would seem to change."""
    case = next(case for case in CASES if case.name == "7.2-sparse-order")
    options = ["--arch", "arm64", "--page-size", "4K", "--levels", "5", "--quiet"]
    assert main(["gate", "--tree", str(tree_of(case.series).root), str(case.path), *options]) == 2
    shown = capsys.readouterr()
    assert ("", 1) == (shown.out, shown.err.count("error:"))
    assert "error: arm64 4K has no page tables of 5 levels" in shown.err


def _git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"]
    quick = ["-c", "core.compression=0", "-c", "core.fsync=none"]
    subprocess.run(["git", *identity, *quick, *words], cwd=folder, check=True, capture_output=True)


def test_gate_judges_a_range_of_a_repository(tree_of: Callable[[str], Tree], tmp_path: Path) -> None:
    """Commits are judged like patches, on top of the older one, whatever is checked out; the guilty one is named."""
    repository = copied(tree_of("7.2"), "x86", tmp_path).root
    file = repository / "arch/x86/mm/init_64.c"
    text = file.read_bytes()
    file.unlink()  # it may be a link to that of the tree
    file.write_bytes(text)
    _git(repository, "init", "--quiet")
    _git(repository, "add", "--all")
    _git(repository, "commit", "--quiet", "--message", "as it was")
    for name in ("7.2-x86-comment", "7.2-x86-pte-page-kept"):
        _git(repository, "apply", "--unidiff-zero", "--index", str(FOLDER / f"{name}.patch"))
        _git(repository, "commit", "--quiet", "--message", f"apply {name}")
    options = [*_options(_CASES["7.2-x86-pte-page-kept"]), "--format", "json", "--output", str(tmp_path / "json")]
    assert main(["gate", "--tree", str(repository), "--range", "HEAD~2..HEAD", *options]) == 1
    data = json.loads((tmp_path / "json").read_text())
    assert ["apply 7.2-x86-comment", "apply 7.2-x86-pte-page-kept"] == [one["subject"] for one in data["series"]]
    assert ("no-leak", 2) in {(one["invariant"], one["patch"]) for one in data["changes"]}
