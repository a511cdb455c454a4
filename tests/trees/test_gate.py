# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` on real trees: each patch of ``patches/`` is judged as its row of the table says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trees.gate_patches import CASES, Case
from vmemcheck.cli import main
from vmemcheck.gate.result import Answer
from vmemcheck.kernel.tree import Tree


def _judged(case: Case, tree: Tree, folder: Path) -> tuple[int, dict[str, object], str]:
    options = [word for arch in case.arches for word in ("--arch", arch)] + ["--latent"] * case.latent
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
    code = main(["gate", "--tree", str(tree.root), str(case.path), "--budget", case.budget, *options, *outputs])
    return code, json.loads((folder / "json").read_text()), (folder / "text").read_text()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_gate_patch_is_judged_as_the_table_says(case: Case, tree_of: Callable[[str], Tree], tmp_path: Path) -> None:
    """The answer and the exit code are those of the table, and what the row names stands in the report."""
    code, data, text = _judged(case, tree_of(case.series), tmp_path)
    assert data["answer_latent" if case.latent else "answer"] == case.answer.value
    assert code == case.answer.exit_code
    if case.answer in (Answer.BREAKS, Answer.FIXES) and "-" in case.says:
        changes = data["changes"]
        assert isinstance(changes, list)
        told = {(one["standing"], one["invariant"], one["patch"]) for one in changes}
        assert (case.answer.value, case.says, 1) in told
    assert case.says in text
