# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that let the compiler speak are skipped where there is none, but not in CI."""

import os
import shutil

import pytest

_NEED_COMPILER = ("test_evaluate", "test_expand", "test_preprocess", "test_slice_tree", "test_slicer")


@pytest.fixture(scope="module", autouse=True)
def _compiler(request: pytest.FixtureRequest) -> None:
    name = request.module.__name__.rpartition(".")[2]
    if name in _NEED_COMPILER and shutil.which("gcc") is None:
        message = "these tests need gcc: apt install gcc"
        if os.environ.get("VMEMCHECK_REQUIRE_TREES") == "1":
            pytest.fail(message)
        pytest.skip(message)  # the compiler, and the command that gets it
