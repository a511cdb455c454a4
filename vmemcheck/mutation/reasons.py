# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a mutant that nothing kills need not be killed, or cannot be, in this machine: a table of reasons.

Each row names functions, macros and variables of the kernel, and says why. It is asked only about mutants
that survived; whether a row is right is for a reader of the kernel to judge, so each stands in the report with
its count. What only other CPUs, nodes, devices or sizes could tell is *outside*, never equivalent.
"""

import re
from dataclasses import dataclass, field

from vmemcheck.mutation.mutant import Mutant, Operator

_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Reason:
    """One row: a mutant fits when it fits everything that is given.

    :param says: why, for the report
    :param is_equivalent: the kernel does the same; else it does not, and the machine cannot tell
    :param calls: it drops a call of one of these, or is in the arguments of one
    :param functions: it is in one of these
    :param words: its text starts with one of these
    :param operators: it is made by one of these
    :param texts: its text is one of these
    :param is_unreached: no sequence gets to it
    """

    name: str
    says: str
    is_equivalent: bool
    calls: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    operators: frozenset[Operator] = field(default_factory=frozenset)
    texts: frozenset[str] = frozenset()
    is_unreached: bool = False

    def fits(self, mutant: Mutant, *, is_reached: bool) -> bool:
        """Tell whether a mutant fits.

        :param is_reached: some sequence gets to it
        """
        return not (self.is_unreached and is_reached) and (
            (not self.calls or not self.calls.isdisjoint(mutant.calls))
            and (not self.functions or mutant.function in self.functions)
            and (not self.words or mutant.text.split("=")[0].split("+")[0].strip(" !") in self.words)
            and (not self.operators or mutant.operator in self.operators)
            and (not self.texts or mutant.text in self.texts)
        )


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MESSAGES = _set(
    "printk printk_once pr_emerg pr_err pr_err_once pr_warn pr_warn_once pr_notice pr_info pr_debug pr_cont"
    " mminit_dprintk warn_alloc dump_stack dump_page vmemmap_verify vmemmap_populate_print_last"
)
_ASSERTIONS = _set("BUG_ON VM_BUG_ON VM_BUG_ON_PAGE WARN_ON WARN_ON_ONCE WARN WARN_ONCE VM_WARN_ON VM_WARN_ON_ONCE")
_LOCKS = _set(
    "spin_lock spin_unlock spin_lock_irq spin_unlock_irq spin_lock_irqsave spin_unlock_irqrestore"
    " mutex_lock mutex_unlock"
    " read_lock read_unlock write_lock write_unlock rcu_read_lock rcu_read_unlock local_irq_save local_irq_restore"
)
_FLUSHES = _set(
    "__flush_tlb_all local_flush_tlb_kernel_range __flush_tlb_kernel_pgtable"
    " flush_tlb_one_kernel local_flush_tlb_all local_flush_tlb_page flush_cache_vmap flush_cache_vunmap"
)

_SYNC = _set("sync_global_pgds_l4 sync_global_pgds_l5")
_PGD_LOCK = _set("pgd_page_get_mm")
_GUARD = "a guard against what no caller does, as a reader of the callers can see; no sequence gets to it"
_GUARDS = {
    # Sizes are PAGE_SIZE or PMD_SIZE.
    "altmap_alloc_block_buf": ("return NULL;",),
    # Of no pages: check_pfn_span() and __add_pages() pass at least a subsection.
    "fill_subsection_map": ("rc = -EINVAL;",),
    # A map that was just allocated is empty, so that no pages can be in it already.
    "section_activate": ("ms->usage = NULL;",),
    # Starts, ends and PAGE_SIZE are multiples of a page.
    "remove_pte_table": ("next = end;",),
    # Of ranges that are no whole subsections: check_pfn_span() refuses them before.
    "__populate_section_memmap": ("return NULL;",),
}
"""Function -> what it does only where a caller is wrong."""

REASONS: tuple[Reason, ...] = (
    Reason("message", "only a message, or what is printed in it", True, calls=_MESSAGES),
    Reason(
        "message",
        "only a message, or what is printed in it",
        True,
        functions=_set("vmemmap_verify vmemmap_populate_print_last"),
    ),
    Reason(
        "message",
        "only a message, or what is printed in it",
        True,
        functions=_set("vmemmap_set_pmd vmemmap_alloc_block vmemmap_populate_hugepages"),
        words=_set("addr_start addr_end p_start p_end node_start warned")
        | {"p_end != p || node_start != node"}
        | {"p_end != p", "node_start != node"},
    ),
    Reason(
        "assertion",
        "drops or loosens an assertion: as long as it does not fire it has no effect, and it fires in no sequence",
        True,
        calls=_ASSERTIONS,
        operators=frozenset((Operator.DROP_STATEMENT, Operator.OFF_BY_ONE, Operator.DROP_CALL)),
    ),
    Reason(
        "assertion",
        "drops or loosens an assertion: as long as it does not fire it has no effect, and it fires in no sequence",
        True,
        # Asked where it is true, before a BUG_ON().
        functions=_SYNC,
        texts=frozenset(("!pgd_none(*pgd_ref)", "!p4d_none(*p4d_ref)")),
    ),
    Reason(
        "scheduling",
        "lets others run, or says that it may",
        True,
        calls=_set("cond_resched might_sleep touch_nmi_watchdog"),
    ),
    Reason(
        "allocator flags",
        "how hard the page allocator tries, and whether it complains",
        True,
        functions=_set("vmemmap_alloc_block"),
        operators=frozenset((Operator.DROP_FLAG,)),
    ),
    Reason(
        "commutative",
        "two maps change places in an operation in which their order means nothing",
        True,
        calls=_set("bitmap_and bitmap_or bitmap_xor bitmap_equal bitmap_intersects"),
        operators=frozenset((Operator.SWAP,)),
    ),
    *(
        Reason("guard", _GUARD, True, functions=_set(function), texts=frozenset(texts), is_unreached=True)
        for function, texts in _GUARDS.items()
    ),
    Reason(
        "frees nothing",
        "kfree(NULL): an add is refused where a map has pages, and then the map is no new one",
        True,
        functions=_set("section_activate"),
        texts=frozenset(("kfree(usage);",)),
    ),
    Reason(
        "refused before",
        "a whole section cannot be added to an early one, which has pages: fill_subsection_map() refuses it before",
        True,
        functions=_set("section_activate"),
        texts=frozenset(("nr_pages < PAGES_PER_SECTION + 1",)),
    ),
    Reason(
        "bound",
        "at the bound, both branches give the same value",
        True,
        functions=_set("remove_pte_table section_nr_vmemmap_pages"),
        texts=frozenset(("next > end - 1", "order < PFN_SECTION_SHIFT + 1")),
    ),
    Reason(
        "copied already",
        "pgd_populate_kernel() has copied the new top-level entry, by arch_sync_kernel_mappings() of that one address",
        True,
        functions=_set("vmemmap_populate sync_global_pgds arch_sync_kernel_mappings"),
        texts=frozenset(
            (
                "!err",
                "sync_global_pgds(start, end - 1);",
                "sync_global_pgds(): start <-> end - 1",
                "end - 1: 1 less",
                "sync_global_pgds(): start <-> end",
                "sync_global_pgds_l4(): start <-> end",
                "sync_global_pgds_l5(): start <-> end",
            )
        ),
    ),
    Reason(
        "again and again",
        "looks at the same top-level entry for each byte that it maps: slower",
        True,
        functions=_SYNC,
        texts=frozenset(("ALIGN(addr + 1, PGDIR_SIZE) -> addr + 1",)),
    ),
    Reason(
        "unread",
        "with a vmemmap, the address in section_mem_map is not read any more: pfn_to_page() is an addition",
        True,
        functions=_set("section_activate"),
        texts=frozenset(("pfn_to_page(pfn) -> 0",)),
    ),
    Reason(
        "unread",
        "for memory from boot, only an assertion reads the pfn",
        True,
        functions=_set("free_map_bootmem"),
        texts=frozenset(("page_to_pfn(memmap) -> 0",)),
    ),
    Reason(
        "empty range",
        "what follows is of length 0, or maps a page that is mapped",
        True,
        functions=_set("vmemmap_flush_unused_pmd"),
        texts=frozenset(("return;",)),
    ),
    Reason(
        "empty range",
        "what follows is of length 0, or maps a page that is mapped",
        True,
        functions=_set("vmemmap_populate_compound_pages"),
        texts=frozenset(("next += PAGE_SIZE;",)),
    ),
    Reason(
        "marked at once",
        "what is unused is marked at once, and not put off: slower, with the same marks when they are read",
        True,
        functions=_set("vmemmap_use_sub_pmd"),
        texts=frozenset(("return;",)),
    ),
    Reason("one thread", "locks and barriers: operations happen one after the other", False, calls=_LOCKS),
    Reason("one thread", "locks and barriers: operations happen one after the other", False, words=_set("pgt_lock")),
    Reason(
        "one thread",
        "locks and barriers: operations happen one after the other",
        False,
        functions=_set("section_deactivate"),
        texts=frozenset(("ms->section_mem_map &= ~SECTION_HAS_MEM_MAP;",)),
    ),
    Reason("one thread", "locks and barriers: operations happen one after the other", False, calls=_PGD_LOCK),
    Reason(
        "boot allocator",
        "where memblock looks for memory, and how it aligns it",
        False,
        functions=_set("vmemmap_alloc_block"),
        texts=frozenset(("__earlyonly_bootmem_alloc(): size <-> __pa(MAX_DMA_ADDRESS)", "__pa(MAX_DMA_ADDRESS) -> 0")),
    ),
    Reason(
        "page block flags",
        "the part of struct mem_section_usage that mm/page_alloc.c uses",
        False,
        functions=_set("usemap_size mem_section_usage_size"),
    ),
    Reason(
        "first gigabyte",
        "the machine's memory begins above it",
        False,
        functions=_set("remove_pte_table"),
        texts=frozenset(
            (
                "phys_addr = pte_val(*pte) + (addr & PAGE_MASK);",
                "pte_val(*pte) -> 0",
                "phys_addr < (phys_addr_t)0x40000000 + 1",
                "phys_addr < (phys_addr_t)0x40000000",
                "return;",
            )
        ),
    ),
    Reason(
        "first entry",
        "the machine's vmemmap begins at the first entry of its upper tables, so that this index is 0",
        False,
        functions=_set("remove_pud_table sync_global_pgds_l5"),
        texts=frozenset(("pud_index(addr) -> 0", "pgd_index(addr) -> 0")),
    ),
    Reason(
        "page walkers",
        "what TLBs keep of page tables is not modelled; leaves are flushed once more by the caller",
        False,
        functions=_set("remove_pte_table"),
        texts=frozenset(("flush_tlb_all();",)),
    ),
    Reason(
        "upper levels",
        "a range whose memmap fills what an entry two levels above the PTEs maps: 64 GiB and more at a time",
        False,
        functions=_set("remove_pud_table unmap_hotplug_pud_range remove_pud_mapping"),
        texts=frozenset(
            (
                "pud_leaf(*pud) && IS_ALIGNED(addr, PUD_SIZE) && IS_ALIGNED(next, PUD_SIZE)",
                "pud_leaf(*pud) && IS_ALIGNED(addr, PUD_SIZE)",
                "pud_leaf(*pud)",
                "IS_ALIGNED(addr, PUD_SIZE)",
                "IS_ALIGNED(next, PUD_SIZE)",
            )
        ),
    ),
    Reason(
        "upper levels",
        "a range whose memmap fills what an entry two levels above the PTEs maps: 64 GiB and more at a time",
        False,
        functions=_set("remove_pud_table unmap_hotplug_pud_range remove_pud_mapping"),
        texts=frozenset(("pud_clear(pud);", "pages++;", "continue;")),
        is_unreached=True,
    ),
    Reason(
        "large pages",
        "every CPU of the machine can map large pages",
        False,
        functions=_set("vmemmap_populate"),
        texts=frozenset(
            (
                "altmap",
                "err = -ENOMEM;",
                "err = vmemmap_populate_basepages(start, end, node, NULL);",
                "vmemmap_populate_basepages(start, end, node, NULL) -> 0",
                "vmemmap_populate_basepages(): start <-> end",
            )
        ),
        is_unreached=True,
    ),
    Reason("one CPU", "flushes of one CPU's TLB, of table walkers and of caches", False, calls=_FLUSHES),
    Reason(
        "one node",
        "which node memory is on, and what is kept about it",
        False,
        calls=_set("early_pfn_to_nid cpu_to_node node_distance set_section_nid sparse_encode_early_nid"),
    ),
    Reason(
        "one node",
        "which node memory is on, and what is kept about it",
        False,
        functions=_set("sparse_encode_early_nid"),
    ),
    Reason("no direct map", "statistics of the direct map, which is not made", False, calls=_set("update_page_count")),
    Reason("no direct map", "statistics of the direct map, which is not made", False, words=_set("direct pages")),
    Reason("no page-table isolation", "PTI is off in this machine", False, functions=_set("__pti_set_user_pgtbl")),
)
"""The first that fits counts."""


def reason_for(mutant: Mutant, *, is_reached: bool = True) -> Reason | None:
    """Return the reason why a mutant that survived is not held against the check, or None.

    :param is_reached: some sequence gets to it
    """
    return next((reason for reason in REASONS if reason.fits(mutant, is_reached=is_reached)), None)
