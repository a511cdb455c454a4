# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that let the compiler speak are skipped where there is none, but not in CI."""

import pytest

from tests.needs import need_compiler

_NEED_COMPILER = ("test_evaluate", "test_expand", "test_preprocess", "test_slice_tree", "test_slicer")


@pytest.fixture(scope="module", autouse=True)
def _compiler(request: pytest.FixtureRequest) -> None:
    name = request.module.__name__.rpartition(".")[2]
    if name in _NEED_COMPILER:
        need_compiler()
