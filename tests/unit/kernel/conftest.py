# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that let the compiler speak are skipped where there is none, but not in CI; what trees are made with."""

from pathlib import Path

import pytest

from tests.needs import need_compiler
from tests.unit.repositories import smallest_tree

_NEED_COMPILER = ("test_evaluate", "test_expand", "test_preprocess", "test_slice_tree", "test_slicer")


@pytest.fixture(scope="module", autouse=True)
def _compiler(request: pytest.FixtureRequest) -> None:
    name = request.module.__name__.rpartition(".")[2]
    if name in _NEED_COMPILER:
        need_compiler()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test have a cache folder that is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the smallest folder that passes as a kernel tree."""
    return smallest_tree(tmp_path / "linux")
