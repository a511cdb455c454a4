# SPDX-License-Identifier: GPL-2.0-or-later
"""Ground truth: the code of a kernel tree does what the booted kernel did, call by call and page by page.

The recordings are in tests/trees/recordings. A recording of 5.10.223 is replayed on that tree where it is
in the cache, and else on the newest of 5.10, whose vmemmap code is the same.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmemcheck.cli import main
from vmemcheck.kernel.tree import Tree

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.json"))
ARM64_5_10 = Path(__file__).parent / "recordings" / "linux-5.10.223-arm64-4k-pmem.json"

TreeOf = Callable[[str], Tree]


def traced(path: Path, tree: Tree, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run the command; return the exit code and the report."""
    code = main(["trace", str(path), "--tree", str(tree.root)])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_trace_of_a_booted_kernel_agrees_in_every_step(
    path: Path, tree_of: TreeOf, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same calls in the same order, the same mapped ranges, the same numbers of leaves, from the boot state."""
    data = json.loads(path.read_text())
    tree = tree_of(data["kernel"])
    code, text = traced(path, tree, capsys)
    assert (code, text.count("  agrees")) == (0, len(data["steps"])), text
    assert ("warning " in text) == (tree.version != data["kernel"])
    calls = sum(len(step["calls"]) for step in data["steps"])
    assert f"in every step: {len(data['steps'])} steps, {calls} calls, " in text


def test_trace_of_5_10_arm64_faults_where_the_kernel_oopsed(
    tree_of: TreeOf, capsys: pytest.CaptureFixture[str]
) -> None:
    """Removing one range unmaps its neighbours: the executor is wrong in the same way, up to the oops."""
    _, text = traced(ARM64_5_10, tree_of("5.10.223"), capsys)
    assert "access to 0xfffffe0000e88000, not mapped" in text.partition("step   6")[2]


def test_trace_of_5_10_arm64_differs_on_a_kernel_without_the_bug(
    tree_of: TreeOf, capsys: pytest.CaptureFixture[str]
) -> None:
    """6.12 maps ranges of less than a section with PTEs: the recording of 5.10 is not its own."""
    code, text = traced(ARM64_5_10, tree_of("6.12.117"), capsys)
    assert code == 1
    assert "warning    the recording is of linux 5.10.223, the tree is linux 6.12" in text
    assert "SECTION_SIZE_BITS is 27 in the tree; 30, as recorded, is used" in text
    assert "leaves of 4K: 0 in the recording, 72 in the executor" in text


@pytest.mark.parametrize(
    ("name", "number", "mutate", "shown"),
    [
        (
            "linux-6.12.117-pmem",
            21,
            lambda step: step["calls"][4]["altmap_fields"].update(alloc="0x201"),
            "free 1534 align 510 alloc 513",
        ),
        (
            "linux-6.12.117-pmem",
            1,
            lambda step: step["calls"].append(
                {"function": "vmemmap_populate", "start": "0xffffea0004000000", "end": "0xffffea0004060000"}
            ),
            "- vmemmap_populate  [0xffffea0004000000, 0xffffea0004060000)",
        ),
        (
            "linux-6.12.117-arm64-4k-pmem",
            9,
            lambda step: step["leaves"].update({"4K": 535}),
            "leaves of 4K: 535 in the recording, 536 in the executor",
        ),
        (
            "linux-5.10.223-arm64-4k-pmem",
            5,
            lambda step: step["mapped"][0].__setitem__(1, "0xfffffe0000e48000"),
            "[0xfffffe0000e00000, 0xfffffe0001000000) was unmapped by arch/arm64/mm/mmu.c",
        ),
    ],
)
def test_trace_of_a_changed_recording_names_the_change(
    name: str,
    number: int,
    mutate: Callable[[dict[str, Any]], object],
    shown: str,
    tree_of: TreeOf,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One altered value is one step that differs, and the report shows it, with the kernel's line where it has one."""
    data = json.loads((ARM64_5_10.parent / f"{name}.json").read_text())
    mutate(data["steps"][number])
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(data))
    code, text = traced(path, tree_of(data["kernel"]), capsys)
    assert (code, text.count("  differs       ")) == (1, 1)
    assert shown in text.partition(f"\nstep {number}: ")[2]
