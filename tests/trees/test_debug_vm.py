# SPDX-License-Identifier: GPL-2.0-or-later
"""CONFIG_DEBUG_VM: the tree's own code poisons struct pages; rows and replays say which configuration it is."""

import json
from pathlib import Path

import pytest

from tests.trees.broken import CopyOf, edited, replaced
from tests.trees.sources import skip_lacking, source_of
from vmemcheck.cli import main
from vmemcheck.engine import check, steps
from vmemcheck.kernel.memory_model import MemoryModel
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.observation import Content
from vmemcheck.operation import AddMemory, Boot, Initialise, Remove, Sequence
from vmemcheck.replay_file import Replay, to_json

_ADDED: Sequence = (AddMemory(1, 1), Initialise(0), AddMemory(0, 1))


@pytest.mark.parametrize("arch", ["x86", "arm64", "riscv", "loongarch"])
def test_debug_vm_new_memmap_is_poisoned_and_what_lives_is_not(arch: str, tree: Tree) -> None:
    """page_init_poison() of the tree fills the struct pages of an add; without DEBUG_VM they are as they were found."""
    if not tree.has(f"arch/{arch}/Kconfig"):
        skip_lacking(tree, arch, "6.12.117")
    if arch in ("riscv", "loongarch") and "vmemmap_free(" not in tree.read(f"arch/{arch}/mm/init.c"):
        skip_lacking(tree, f"hot-remove on {arch}", "6.12.117")
    found = {}
    for source in (open_source(tree, arch, 12, MemoryModel.DEBUG_VM), source_of(tree, arch)):
        geometry = source.geometry(64)
        with source.machine(geometry) as machine:
            *_, last = (step for step in steps(machine, _ADDED) if step)
        size = geometry.section_memmap_bytes
        found[source.model] = [
            (extent.content, extent.end - extent.start) for extent in last.state.contents if extent.end <= 2 * size
        ]
    assert [(Content.POISON, size), (Content.LIVE, size)] == found[MemoryModel.DEBUG_VM]
    assert [(Content.STALE, size), (Content.LIVE, size)] == found[MemoryModel.VMEMMAP]


@pytest.mark.newest_tree
def test_debug_vm_poison_over_the_next_range_is_found(tree: Tree, copy_of: CopyOf) -> None:
    """Poison that reaches a struct page too far is a violation with DEBUG_VM, and does not happen without."""
    file = next(name for name in ("mm/sparse.c", "mm/sparse-vmemmap.c") if "sparse_add_section(" in tree.read(name))
    too_far = replaced("sparse_add_section", "sizeof(struct page) * nr_pages", "sizeof(struct page) * (nr_pages + 1)")
    findings = {}
    with edited(copy_of("x86"), {file: too_far}) as broken:
        for model in (MemoryModel.DEBUG_VM, MemoryModel.VMEMMAP):
            source = open_source(broken, "x86", 12, model)
            with source.machine(source.geometry(64), Variant.PARTS) as machine:
                findings[model] = check(machine, (Boot(1, 0, 64), AddMemory(0, 1)))
    assert findings[MemoryModel.VMEMMAP] is None
    finding = findings[MemoryModel.DEBUG_VM]
    assert finding is not None
    assert finding.invariant == "memmap-intact"
    assert "now holds poison" in finding.violations[0].problems[0].because


@pytest.mark.newest_tree
def test_check_has_a_row_with_debug_vm_and_replay_takes_it_from_the_file(
    tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The row says what it is; a replay file names the configuration, and the machine is built with it."""
    words = ["check", "--tree", str(tree.root), "--arch", "x86_64", "--struct-page", "64", "--examples", "5"]
    main([*words, "--format", "json"])
    models = [(cell["levels"], cell["memory_model"]) for cell in json.loads(capsys.readouterr().out)["cells"]]
    assert [(4, "sparse vmemmap"), (5, "sparse vmemmap"), (4, "sparse vmemmap, DEBUG_VM")] == models
    source = source_of(tree, "x86")
    replay = Replay(source.geometry(64), (AddMemory(0, 1), Remove(0)), "linux x86_64", "", "sparse vmemmap, DEBUG_VM")
    file = tmp_path / "replay.json"
    file.write_text(to_json(replay))
    assert main(["replay", str(file), "--tree", str(tree.root)]) == 0
    shown = capsys.readouterr().out
    assert "sparse vmemmap, DEBUG_VM machine" in shown
