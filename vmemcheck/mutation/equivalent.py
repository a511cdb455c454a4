# SPDX-License-Identifier: GPL-2.0-or-later
"""Why the kernel does the same with a mutant, as far as the vmemmap goes: a table of reasons, read from its code."""

from vmemcheck.mutation.mutant import Operator
from vmemcheck.mutation.reason import Reason, Where, words

_MESSAGES = words(
    "printk printk_once pr_emerg pr_err pr_err_once pr_warn pr_warn_once pr_notice pr_info pr_debug pr_cont"
    " mminit_dprintk warn_alloc dump_stack dump_page vmemmap_verify vmemmap_populate_print_last"
)
_ASSERTIONS = words("BUG_ON VM_BUG_ON VM_BUG_ON_PAGE WARN_ON WARN_ON_ONCE WARN WARN_ONCE VM_WARN_ON VM_WARN_ON_ONCE")
_LOOSENED = frozenset((Operator.DROP_STATEMENT, Operator.OFF_BY_ONE, Operator.DROP_CALL))
_SYNC = words("sync_global_pgds_l4 sync_global_pgds_l5")
_GUARDS = {
    # Sizes are PAGE_SIZE or PMD_SIZE.
    "altmap_alloc_block_buf": ("return NULL;",),
    # Of no pages: check_pfn_span() and __add_pages() pass at least a subsection.
    "fill_subsection_map": ("rc = -EINVAL;",),
    # A map that was just allocated is empty, so that no pages can be in it already.
    "section_activate": ("ms->usage = NULL;",),
    # Starts, ends and PAGE_SIZE are multiples of a page.
    "remove_pte_table": ("next = end;",),
    "remove_pte_mapping": ("next = end;",),
    # Of ranges that are no whole subsections: check_pfn_span() refuses them before.
    "__populate_section_memmap": ("return NULL;",),
    # pte_offset_kernel() returns an address; the tail pages of a section are in the page table of its head page.
    "vmemmap_populate_compound_pages": ("return -ENOMEM;",),
    # The vmemmap does not end where addresses do; and what is copied was populated just before.
    "sync_global_pgds_l4": ("break;", "continue;"),
    "sync_global_pgds_l5": ("break;", "continue;"),
}
"""Function -> what it does only where a caller is wrong."""


def _where(functions: str, *texts: str, is_unreached: bool = False, arches: str = "") -> Where:
    return Where(functions=words(functions), texts=frozenset(texts), is_unreached=is_unreached, arches=words(arches))


