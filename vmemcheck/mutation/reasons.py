# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a mutant that nothing kills need not be killed, or cannot be, in this machine: a table of reasons.

Each row names functions, macros and variables of the kernel, and says why. It is asked only about mutants
that survived; whether a row is right is for a reader of the kernel to judge, so each stands in the report with
its count. What only other CPUs, nodes, devices or sizes could tell is *outside*, never equivalent.
"""

from vmemcheck.mutation.equivalent import EQUIVALENT
from vmemcheck.mutation.mutant import Mutant
from vmemcheck.mutation.reason import Reason, Where, words

_LOCKS = words("rcu_read_lock rcu_read_unlock local_irq_save local_irq_restore")
_FLUSHES = words(
    "__flush_tlb_all local_flush_tlb_kernel_range flush_tlb_one_kernel local_flush_tlb_all local_flush_tlb_page"
    " flush_cache_vmap flush_cache_vunmap"
)
_EMPTY_TABLES = words("free_empty_pte_table free_empty_pmd_table free_empty_pud_table")

OUTSIDE: tuple[Reason, ...] = (
    Reason("one thread", "barriers: operations happen one after the other", False, (Where(calls=_LOCKS),)),
    Reason(
        "boot allocator",
        "where memblock looks for memory, and how it aligns it",
        False,
        (
            Where(
                functions=words("vmemmap_alloc_block"),
                texts=frozenset(
                    ("__earlyonly_bootmem_alloc(): size <-> __pa(MAX_DMA_ADDRESS)", "__pa(MAX_DMA_ADDRESS) -> 0")
                ),
            ),
        ),
    ),
    Reason(
        "boot order",
        "top-level entries for the vmemmap are made before the memmap from boot here, by a kernel behind it",
        False,
        (
            Where(functions=words("vmemmap_pgd_populate"), arches=words("riscv"), is_unreached=True),
            Where(
                functions=words("vmemmap_populate_address vmemmap_populate_hugepages"),
                texts=frozenset(("return NULL;", "return -ENOMEM;")),
                arches=words("riscv"),
                is_unreached=True,
            ),
        ),
    ),
    Reason(
        "boot in leaves",
        "memblock has a large block for each leaf of memmap from boot, so that no page table with PTEs is from boot",
        False,
        (
            Where(
                functions=words("free_pte_table"),
                texts=frozenset(("free_reserved_page(page);",)),
                arches=words("riscv"),
                is_unreached=True,
            ),
        ),
    ),
    Reason(
        "boot memory registered",
        "register_page_bootmem_info_node() is called, as with NUMA: pages of memmap and tables from boot are counted",
        False,
        (
            Where(functions=words("free_reserved_pages"), arches=words("x86"), is_unreached=True),
            Where(
                functions=words("free_pagetable free_vmemmap_pages"),
                texts=frozenset(
                    (
                        "free_reserved_pages(page, nr_pages);",
                        "nr_pages--",
                        "free_reserved_page(page++);",
                    )
                ),
                arches=words("x86"),
                is_unreached=True,
            ),
        ),
    ),
    Reason(
        "page walkers",
        "x86 frees a table before it is unlinked, and flushes what walkers keep of it once more at the end",
        False,
        (Where(functions=words("remove_pte_table"), texts=frozenset(("flush_tlb_all();",))),),
    ),
    Reason(
        "ends of the vmemmap",
        "memory at either end of the vmemmap, where a page table also maps other things",
        False,
        (
            Where(functions=words("pgtable_range_aligned")),
            Where(
                functions=_EMPTY_TABLES,
                texts=frozenset(
                    (
                        "pgtable_range_aligned(): start <-> end",
                        "pgtable_range_aligned(): ceiling <-> PMD_MASK",
                        "pgtable_range_aligned(): ceiling <-> PUD_MASK",
                        "pgtable_range_aligned(): ceiling <-> P4D_MASK",
                        "pgtable_range_aligned(): ceiling <-> PGDIR_MASK",
                    )
                ),
            ),
            Where(functions=_EMPTY_TABLES, texts=frozenset(("return;",)), is_unreached=True),
        ),
    ),
    Reason(
        "mends a finding",
        "what the tree does wrong there (docs/findings.md), it does not do then",
        False,
        (
            Where(
                functions=words("free_hotplug_pgtable_page free_pte_table"),
                calls=words("pagetable_dtor pagetable_pte_dtor"),
            ),
            Where(functions=words("free_hotplug_pgtable_page"), texts=frozenset(("page_ptdesc(page) -> 0",))),
            # What is used is then marked, also where it follows what was added before.
            Where(functions=words("vmemmap_use_sub_pmd"), texts=frozenset(("return;",))),
        ),
    ),
    Reason("one CPU", "flushes of one CPU's TLB and of caches", False, (Where(calls=_FLUSHES),)),
    Reason(
        "one node",
        "which node memory is on, and what is kept about it",
        False,
        (
            Where(calls=words("early_pfn_to_nid cpu_to_node node_distance set_section_nid sparse_encode_early_nid")),
            Where(functions=words("sparse_encode_early_nid")),
        ),
    ),
    Reason(
        "no page-table isolation",
        "PTI is off in this machine",
        False,
        (Where(functions=words("__pti_set_user_pgtbl")),),
    ),
)

REASONS = (*EQUIVALENT, *OUTSIDE)
"""The first that fits counts."""


def reason_for(mutant: Mutant, arch: str, *, is_reached: bool = True) -> Reason | None:
    """Return the reason why a mutant that survived is not held against the check, or None.

    :param arch: the folder below ``arch/``
    :param is_reached: some sequence gets to it
    """
    return next((reason for reason in REASONS if reason.fits(mutant, arch, is_reached=is_reached)), None)
