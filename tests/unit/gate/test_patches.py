# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of patches in the documents is that of the tests on real trees."""

from pathlib import Path

from tests.trees.gate_patches import CASES, FOLDER, table
from vmemcheck.patch.mail import read_series
from vmemcheck.patch.source import read_source

_DOCUMENT = Path(__file__).parents[3] / "docs" / "gate-patches.md"


def test_table_of_patches_is_the_one_in_the_documents() -> None:
    """docs/gate-patches.md has each patch with its judgement, as tests/trees/test_gate.py checks it."""
    assert table() in _DOCUMENT.read_text()
    assert sorted(case.path for case in CASES) == sorted(FOLDER.iterdir())


def test_patches_have_no_context_and_are_read() -> None:
    """They hold only lines that they take out or put in; each is one patch, or a series with a cover letter."""
    for case in CASES:
        patches = read_series(read_source(str(case.path)))
        assert (len(patches) > 1) is ("-series-" in case.name)
        lines = [line for patch in patches for file in patch.files for hunk in file.hunks for line in hunk.lines]
        assert {line[:1] for line in lines} <= {b"+", b"-"}, case.name
