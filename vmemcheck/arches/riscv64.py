# SPDX-License-Identifier: GPL-2.0-or-later
"""riscv64."""

from vmemcheck.arches.architecture import Architecture, PageSize
from vmemcheck.by_design import ByDesign

RISCV64 = Architecture(
    name="riscv64",
    alias="riscv",
    # Sv39, Sv48 or Sv57: 3 to 5 levels, chosen at boot.
    page_sizes=(PageSize(page_shift=12, section_shift=27, table_shift=9, levels=4),),
    # HAVE_ALIGNED_STRUCT_PAGE is not selected in 6.12 and before: there struct page is aligned to 8 bytes.
    aligned_struct_page=True,
    kmsan=False,
    source=(
        "arch/riscv/include/asm/sparsemem.h: SECTION_SIZE_BITS",
        "arch/riscv/include/asm/pgtable-64.h: PMD_SHIFT",
        "arch/riscv/Kconfig: HAVE_ALIGNED_STRUCT_PAGE",
    ),
    other_levels=(3, 5),
    by_design=(
        ByDesign(
            name="one flush at the end",
            invariants=("tlb-flushed",),
            says="memory is given back before the one flush of TLBs at the end: nobody may use this memmap any more",
            source="arch/riscv/mm/init.c: arch_remove_memory()",
            frees_before_flush=True,
        ),
    ),
)
