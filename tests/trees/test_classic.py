# SPDX-License-Identifier: GPL-2.0-or-later
"""Classic sparse memory: the trees that still hot-remove memory with it, and what their own code does there."""

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.trees.broken import begun, copied, edited
from tests.trees.sources import skip_lacking
from vmemcheck.bulk import bulk_search
from vmemcheck.cli import main
from vmemcheck.engine import check, steps
from vmemcheck.errors import SliceError
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.memory_model import MemoryModel, offers_classic
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.target import target_of
from vmemcheck.kernel.tree import Tree
from vmemcheck.operation import Action, AddDevice, AddMemory, Boot, Door, Initialise, Refused, Remove
from vmemcheck.replay_file import Replay, to_json
from vmemcheck.scope import Scope

# Where CONFIG_SPARSEMEM_VMEMMAP=n and CONFIG_MEMORY_HOTREMOVE=y go together, as the Kconfig files say.
_OFFERED = {
    "x86": ("5.10", "6.1", "6.12"),
    "arm64": ("5.10",),
    "riscv": (),
    "loongarch": ("6.1", "6.12"),
}
# ZONE_DEVICE depends on SPARSEMEM_VMEMMAP.
_SCOPE = Scope(devices=False, faults=False, altmaps=False, compound=False)
_FAULTS = Scope(devices=False, altmaps=False, compound=False)
_SUBSECTION = 512


def _is_of(tree: Tree, series: tuple[str, ...]) -> bool:
    return any(tree.version.startswith(f"{one}.") for one in series)


def _machine(tree: Tree, arch: str) -> KernelMachine:
    if not _is_of(tree, _OFFERED[arch]):
        skip_lacking(tree, f"hot-remove with classic sparse memory on {arch}", _OFFERED[arch][-1])
    source = open_source(tree, arch, 12, MemoryModel.CLASSIC)
    return source.machine(source.geometry(64))


@pytest.mark.parametrize("arch", _OFFERED)
def test_classic_sparse_is_offered_where_kconfig_lets_one_choose_it(arch: str, tree: Tree) -> None:
    """Newer trees select SPARSEMEM_VMEMMAP, or make hotplug depend on it; there is no machine then, and a reason."""
    if not tree.has(f"arch/{arch}/Kconfig"):
        skip_lacking(tree, arch, "newest")
    offered = _is_of(tree, _OFFERED[arch])
    assert offered == offers_classic(tree, target_of(arch), 12)
    if not offered:
        with pytest.raises(SliceError, match="with classic sparse memory"):
            open_source(tree, arch, 12, MemoryModel.CLASSIC)


@pytest.mark.parametrize("arch", ["x86", "arm64"])
def test_classic_sparse_holds_with_all_marks_met(arch: str, tree: Tree) -> None:
    """No sequence violates an invariant."""
    with _machine(tree, arch) as machine:
        found = bulk_search(machine, _SCOPE, 100, 0)
        assert found.findings == []
        assert found.coverage.missing(machine, _SCOPE) == ()


@pytest.mark.parametrize("arch", ["x86", "arm64"])
def test_classic_sparse_add_that_fails_keeps_whole_sections_only(arch: str, tree: Tree) -> None:
    """Memory that ends between two sections leaves the first; an add that failed is tried again, and succeeds."""
    with _machine(tree, arch) as machine:
        found = bulk_search(machine, _FAULTS, 100, 0)
        assert {one.invariant for one in found.findings} == {"failed-add-undone"}
        assert found.coverage.missing(machine, _FAULTS) == ()


def test_classic_sparse_loongarch_keeps_the_memmap_of_boot_memory(tree: Tree) -> None:
    """It has no bootmem info, so that nothing frees what memblock gave; hot-added memory is freed."""
    with _machine(tree, "loongarch") as machine:
        finding = check(machine, (Boot(0, 0, 1), Remove(0)))
        assert finding is not None
        assert finding.invariant == "no-leak"
        assert check(machine, (AddMemory(0, 1), Initialise(0), Remove(0))) is None


@pytest.mark.parametrize("arch", ["x86", "arm64"])
def test_classic_sparse_refuses_subsections(arch: str, tree: Tree) -> None:
    """check_pfn_span() of the tree refuses what is no whole section; with vmemmap the same range is added."""
    request = Refused(Action.ADD, Door.DEVICE, _SUBSECTION, _SUBSECTION)
    with _machine(tree, arch) as machine:
        (observation,) = machine.run((request,))
    assert observation.returned == -errno.EINVAL
    assert observation.state.blocks == ()
    source = open_source(tree, arch, 12)
    with source.machine(source.geometry(64)) as machine:
        (observation,) = machine.run((AddDevice(1, 1),))
    assert (observation.pfns, observation.returned) == (range(_SUBSECTION, 2 * _SUBSECTION), 0)


