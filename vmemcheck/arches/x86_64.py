# SPDX-License-Identifier: GPL-2.0-or-later
"""x86_64."""

from vmemcheck.arches.architecture import Architecture, PageSize
from vmemcheck.by_design import ByDesign

X86_64 = Architecture(
    name="x86_64",
    alias="x86",
    page_sizes=(PageSize(page_shift=12, section_shift=27, table_shift=9, levels=4),),
    # HAVE_ALIGNED_STRUCT_PAGE is selected only with SLUB up to 6.1; with SLAB 56 and 72 bytes occur there.
    aligned_struct_page=True,
    kmsan=True,
    source=(
        "arch/x86/include/asm/sparsemem.h: SECTION_SIZE_BITS",
        "arch/x86/include/asm/pgtable_64_types.h: PMD_SHIFT",
        "arch/x86/Kconfig: HAVE_ALIGNED_STRUCT_PAGE",
        "arch/x86/Kconfig: HAVE_ARCH_KMSAN",
    ),
    other_levels=(5,),
    by_design=(
        ByDesign(
            name="top-level tables stay",
            invariants=("no-leak", "failed-add-undone"),
            says="a page-table page that the top table leads to is never freed: the entry was copied into the top"
            " tables of all processes",
            source="arch/x86/mm/init_64.c: remove_p4d_table()",
            keeps_top_tables=True,
        ),
        ByDesign(
            name="boot tables stay",
            invariants=("no-leak",),
            says="a page-table page from boot that maps the memmap of several sections is not freed when it is empty:"
            " each section counts as its user, and put_page_bootmem() is called once",
            source="arch/x86/mm/init_64.c: register_page_bootmem_memmap()",
            keeps_boot_tables=True,
        ),
        ByDesign(
            name="one flush at the end",
            invariants=("tlb-flushed",),
            says="memory is given back before the one flush of TLBs at the end: nobody may use this memmap any more",
            source="arch/x86/mm/init_64.c: remove_pagetable()",
            frees_before_flush=True,
        ),
        ByDesign(
            name="a failed add warns",
            invariants=("no-warning",),
            says="each error of __add_pages() is a warning on x86, also where there was no memory",
            source="arch/x86/mm/init_64.c: add_pages()",
            warns_in=("add_pages",),
        ),
    ),
)
