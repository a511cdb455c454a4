# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel trees that the tests run on.

``VMEMCHECK_TREES`` names folders, separated by ``:``; without it the trees in the cache are
taken. With ``VMEMCHECK_REQUIRE_TREES=1`` a missing tree or compiler fails the tests instead of
skipping them.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.needs import missing, need_compiler
from tests.trees.broken import CopyOf
from vmemcheck.kernel.fetch import cached_trees
from vmemcheck.kernel.tree import Tree, open_tree


def _trees() -> tuple[Tree, ...]:
    named = os.environ.get("VMEMCHECK_TREES", "")
    return tuple(open_tree(Path(name)) for name in named.split(":") if name) or cached_trees()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for ``tree`` on each tree."""
    if "tree" in metafunc.fixturenames:
        trees = _trees()
        if metafunc.definition.get_closest_marker("newest_tree"):
            trees = trees[-1:]
        metafunc.parametrize("tree", trees or [None], ids=[tree.name for tree in trees] or ["none"], indirect=True)


@pytest.fixture
def tree(request: pytest.FixtureRequest) -> Tree:
    """Return one kernel tree."""
    found = request.param
    if not isinstance(found, Tree):
        missing("no kernel tree: run 'make trees', or set VMEMCHECK_TREES")
    need_compiler()
    return found


@pytest.fixture
def copy_of(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> CopyOf:
    """Return the copies of the tree, one for each architecture."""
    return CopyOf(tree, lambda: tmp_path_factory.mktemp("broken"))


@pytest.fixture
def tree_of() -> Callable[[str], Tree]:
    """Return a function from a kernel version to its tree, or to the newest tree of its series; or from a series."""

    def find(version: str) -> Tree:
        need_compiler()
        series = ".".join(version.split(".")[:2])
        fitting = [tree for tree in _trees() if f"{tree.version}.".startswith(f"{series}.")]
        exact = [tree for tree in fitting if tree.version == version]
        if not fitting:
            missing(f"no tree of linux {series}: vmemcheck fetch {version}")
        return (exact or fitting)[-1]

    return find
