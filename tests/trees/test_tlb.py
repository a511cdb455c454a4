# SPDX-License-Identifier: GPL-2.0-or-later
"""Flushes of TLBs: what a tree that leaves them out gets to hear, and what each architecture promises."""

import re

import pytest

from tests.trees.broken import WALKERS, CopyOf, Edit, edited, replaced, within
from tests.trees.sources import source_of
from vmemcheck.engine import check
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.operation import AddDevice, AddMemory, Remove, Sequence

# A whole leaf, and base pages.
_SEQUENCES: tuple[Sequence, ...] = ((AddMemory(0, 1), Remove(0)), (AddDevice(1, 1), Remove(0)))
_FLUSHING = {
    "x86": ("remove_pte_table", "remove_pagetable"),
    "arm64": ("unmap_hotplug_pte_range", "unmap_hotplug_pmd_range"),
}
_FLUSH = re.compile(r"\bflush_tlb_(?:all|kernel_range)\([^;]*\);")


def _without_flush(arch: str) -> Edit:
    def edit(text: str) -> str:
        for function in _FLUSHING[arch]:
            text = within(function, lambda body: _FLUSH.sub(";", body))(text)
        return text

    return edit


def _tlb_findings(tree: Tree, arch: str, sequence: Sequence) -> list[str]:
    source = open_source(tree, arch, 12)
    with source.machine(source.geometry(64)) as machine:
        finding = check(machine, sequence)
    found = finding.violations if finding else ()
    return [problem.because for one in found if one.invariant == "tlb-flushed" for problem in one.problems]


@pytest.mark.newest_tree
@pytest.mark.parametrize("sequence", _SEQUENCES, ids=["leaf", "pages"])
@pytest.mark.parametrize("arch", ["x86", "arm64"])
def test_tlb_without_any_flush_is_a_violation(arch: str, sequence: Sequence, tree: Tree, copy_of: CopyOf) -> None:
    """The tree itself flushes; without its flushes the unmapped range is named."""
    assert _tlb_findings(tree, arch, sequence) == []
    file, _ = WALKERS[arch]
    with edited(copy_of(arch), {file: _without_flush(arch)}) as broken:
        found = _tlb_findings(broken, arch, sequence)
    # Where the page table goes too, arm64 flushes what walkers and TLBs keep of it: late, but not never.
    is_late = arch == "arm64" and sequence == _SEQUENCES[0]
    assert is_late != any("was unmapped, but never flushed" in because for because in found)
    # x86 gives memory back before its flush by design; arm64 never does.
    assert (arch == "arm64") == any("was given back while TLBs" in because for because in found)


def test_tlb_arm64_flushes_before_it_gives_memory_back(tree: Tree) -> None:
    """No declaration is needed for it, in any tree."""
    traits = source_of(tree, "arm64").traits
    assert not any("tlb-flushed" in one.invariants for one in traits.by_design)
    assert [found for sequence in _SEQUENCES for found in _tlb_findings(tree, "arm64", sequence)] == []


@pytest.mark.newest_tree
def test_tlb_arm64_table_freed_while_walkers_keep_it_is_a_violation(tree: Tree, copy_of: CopyOf) -> None:
    """A page table is given back when no walker can keep what led to it; the flush of leaves is not enough."""
    file, _ = WALKERS["arm64"]
    edit = replaced("free_empty_pte_table", "__flush_tlb_kernel_pgtable(start);", "")
    with edited(copy_of("arm64"), {file: edit}) as broken:
        found = _tlb_findings(broken, "arm64", (AddDevice(1, 1), Remove(0)))
    assert any("was given back while TLBs" in because for because in found)
