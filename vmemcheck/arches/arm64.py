# SPDX-License-Identifier: GPL-2.0-or-later
"""arm64, with 4K, 16K and 64K pages."""

from vmemcheck.arches.architecture import Architecture, PageSize
from vmemcheck.by_design import ByDesign

ARM64 = Architecture(
    name="arm64",
    alias="arm64",
    # SECTION_SIZE_BITS was 30 for all page sizes in 5.10.
    page_sizes=(
        PageSize(page_shift=12, section_shift=27, table_shift=9, levels=4),
        PageSize(page_shift=14, section_shift=27, table_shift=11, levels=4),
        PageSize(page_shift=16, section_shift=29, table_shift=13, levels=3),
    ),
    # HAVE_ALIGNED_STRUCT_PAGE is selected only with SLUB up to 6.1.
    aligned_struct_page=True,
    kmsan=False,
    source=(
        "arch/arm64/include/asm/sparsemem.h: SECTION_SIZE_BITS",
        "arch/arm64/include/asm/pgtable-hwdef.h: PMD_SHIFT",
        "arch/arm64/Kconfig: HAVE_ALIGNED_STRUCT_PAGE",
    ),
    boot_stays="arch/arm64/mm/mmu.c: prevent_bootmem_remove_notifier()",
    by_design=(
        ByDesign(
            name="top-level tables stay",
            invariants=("no-leak", "failed-add-undone"),
            says="a page-table page that the top table leads to is not freed with 16K and 64K pages: an entry of the"
            " top table maps more than the vmemmap, and free_empty_tables() leaves alone what reaches beyond it",
            source="arch/arm64/mm/mmu.c: pgtable_range_aligned()",
            page_shifts=(14, 16),
            keeps_top_tables=True,
        ),
    ),
)
