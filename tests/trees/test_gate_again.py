# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` says the same of the same series, in the same bytes, however it comes to it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.trees.gate_patches import FOLDER
from vmemcheck.kernel.cache import cache_folder
from vmemcheck.kernel.tree import Tree

ROOT = Path(__file__).parents[2]


def judged(tree: Tree, patch: Path, cache: Path, jobs: int, seed: int) -> bytes:
    """Return the JSON of a process of its own.

    :param seed: of the hashes of Python: sets come in another order
    """
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": str(seed),
        "XDG_CACHE_HOME": str(cache),
    }
    options = ["--budget", "quick", "--jobs", str(jobs), "--format", "json", "--quiet"]
    options += ["--arch", "x86_64", "--struct-page", "64", "--levels", "4", "--levels", "5"]
    where = ["--tree", str(tree.root), "--replays", str(cache.parent / "replays"), str(patch)]
    done = subprocess.run(
        [sys.executable, "-m", "vmemcheck", "gate", *options, *where], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 1, done.stderr
    return done.stdout


def test_gate_run_again_gives_the_same_bytes(tree_of: Callable[[str], Tree], tmp_path: Path) -> None:
    """With nothing built and run before and with all of it, with one process and with two, in any order of sets."""
    patch, cache = FOLDER / "7.2-x86-pte-page-kept.patch", tmp_path / "cache"
    (cache / "vmemcheck").mkdir(parents=True)
    for name in ("generated", "patched", "slices"):  # what takes longest, and other tests have
        (cache / "vmemcheck" / name).symlink_to(cache_folder(name))
    tree = tree_of("7.2")
    first = judged(tree, patch, cache, jobs=2, seed=1)
    assert first == judged(tree, patch, cache, jobs=1, seed=2)
