# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot memory in kernel code: what broken trees do to early sections, and memory from boot that is used again.

The edits are made in a copy at run time; no kernel code is here.
"""

import pytest

from tests.trees.broken import CopyOf, Edit, begun, edited, renamed, replaced, within
from tests.trees.sources import source_of
from vmemcheck.engine import check, steps
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.observation import Content
from vmemcheck.operation import AddDevice, AddMemory, Boot, Remove, Sequence

_SECTIONS = ("mm/sparse-vmemmap.c", "mm/sparse.c")
_X86 = ("arch/x86/mm/init_64.c",)
_BOOTMEM = ("mm/bootmem_info.c", "mm/memory_hotplug.c")
_IN_HOLE: Sequence = (Boot(0, 0, 32), AddDevice(40, 8), Remove(1))
_REMOVED: Sequence = (Boot(0, 0, 64), Remove(0))


# Where the function may be, the edit, a sequence, the invariant that objects, and words of what it says.
_BROKEN: dict[str, tuple[str, tuple[str, ...], Edit, Sequence, str, str]] = {
    "frees-the-hole-of-an-early-section": (
        "arm64",
        _SECTIONS,
        replaced("section_deactivate", "!section_is_early", "nr_pages"),
        _IN_HOLE,
        "memmap-mapped",
        "the memmap of",
    ),
    "frees-an-early-section-that-is-not-empty": (
        "x86",
        _SECTIONS,
        replaced("section_deactivate", "if (empty) {", "if (nr_pages) {"),
        _IN_HOLE,
        "memmap-mapped",
        "the memmap of boot range",
    ),
    "allocates-memmap-for-an-early-section": (
        "x86",
        _SECTIONS,
        begun("section_activate", "if (early_section(__pfn_to_section(pfn))) vmemmap_alloc_block(PAGE_SIZE, nid);"),
        _IN_HOLE[:2],
        "no-leak",
        "nothing maps it",
    ),
    "populates-an-early-section": (
        "x86",
        _SECTIONS,
        replaced("section_activate", "early_section(ms)", "!ms"),
        _IN_HOLE[:2],
        "memmap-intact",
        "held live struct pages",
    ),
    "puts-no-page": (
        "x86",
        _X86,
        within("free_vmemmap_pages", renamed("put_page_bootmem", "(void)")),
        _REMOVED,
        "no-leak",
        "is allocated, but nothing maps it",
    ),
    "frees-pages-that-it-has-not-put": (
        "x86",
        _X86,
        within("free_vmemmap_pages", renamed("put_page_bootmem", "free_reserved_page")),
        _REMOVED,
        "freed-once",
        "get_page_bootmem() counted 1 more users of it than put_page_bootmem()",
    ),
    "puts-each-page-twice": (
        "x86",
        _BOOTMEM,
        begun("put_page_bootmem", "static int again; if (!again) { again = 1; put_page_bootmem(page); again = 0; }"),
        _REMOVED,
        "no-warning",
        "BUG_ON",
    ),
}


@pytest.mark.newest_tree
@pytest.mark.parametrize("name", _BROKEN)
def test_boot_memory_broken_kernel_code_is_a_violation(name: str, tree: Tree, copy_of: CopyOf) -> None:
    """Each mistake with an early section or its users is seen; the tree itself holds."""
    arch, files, edit, sequence, invariant, says = _BROKEN[name]
    function = next(file for file in files if tree.has(file))
    source = source_of(tree, arch)
    with source.machine(source.geometry(64)) as machine:
        right = check(machine, sequence)
    # What is not about boot memory is another matter.
    assert right is None or right.invariant == "counters-balanced"
    with edited(copy_of(arch), {function: edit}) as broken:
        source = open_source(broken, arch, 12)
        with source.machine(source.geometry(64), Variant.PARTS) as machine:
            finding = check(machine, sequence)
    assert finding is not None
    found = {one.invariant: one for one in finding.violations}
    assert invariant in found
    assert says in found[invariant].problems[0].because


def test_boot_memory_that_was_freed_is_used_again(tree: Tree) -> None:
    """The memory of an early section's memmap serves the next add, and holds what was left in it."""
    source = source_of(tree, "x86")
    with source.machine(source.geometry(64)) as machine:
        booted, _, added = (step for step in steps(machine, (*_REMOVED, AddMemory(1, 1))) if step)
    (before,), (after,) = booted.state.mappings, added.state.mappings
    assert before.pfn == after.pfn
    assert (before.start, after.start) == (0, before.end)
    assert [Content.STALE] == [extent.content for extent in added.state.contents]