EQUIVALENT: tuple[Reason, ...] = (
    Reason(
        "message",
        "only a message, or what is printed in it",
        True,
        (
            Where(calls=_MESSAGES),
            Where(functions=words("vmemmap_verify vmemmap_populate_print_last")),
            Where(
                functions=words("vmemmap_set_pmd vmemmap_alloc_block vmemmap_populate_hugepages"),
                words=words("addr_start addr_end p_start p_end node_start warned")
                | {"p_end != p || node_start != node", "p_end != p", "node_start != node"},
            ),
        ),
    ),
    Reason(
        "assertion",
        "drops or loosens an assertion: as long as it does not fire it has no effect, and it fires in no sequence",
        True,
        (
            Where(calls=_ASSERTIONS, operators=_LOOSENED),
            # Asked where it is true, before a BUG_ON().
            Where(functions=_SYNC, texts=frozenset(("!pgd_none(*pgd_ref)", "!p4d_none(*p4d_ref)"))),
        ),
    ),
    Reason(
        "scheduling",
        "lets others run, or says that it may",
        True,
        (Where(calls=words("cond_resched might_sleep touch_nmi_watchdog")),),
    ),
    Reason(
        "allocator flags",
        "how hard the page allocator tries, and whether it complains",
        True,
        (Where(functions=words("vmemmap_alloc_block"), operators=frozenset((Operator.DROP_FLAG,))),),
    ),
    Reason(
        "commutative",
        "two maps change places in an operation in which their order means nothing",
        True,
        (
            Where(
                calls=words("bitmap_and bitmap_or bitmap_xor bitmap_equal bitmap_intersects"),
                operators=frozenset((Operator.SWAP,)),
            ),
        ),
    ),
    Reason(
        "guard",
        "a guard against what no caller does, as a reader of the callers can see; no sequence gets to it",
        True,
        tuple(_where(function, *texts, is_unreached=True) for function, texts in _GUARDS.items()),
    ),
    Reason(
        "frees nothing",
        "kfree(NULL): an add is refused where a map has pages, and then the map is no new one",
        True,
        (_where("section_activate", "kfree(usage);"),),
    ),
    Reason(
        "empty is zero",
        "an empty entry is 0 here; what writes other ones to a new table is a weak function that does nothing",
        True,
        (
            _where(
                "vmemmap_pmd_populate vmemmap_pud_populate vmemmap_p4d_populate",
                "kernel_pte_init(p);",
                "pmd_init(p);",
                "pud_init(p);",
                arches="x86 arm64 riscv",
            ),
        ),
    ),
    Reason(
        "cleared again",
        "put_page_bootmem() and free_reserved_page() clear the flag too, when they give the page back",
        True,
        (_where("free_pagetable", "__ClearPageReserved(page);", arches="x86"),),
    ),
    Reason(
        "refused before",
        "a whole section cannot be added to an early one, which has pages: fill_subsection_map() refuses it before",
        True,
        (_where("section_activate", "nr_pages < PAGES_PER_SECTION + 1"),),
    ),
    Reason(
        "buffer of a node",
        "memblock gives memmap from boot where the buffer of its node does not: other memory, mapped and freed alike",
        True,
        (
            _where("vmemmap_alloc_block_buf", "sparse_buffer_alloc(size) -> 0"),
            _where(
                "sparse_buffer_alloc",
                "sparsemap_buf",
                "ptr + size > sparsemap_buf_end",
                "ptr + size > sparsemap_buf_end - 1",
            ),
        ),
    ),
    Reason(
        "buffer of leaves",
        "what is taken from the buffer of a node are leaves, and it is aligned and holds them all (section_map_size()):"
        " none is skipped to align the next, and none is missing",
        True,
        (
            _where(
                "sparse_buffer_alloc",
                "roundup((unsigned long)sparsemap_buf, size) -> (unsigned long)sparsemap_buf",
                "(unsigned long)(ptr - sparsemap_buf) > 0 - 1",
            ),
            _where(
                "sparse_buffer_alloc",
                "ptr = NULL;",
                "sparse_buffer_free((unsigned long)(ptr - sparsemap_buf));",
                is_unreached=True,
            ),
        ),
    ),
    Reason(
        "bound",
        "at the bound, both branches give the same value",
        True,
        (
            _where(
                "remove_pte_table remove_pte_mapping section_nr_vmemmap_pages",
                "next > end - 1",
                "order < PFN_SECTION_SHIFT + 1",
            ),
            # Of compound pages of one subsection, no populated range begins within one.
            _where("reuse_compound_section", "nr_pages > PAGES_PER_SUBSECTION - 1"),
        ),
    ),
    Reason(
        "copied already",
        "pgd_populate_kernel() has copied the new top-level entry, by arch_sync_kernel_mappings() of that one address",
        True,
        (
            _where(
                "vmemmap_populate sync_global_pgds arch_sync_kernel_mappings",
                "!err",
                "sync_global_pgds(start, end - 1);",
                "sync_global_pgds(): start <-> end - 1",
                "end - 1: 1 less",
                "sync_global_pgds(): start <-> end",
                "sync_global_pgds_l4(): start <-> end",
                "sync_global_pgds_l5(): start <-> end",
            ),
        ),
    ),
    Reason(
        "again and again",
        "looks at the same top-level entry for each byte that it maps: slower",
        True,
        (Where(functions=_SYNC, texts=frozenset(("ALIGN(addr + 1, PGDIR_SIZE) -> addr + 1",))),),
    ),
    Reason(
        "unread",
        "with a vmemmap, the address in section_mem_map is not read any more: pfn_to_page() is an addition; for memory"
        " from boot, only an assertion reads the pfn",
        True,
        (
            _where("section_activate", "pfn_to_page(pfn) -> 0"),
            _where("free_map_bootmem", "page_to_pfn(memmap) -> 0"),
        ),
    ),
    Reason(
        "empty range",
        "what follows is of length 0, or maps a page that is mapped",
        True,
        (
            _where("vmemmap_flush_unused_pmd", "return;"),
            _where("vmemmap_populate_compound_pages", "next += PAGE_SIZE;"),
        ),
    ),
    Reason(
        "first gigabyte",
        "an entry plus an address of the vmemmap is never below 1 GiB: the test is meant for the direct map",
        True,
        (
            _where("remove_pte_table", "pte_val(*pte) -> 0", "phys_addr < (phys_addr_t)0x40000000 + 1"),
            _where("remove_pte_table", "return;", is_unreached=True),
        ),
    ),
    Reason(
        "no PUD leaf",
        "the vmemmap has no leaf above the PMD, and one call frees the memmap of one section, which fills no PUD entry",
        True,
        (
            _where(
                "remove_pud_table",
                "pud_leaf(*pud)",
                "pud_large(*pud)",
                "IS_ALIGNED(addr, PUD_SIZE)",
                "IS_ALIGNED(next, PUD_SIZE)",
            ),
            _where(
                "remove_pud_table unmap_hotplug_pud_range remove_pud_mapping remove_p4d_mapping remove_pgd_mapping",
                "spin_lock(&init_mm.page_table_lock);",
                "spin_unlock(&init_mm.page_table_lock);",
                "pud_clear(pud);",
                "pud_clear(pudp);",
                "pages++;",
                "continue;",
                "direct",
                "!direct",
                "free_mapped",
                "flush_tlb_kernel_range(addr, addr + PAGE_SIZE);",
                "free_hotplug_page_range(pud_page(pud), PUD_SIZE, altmap);",
                "pud_page(pud) -> 0",
                "pgtable_l4_enabled",
                "pgtable_l5_enabled",
                "is_vmemmap",
                "p4d_clear(p4dp);",
                "free_vmemmap_storage(pud_page(pud), PUD_SIZE, altmap);",
                "free_vmemmap_storage(p4d_page(p4d), P4D_SIZE, altmap);",
                "p4d_page(p4d) -> 0",
                is_unreached=True,
            ),
        ),
    ),
    Reason(
        "direct map",
        "vmemmap_free() says that it is not for the direct map: what is counted or flushed for that alone does no harm",
        True,
        (
            _where("remove_pte_table remove_pmd_table remove_pud_table", "pages++;"),
            # Of the linear map alone; flushing once more does no harm.
            _where("unmap_hotplug_range", "!free_mapped"),
            # Where nothing was counted, as no leaf is that large, nothing is added.
            _where("remove_pud_table remove_p4d_table", "direct"),
            Where(calls=words("update_page_count"), is_unreached=True),
            Where(functions=words("free_pmd_table"), calls=words("pagetable_pmd_dtor"), is_unreached=True),
        ),
    ),
    Reason(
        "folded",
        "with four levels the p4d is folded into the pgd, whose entry is then there, and not looked at",
        True,
        (
            _where("unmap_hotplug_range free_empty_tables", "pgd = READ_ONCE(*pgdp);", arches="arm64"),
            _where("vmemmap_populate_address", "return NULL;", arches="arm64", is_unreached=True),
            _where("vmemmap_populate_hugepages vmemmap_populate", "return -ENOMEM;", arches="arm64", is_unreached=True),
        ),
    ),
    Reason(
        "aligned range",
        "a range of compound pages begins at a multiple of their size (drivers/dax/bus.c: alloc_dev_dax_range())",
        True,
        (_where("reuse_compound_section", "PHYS_PFN(pgmap->ranges[pgmap->nr_range].start) -> 0"),),
    ),
    Reason(
        "empty entries",
        "memmap is mapped where an entry is none, and pgattr_change_is_safe() says at once that this is safe",
        True,
        (
            Where(functions=words("pgattr_change_is_safe"), is_unreached=True),
            # Of the mask, which is read only behind that.
            Where(functions=words("pgattr_change_is_safe"), operators=frozenset((Operator.DROP_FLAG,))),
            _where(
                "pmd_set_huge",
                "pgattr_change_is_safe(): READ_ONCE(pmd_val(*pmdp)) <-> pmd_val(new_pmd)",
                "pmd_val(new_pmd) -> 0",
            ),
            _where("pmd_set_huge", "return 0;", is_unreached=True),
        ),
    ),
    Reason(
        "refused by the entry",
        "a leaf is then entered where a table was just made, which pgattr_change_is_safe() refuses: bit 1 differs",
        True,
        (_where("vmemmap_populate", "continue;", arches="arm64"),),
    ),
    Reason(
        "no shared tails",
        "this architecture does not select what vmemmap_can_optimize() asks for: no page is passed to be used again",
        True,
        (
            _where(
                "vmemmap_pte_populate",
                "get_page(reuse);",
                "p = page_to_virt(reuse);",
                "page_to_virt(reuse) -> 0",
                arches="arm64",
                is_unreached=True,
            ),
        ),
    ),
    Reason(
        "unused parameters",
        "the generic function, which this architecture uses, does not use them, or prints them",
        True,
        (
            _where(
                "vmemmap_populate_hugepages",
                "vmemmap_set_pmd(): addr <-> next",
                "vmemmap_check_pmd(): addr <-> next",
                arches="arm64 riscv",
            ),
        ),
    ),
    Reason(
        "boot memory stays",
        "prevent_bootmem_remove_notifier() lets nobody take boot memory offline: no memmap from boot is freed",
        True,
        (
            Where(functions=words("free_map_bootmem"), arches=words("arm64"), is_unreached=True),
            _where("section_deactivate", "free_map_bootmem(memmap);", arches="arm64", is_unreached=True),
            # What is passed to it, and read by nobody else.
            _where(
                "section_deactivate",
                "memmap = pfn_to_page(SECTION_ALIGN_DOWN(pfn));",
                "pfn_to_page(SECTION_ALIGN_DOWN(pfn)) -> 0",
                "SECTION_ALIGN_DOWN(pfn) -> pfn",
                "pfn_to_section_nr(pfn) -> 0",
                "memmap = sparse_decode_mem_map(ms->section_mem_map, section_nr);",
                "sparse_decode_mem_map(ms->section_mem_map, section_nr) -> 0",
                "sparse_decode_mem_map(): ms->section_mem_map <-> section_nr",
                arches="arm64",
            ),
            Where(functions=words("sparse_decode_mem_map"), arches=words("arm64")),
        ),
    ),
    Reason(
        "no cache to flush",
        "flush_cache_vmap() does nothing here (include/asm-generic/cacheflush.h)",
        True,
        (Where(calls=words("flush_cache_vmap"), arches=words("x86 arm64")),),
    ),
    Reason(
        "large pages",
        "without PARAVIRT_XXL, which is off, X86_FEATURE_PSE is required on 64 bits, and the compiler leaves this out"
        " (arch/x86/Kconfig.cpufeatures, before arch/x86/include/asm/required-features.h)",
        True,
        (
            _where(
                "vmemmap_populate",
                "altmap",
                "err = -ENOMEM;",
                "err = vmemmap_populate_basepages(start, end, node, NULL);",
                "vmemmap_populate_basepages(start, end, node, NULL) -> 0",
                "vmemmap_populate_basepages(): start <-> end",
                is_unreached=True,
            ),
        ),
    ),
)