def test_classic_sparse_adds_no_device_range(
    tree_of: Callable[[str], Tree], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said in words, with the reason, and no kernel line is blamed; that one is refused can still be asked."""
    tree, file = tree_of("6.12"), tmp_path / "replay.json"
    source = open_source(tree, "x86", 12, MemoryModel.CLASSIC)
    refused = (Refused(Action.ADD, Door.DEVICE, _SUBSECTION, _SUBSECTION), AddMemory(1, 1))
    for sequence, code in ((refused, 0), ((AddMemory(1, 1), AddDevice(0, 1)), 2)):
        file.write_text(to_json(Replay(source.geometry(64), sequence, "linux x86_64", "", "classic sparse")))
        assert main(["replay", str(file), "--tree", str(tree.root), "--quiet"]) == code
    assert capsys.readouterr().err.splitlines() == [
        f"error: {tree.name} x86, classic sparse has no device ranges, and the sequence adds one",
        "  where    mm/Kconfig: ZONE_DEVICE depends on SPARSEMEM_VMEMMAP",
        "  to fix   leave out what adds a device range, or take a kernel with a vmemmap",
    ]


def test_classic_sparse_memmap_is_a_block_for_each_section(tree: Tree) -> None:
    """No page table is touched, no populate or free is called, and pages are side by side within a section."""
    with _machine(tree, "x86") as machine:
        played = [step for step in steps(machine, (AddMemory(0, 2), Remove(0))) if step]
    added, removed = played
    pages = machine.geometry.section_memmap_bytes // machine.geometry.page_bytes
    assert added.state.tables == ()
    assert [(run.nr, run.pfn_step) for run in added.mappings.runs] in ([(pages, 1)] * 2, [(2 * pages, 1)])
    assert len(added.state.blocks) == 2
    assert added.events.unmapped == ()
    assert removed.state.blocks == ()


def test_classic_sparse_that_frees_nothing_is_found(tree_of: Callable[[str], Tree], tmp_path: Path) -> None:
    """A section_deactivate() that comes back at once leaves the memmap behind."""
    copy = copied(tree_of("6.12"), "x86", tmp_path)
    with edited(copy, {"mm/sparse.c": begun("section_deactivate", "return;")}), _machine(copy, "x86") as machine:
        finding = check(machine, (AddMemory(0, 1), Remove(0)))
    assert finding is not None
    assert finding.invariant == "no-leak"


_VMEMMAP = ("sparse vmemmap", "sparse vmemmap, DEBUG_VM")


@pytest.mark.parametrize(("series", "models"), [("6.12", [*_VMEMMAP, "classic sparse"]), ("7.2", [*_VMEMMAP])])
def test_check_has_a_row_for_classic_sparse_where_it_is_offered(
    series: str, models: list[str], tree_of: Callable[[str], Tree], capsys: pytest.CaptureFixture[str]
) -> None:
    """It stands behind the rows with a vmemmap."""
    rows = ("--arch", "x86", "--struct-page", "64", "--examples", "2", "--format", "json")
    main(["check", "--tree", str(tree_of(series).root), *rows])
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert models == list(dict.fromkeys(cell["memory_model"] for cell in cells))


def test_replay_takes_the_memory_model_from_the_file(
    tree_of: Callable[[str], Tree], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The finding happens again; a model that does not exist is one clear message."""
    tree, file = tree_of("6.12"), tmp_path / "replay.json"
    source = open_source(tree, "loongarch", 12, MemoryModel.CLASSIC)
    replay = Replay(source.geometry(64), (Boot(0, 0, 1), Remove(0)), "linux loongarch64", "no-leak", "classic sparse")
    command = ["replay", str(file), "--tree", str(tree.root), "--quiet"]
    file.write_text(to_json(replay))
    assert main(command) == 1
    assert capsys.readouterr().out.endswith("saved for no-leak: it still happens\n")
    file.write_text(to_json(replace(replay, memory_model="flat")))
    assert main(command) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: there is no memory model 'flat'",
        f"  where    {file}",
        "  to fix   use sparse vmemmap; sparse vmemmap, DEBUG_VM; classic sparse",
    ]
