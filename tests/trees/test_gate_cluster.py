# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate --scheduler`` judges a patch to a kernel tree as it does without."""

import threading
from collections.abc import Callable
from pathlib import Path

from tests.clusters import Processes, appeared, cluster_of
from tests.trees.gate_patches import FOLDER
from vmemcheck.cli import main
from vmemcheck.kernel.tree import Tree


def judged(tree: Tree, folder: Path, name: str, *options: str) -> tuple[int, bytes]:
    """Return the exit code and the JSON."""
    where = ["--tree", str(tree.root), "--replays", str(folder / "replays"), "--output", str(folder / name)]
    what = ["--arch", "x86_64", "--budget", "quick", "--format", "json", str(FOLDER / "7.2-x86-pte-page-kept.patch")]
    code = main(["gate", "--quiet", *where, *options, *what])
    return code, (folder / name).read_bytes()


def kill_at_work(processes: Processes, killed: list[int]) -> None:
    """Kill the first worker as soon as it has begun to build a program."""
    appeared(processes.cache(1), "programs/*/*.c")
    processes.running[1].kill()
    killed.append(processes.running[1].wait())


def test_gate_on_a_cluster_gives_the_same_bytes(tree_of: Callable[[str], Tree], tmp_path: Path) -> None:
    """Also when one of two workers is killed half-way; they build the programs themselves."""
    tree, killed = tree_of("7.2"), list[int]()
    with cluster_of(2, tmp_path) as processes:
        killer = threading.Thread(target=kill_at_work, args=(processes, killed))
        killer.start()
        found = judged(tree, tmp_path, "cluster", "--scheduler", processes.address)
        killer.join()
        assert ([-9], 8) == (killed, len(list(processes.cache(2).glob("judged/*"))))
    assert found == judged(tree, tmp_path, "here")
    assert found[0] == 1
