# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's statistics of memmap, on the trees that have them: a call that is left out is a violation."""

import pytest

from tests.trees.broken import CopyOf, edited, renamed, within
from tests.trees.sources import source_of
from vmemcheck.engine import check, steps
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.observation import USAGE_MAPS
from vmemcheck.operation import AddMemory, Boot, Remove, Sequence

_FILE = "mm/sparse-vmemmap.c"
_HOT: Sequence = (AddMemory(0, 1), Remove(0))
_BOOT: Sequence = (Boot(0, 0, 64), Remove(0))
# Function of which the call is taken out, the call, and what shows it.
_DROPPED = (
    ("populate_section_memmap", "memmap_pages_add", _HOT),
    ("depopulate_section_memmap", "memmap_pages_add", _HOT),
    ("free_map_bootmem", "memmap_boot_pages_add", _BOOT),
)


@pytest.mark.newest_tree
@pytest.mark.parametrize(("function", "call", "sequence"), _DROPPED)
def test_counters_call_left_out_is_a_violation(
    function: str, call: str, sequence: Sequence, tree: Tree, copy_of: CopyOf
) -> None:
    """The tree itself counts right; without the call its statistic does not come back to its start."""
    source = source_of(tree, "x86")
    with source.machine(source.geometry(64)) as machine:
        assert check(machine, sequence) is None
    with edited(copy_of("x86"), {_FILE: within(function, renamed(call, "(void)"))}) as broken:
        source = open_source(broken, "x86", 12)
        with source.machine(source.geometry(64), Variant.PARTS) as machine:
            finding = check(machine, sequence)
    assert finding is not None
    assert finding.invariant == "counters-balanced"


@pytest.mark.newest_tree
def test_counters_are_those_of_the_kernel(tree: Tree) -> None:
    """A section of boot memory and one that is added are counted apart, in pages of memmap."""
    source = source_of(tree, "x86")
    geometry = source.geometry(64)
    with source.machine(geometry) as machine:
        last = [step for step in steps(machine, (Boot(0, 0, 64), AddMemory(1, 1))) if step][-1]
    pages = geometry.section_memmap_bytes // geometry.page_bytes
    assert dict(last.state.counters) == {"nr_memmap_pages": pages, "nr_memmap_boot_pages": pages, USAGE_MAPS: 1}
