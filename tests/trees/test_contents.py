# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands in memmap, by broken trees: each wrong byte is seen, also in memory that is used a second time.

The edits are made in a copy at run time; no kernel code is here.
"""

import pytest

from tests.trees.broken import CopyOf, Edit, begun, edited, renamed, replaced, within
from tests.trees.sources import source_of
from vmemcheck.engine import check
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.operation import AddDevice, AddMemory, Boot, Initialise, Remove, Sequence

pytestmark = pytest.mark.newest_tree

_PMD = "pmd_offset(pud_offset(p4d_offset(pgd_offset_k({0}), {0}), {0}), {0})"
_LAST = "(unsigned long)(pfn_to_page(start_pfn) - 1)"
_BEFORE = f"({_LAST} - PAGES_PER_SECTION * sizeof(struct page))"
# Some architectures have flags of leaves where a pfn has its low bits.
_LEAF = f"((unsigned long)page_to_virt(pmd_page(*{_PMD.format(_LAST)})) & PMD_MASK)"
_ENTRY = f"(unsigned long *)({_LEAF} + ({_LAST} & ~PMD_MASK))"
# What an add of so many subsections does to the last struct page of the section before, and what is said then.
_WRONG = (
    (f"memset((void *){_LAST}, 0xfd, sizeof(struct page));", "now holds PAGE_UNUSED"),
    (f"memset((void *){_LAST}, 0, sizeof(struct page));", "now holds zero"),
    (f"memset((void *){_LAST}, 0xff, sizeof(struct page));", "now holds poison"),
    (f"memset((void *){_LAST}, 0x5a, sizeof(struct page));", "now holds what its last user left"),
    (f"*(unsigned long *){_LAST} = 0xfdfdfdfdfdfdfdfdUL;", "now holds PAGE_UNUSED"),
    (f"WRITE_ONCE(*{_ENTRY}, 1UL);", "now holds page-table entries"),
    (
        f"WRITE_ONCE(*{_PMD.format(_BEFORE)}, READ_ONCE(*{_PMD.format(_LAST)}));",
        "now holds the struct pages of vmemmap",
    ),
)


def _machine(source: KernelSource, struct_page_bytes: int, variant: Variant = Variant.FAST) -> KernelMachine:
    return source.machine(source.geometry(struct_page_bytes), variant)


@pytest.mark.parametrize("arch", ["x86", "arm64", "riscv", "loongarch"])
def test_contents_wrong_bytes_over_live_struct_pages_are_named(arch: str, copy_of: CopyOf) -> None:
    """Whatever is written over a live struct page, memmap-intact says what stands there now.

    In memory that is used for the first time, in boot memory, and in what was boot memory before.
    """
    statements = " ".join(
        f"if (nr_pages == {count} * PAGES_PER_SUBSECTION) {{ {statement} }}"
        for count, (statement, _) in enumerate(_WRONG, 1)
    )
    files = ("mm/sparse.c", "mm/sparse-vmemmap.c")
    tree = copy_of(arch)
    file = next(name for name in files if "sparse_add_section(" in tree.read(name))
    with (
        edited(tree, {file: begun("sparse_add_section", statements)}),
        _machine(open_source(tree, arch, 12), 64, Variant.PARTS) as machine,
    ):
        whole = machine.geometry.subsections_per_section
        added: Sequence = (AddMemory(0, 1), Initialise(0), AddMemory(1, 1), Initialise(1))
        booted: Sequence = (Boot(0, 0, whole), Boot(1, 0, whole))
        again: Sequence = (*booted, Remove(0), Remove(0), *added)
        for live in (added, booted) if machine.boot_stays else (added, booted, again):
            for count, (statement, says) in enumerate(_WRONG, 1):
                finding = check(machine, (*live, AddDevice(2 * whole, count)))
                assert finding is not None, (statement, live)
                intact = next(one for one in finding.violations if one.invariant == "memmap-intact")
                assert says in intact.problems[0].because, (statement, live)
            assert check(machine, (*live, AddDevice(2 * whole, len(_WRONG) + 1))) is None


_X86 = "arch/x86/mm/init_64.c"
_TWICE: Sequence = (AddMemory(0, 1), Remove(0), AddMemory(0, 1), AddMemory(1, 1), Remove(1))
_LIVE_FIRST: Sequence = (AddMemory(0, 1), Initialise(0), AddMemory(1, 1), Remove(1))
_UNUSED: tuple[tuple[str, Edit, Sequence, str], ...] = (
    (
        "trusts-recycled-leaf",
        within("vmemmap_use_new_sub_pmd", renamed("__vmemmap_use_sub_pmd", "(void)")),
        _TWICE,
        "memmap-mapped",
    ),
    (
        "fills-too-little",
        begun("vmemmap_pmd_is_unused", "end -= PAGE_SIZE;"),
        (AddMemory(0, 1), Remove(0)),
        "no-leak",
    ),
    ("fills-nothing", within("vmemmap_pmd_is_unused", renamed("memset", "(void)")), _TWICE[:2], "no-leak"),
    (
        "looks-at-one-page",
        replaced("vmemmap_pmd_is_unused", "PAGE_UNUSED, PMD_SIZE", "PAGE_UNUSED, PAGE_SIZE"),
        (AddMemory(0, 1), AddMemory(1, 1), Remove(0)),
        "memmap-mapped",
    ),
    ("fills-too-much", begun("vmemmap_pmd_is_unused", "addr -= PAGE_SIZE;"), _LIVE_FIRST, "memmap-intact"),
    (
        "flushes-too-much",
        begun("vmemmap_flush_unused_pmd", "if (unused_pmd_start) unused_pmd_start -= PAGE_SIZE;"),
        (AddMemory(0, 1), Initialise(0), AddMemory(3, 1)),
        "memmap-intact",
    ),
    ("never-flushes", begun("vmemmap_flush_unused_pmd", "return;"), (AddMemory(0, 1), Remove(0)), "no-leak"),
    (
        "clears-too-much",
        begun("vmemmap_use_sub_pmd", "memset((void *)start - PAGE_SIZE, 0, PAGE_SIZE);"),
        _LIVE_FIRST,
        "memmap-intact",
    ),
)


@pytest.mark.parametrize(("edit", "sequence", "invariant"), [pytest.param(*rest, id=name) for name, *rest in _UNUSED])
def test_contents_x86_wrong_unused_range_is_a_violation(
    edit: Edit, sequence: Sequence, invariant: str, tree: Tree, copy_of: CopyOf
) -> None:
    """With leaves that two sections share, each wrong mark of what is unused is seen; the tree itself holds."""
    with _machine(source_of(tree, "x86"), 56) as machine:
        assert check(machine, sequence) is None
    with (
        edited(copy_of("x86"), {_X86: edit}) as broken,
        _machine(open_source(broken, "x86", 12), 56, Variant.PARTS) as machine,
    ):
        finding = check(machine, sequence)
    assert finding is not None
    assert invariant == finding.invariant


_CLEARING = "memset((void *)start, 0, sizeof(struct page))"
# What would do in its place. The mark of a leaf is any byte that is not PAGE_UNUSED.
_STORES = (
    "mm_zero_struct_page((struct page *)start)",
    "((struct page *)start)->mapping = NULL",
    "*(unsigned long *)start = 1",
    "*(char *)start = 1",
    "WRITE_ONCE(*(unsigned long *)start, 0)",
    "(void)xchg((unsigned long *)start, 0)",
    "for (unsigned long at = start; at < start + PAGE_SIZE; at++) *(char *)at = 0",
)


@pytest.mark.parametrize("store", _STORES)
def test_contents_x86_plain_stores_count_as_memset_does(store: str, copy_of: CopyOf) -> None:
    """A leaf that is marked as used by a plain store is in use, and so until all is unused."""
    edit = replaced("__vmemmap_use_sub_pmd", _CLEARING, store)
    with (
        edited(copy_of("x86"), {_X86: edit}) as stored,
        _machine(open_source(stored, "x86", 12), 56, Variant.PARTS) as machine,
    ):
        assert check(machine, (*_TWICE, Remove(0))) is None


def test_contents_x86_plain_stores_of_page_unused_free_a_leaf(copy_of: CopyOf) -> None:
    """What is marked as unused word by word is unused, on more pages than are lent at a time."""
    filling = "memset((void *)addr, PAGE_UNUSED, end - addr)"
    words = "for (unsigned long at = addr; at < end; at += 8) *(unsigned long *)at = 0xfdfdfdfdfdfdfdfdUL"
    with (
        edited(copy_of("x86"), {_X86: replaced("vmemmap_pmd_is_unused", filling, words)}) as stored,
        _machine(open_source(stored, "x86", 12), 56, Variant.PARTS) as machine,
    ):
        assert check(machine, (*_TWICE, Remove(0))) is None


def test_contents_plain_access_behind_an_unmapping_is_a_fault(copy_of: CopyOf) -> None:
    """What was accessed while it was mapped is not mapped for ever."""
    call, store = "remove_pagetable(start, end, false, altmap);", "*(unsigned long *)start = 0;"
    with (
        edited(copy_of("x86"), {_X86: replaced("vmemmap_free", call, f"{store} {call} {store}")}) as stored,
        _machine(open_source(stored, "x86", 12), 64, Variant.PARTS) as machine,
    ):
        finding = check(machine, (AddMemory(0, 1), Remove(0)))
    assert finding is not None
    assert finding.invariant == "no-warning"


def test_contents_fields_of_struct_pages_are_left_alone(copy_of: CopyOf) -> None:
    """What the kernel writes into the fields of live struct pages, of many pages, is no damage."""
    fields = (
        "for (struct page *page = pfn_to_page(start_pfn); page-- > pfn_to_page(start_pfn - PAGES_PER_SECTION);) "
        "{ page->private = start_pfn; page->mapping = NULL; WRITE_ONCE(page->lru.next, NULL); }"
    )
    statement = f"if (nr_pages == PAGES_PER_SUBSECTION) {fields}"
    with (
        edited(copy_of("x86"), {"mm/sparse-vmemmap.c": begun("sparse_add_section", statement)}) as stored,
        _machine(open_source(stored, "x86", 12), 64, Variant.PARTS) as machine,
    ):
        section = machine.geometry.subsections_per_section
        for live in ((AddMemory(0, 1),), (AddMemory(0, 1), Initialise(0))):
            assert check(machine, (*live, AddDevice(section, 1), Remove(0))) is None
