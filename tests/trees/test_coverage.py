# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines that ran: counted for the kernel's own files, also through functions that were inlined."""

import re
import shutil

import pytest

from vmemcheck.engine import check
from vmemcheck.errors import ExecutorError
from vmemcheck.kernel.coverage import covered_machine
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.operation import AddDevice, Boot, Remove

_FILE = "arch/x86/mm/init_64.c"
_CYCLE = (AddDevice(0, 1), Remove(0))


def _lines_with(tree: Tree, pattern: str) -> list[int]:
    """Return the lines of remove_pte_table() in which a pattern is found."""
    text = tree.read(_FILE)
    body = re.search(r"^remove_pte_table\(.*?^\}", text, re.MULTILINE | re.DOTALL)
    assert body is not None
    first = text.count("\n", 0, body.start()) + 1
    return [first + number for number, line in enumerate(body[0].splitlines()) if re.search(pattern, line)]


def test_coverage_counts_the_walk_and_not_the_sub_page_path(tree: Tree) -> None:
    """Each PTE of the memmap is met once; where the tree has a path for a part of a page, it did not run."""
    source = open_source(tree, "x86", 12)
    geometry = source.geometry(64, levels=4)
    pages = geometry.subsection_memmap_bytes // geometry.page_bytes
    with covered_machine(source, geometry) as machine:
        assert check(machine, _CYCLE) is None
        counts = machine.lines()[_FILE]
        (step,) = _lines_with(tree, r"PAGE_SIZE\) & PAGE_MASK")
        assert counts[step] == pages
        sub_page = _lines_with(tree, r"memset\(")
        assert [counts[line] for line in sub_page] == [0] * len(sub_page)
        # Three more sequences in another process of the same machine: what was counted stays.
        for _ in range(3):
            assert check(machine, _CYCLE) is None
        assert machine.lines()[_FILE][step] == 4 * pages


def test_coverage_of_boot_memory_is_counted_on_a_machine_that_does_as_the_other(tree: Tree) -> None:
    """Without optimisation, code whose result nobody uses runs too: that of the simulated memory must bear it."""
    source = open_source(tree, "x86", 12)
    geometry = source.geometry(64, levels=4)
    sequence = (Boot(0, 0, geometry.subsections_per_section), AddDevice(64, 64), Remove(0))
    with source.machine(geometry) as machine, covered_machine(source, geometry) as covered:
        fast, slow = machine.run(sequence), covered.run(sequence)
        counts = covered.lines()["mm/sparse.c"]
    assert [one.returned for one in slow] == [one.returned for one in fast] == [0, 0, 0]
    assert [one.state.mappings for one in slow] == [one.state.mappings for one in fast]
    assert max(counts.values()) > 0


@pytest.mark.newest_tree
def test_coverage_names_files_of_the_tree_only(tree: Tree) -> None:
    """Names are those of the tree, and lines are in them; the shim is left out."""
    source = open_source(tree, "arm64", 12)
    with covered_machine(source, source.geometry(64)) as machine:
        machine.run(_CYCLE)
        found = machine.lines()
    assert {"arch/arm64/mm/mmu.c", "mm/sparse-vmemmap.c", "mm/memory_hotplug.c"} <= set(found)
    for name, lines in found.items():
        assert max(lines) <= len(tree.read(name).splitlines())
    assert any(found["arch/arm64/mm/mmu.c"].values())


@pytest.mark.newest_tree
def test_coverage_without_gcov_says_what_to_install(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the program that is absent."""
    source = open_source(tree, "x86", 12)
    with covered_machine(source, source.geometry(64)) as machine:
        monkeypatch.setattr(shutil, "which", lambda name: None if "gcov" in name else name)
        with pytest.raises(ExecutorError, match="gcov is not installed"):
            machine.lines()
