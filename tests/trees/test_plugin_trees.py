# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin with kernel trees: which machines ``--tree`` makes."""

import re
from pathlib import Path

import pytest

from tests.unit.test_pytest_plugin import collect
from vmemcheck.kernel.tree import Tree

pytestmark = pytest.mark.newest_tree


def test_plugin_tree_makes_machines_named_after_it(tree: Tree) -> None:
    """The header counts the machine of the tree next to that of the reference."""
    shown = collect("--tree", str(tree.root), "--arch", "x86", "--struct-page", "64").stdout
    assert f"[{tree.name}-x86_64-4K-64]" in shown
    assert re.search(r"; 2 machines$", shown, re.MULTILINE)


def test_plugin_tree_none_makes_none(tree: Tree) -> None:
    """Only the reference machine is left, whatever is in the cache."""
    shown = collect("--tree", "none", "--arch", "x86", "--struct-page", "64").stdout
    assert tree.name not in shown
    assert re.search(r"; 1 machines$", shown, re.MULTILINE)


def test_plugin_tree_that_is_none_is_one_message(tmp_path: Path) -> None:
    """A folder without a kernel is an error of usage."""
    done = collect("--tree", str(tmp_path))
    assert done.returncode == 4
    assert done.stderr.startswith("ERROR: this is not a kernel tree")
    assert "Traceback" not in done.stderr
