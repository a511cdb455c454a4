# SPDX-License-Identifier: GPL-2.0-or-later
"""Compound devmaps: what trees that share tail pages do, and what they get to hear when they share the wrong ones."""

import re

import pytest

from tests.trees.broken import CopyOf, Edit, begun, edited, renamed, within
from tests.trees.sources import source_of
from vmemcheck.engine import check, steps
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.operation import AddDevice, AddMemory, Altmap, Initialise, Remove, Sequence

# In pages of 4K: 2 MiB, a section of 128 MiB, two of them, 1 GiB.
_2M, _SECTION, _TWO, _1G = 9, 15, 16, 18
_SEQUENCES: dict[str, Sequence] = {
    "1G": (AddDevice(0, 512, vmemmap_shift=_1G), Initialise(0), Remove(0)),
    "1G, again as 2M": (AddDevice(0, 512, vmemmap_shift=_1G), Remove(0), AddDevice(0, 512, vmemmap_shift=_2M)),
    "2M, again as 1G": (AddDevice(64, 1, vmemmap_shift=_2M), Remove(0), AddDevice(0, 512, vmemmap_shift=_1G)),
    "two of two sections": (AddDevice(128, 256, vmemmap_shift=_TWO), AddMemory(1, 1), Remove(0), Remove(0)),
    "beside ordinary ones": (
        AddDevice(1, 2, vmemmap_shift=_2M),
        AddMemory(1, 1),
        AddDevice(8, 56, vmemmap_shift=12),
        Remove(0),
        AddDevice(1, 1, vmemmap_shift=_2M),
        Remove(0),
    ),
    "with an altmap": (
        AddDevice(0, 128, Altmap(0, 2048), vmemmap_shift=_TWO),
        Remove(0),
        AddDevice(0, 128, vmemmap_shift=_TWO),
    ),
}
_FILE = "mm/sparse-vmemmap.c"
# What is broken, in which file and how; the sequence that shows it, the size of struct page, and what objects.
_BROKEN: tuple[tuple[str, str, Edit, Sequence, int, str], ...] = (
    (
        "takes no reference on the page that is shared",
        _FILE,
        within("vmemmap_pte_populate", renamed("get_page", "(void)")),
        (AddDevice(0, 1, vmemmap_shift=_2M), Remove(0)),
        64,
        "freed-once",
    ),
    (
        "takes every section for the rest of a compound page",
        _FILE,
        begun("reuse_compound_section", "return true;"),
        (AddDevice(0, 1, vmemmap_shift=0, altmap=Altmap(0, 8)), AddDevice(1, 1, vmemmap_shift=_2M)),
        64,
        "memmap-backed",
    ),
    (
        "takes no section for the rest of a compound page",
        _FILE,
        begun("reuse_compound_section", "return false;"),
        (AddDevice(0, 128, vmemmap_shift=_TWO),),
        64,
        "memmap-backed",
    ),
    (
        "shares the head page",
        _FILE,
        within(
            "vmemmap_populate_compound_pages",
            lambda body: re.sub(r"\bpte = (?=vmemmap_populate_address\(next)", "", body),
        ),
        (AddDevice(0, 1, vmemmap_shift=_2M),),
        64,
        "memmap-backed",
    ),
    (
        "shares the tail page of the device before",
        _FILE,
        begun("reuse_compound_section", "return start_pfn & PAGES_PER_SUBSECTION;"),
        (AddDevice(0, 1, vmemmap_shift=_2M), AddDevice(1, 1, vmemmap_shift=_2M)),
        64,
        "memmap-backed",
    ),
    (
        "shares where struct pages lie across the border of pages",
        "include/linux/mm.h",
        within("__vmemmap_can_optimize", renamed("is_power_of_2", "(int)")),
        (AddDevice(0, 1, vmemmap_shift=_2M),),
        56,
        "memmap-backed",
    ),
    (
        "counts what is shared as if it were not",
        _FILE,
        begun("section_nr_vmemmap_pages", "pgmap = NULL;"),
        (AddDevice(0, 1, vmemmap_shift=_2M),),
        64,
        "counters-balanced",
    ),
)


@pytest.mark.parametrize("sequence", _SEQUENCES.values(), ids=_SEQUENCES.keys())
def test_compound_devmap_in_any_grouping_holds(sequence: Sequence, tree: Tree) -> None:
    """No tree does wrong with them on x86, whether it shares their tail pages or has no such code."""
    source = source_of(tree, "x86")
    with source.machine(source.geometry(64)) as machine:
        assert check(machine, sequence) is None


def test_compound_page_of_1g_is_two_pages_of_memmap(tree: Tree) -> None:
    """Eight sections are populated one after the other: a head page, and one tail page for all of them."""
    source = source_of(tree, "x86")
    geometry = source.geometry(64)
    with source.machine(geometry) as machine:
        last = [step for step in steps(machine, _SEQUENCES["1G"][:1]) if step][-1]
    pages = {pfns.start for run in last.mappings.runs for pfns in run.pages(geometry.page_bytes)}
    assert source.shares_tails == (len(pages) == 2)


@pytest.mark.newest_tree
@pytest.mark.parametrize(
    ("file", "edit", "sequence", "size", "invariant"),
    [pytest.param(*rest, id=name.replace(" ", "-")) for name, *rest in _BROKEN],
)
def test_compound_devmap_shared_wrongly_is_a_violation(
    file: str, edit: Edit, sequence: Sequence, size: int, invariant: str, tree: Tree, copy_of: CopyOf
) -> None:
    """The tree itself does right; the broken one violates the invariant that says so."""
    source = source_of(tree, "x86")
    with source.machine(source.geometry(size)) as machine:
        assert check(machine, sequence) is None
    with edited(copy_of("x86"), {file: edit}) as broken:
        source = open_source(broken, "x86", 12)
        with source.machine(source.geometry(size), Variant.PARTS) as machine:
            finding = check(machine, sequence)
    assert finding is not None
    assert finding.invariant == invariant
