# SPDX-License-Identifier: GPL-2.0-or-later
"""powerpc64 with the radix MMU, with 4K and 64K pages.

With the hash MMU the vmemmap is mapped without kernel page tables; it is not
described here.
"""

from vmemcheck.arches.architecture import Architecture, PageSize

POWERPC64 = Architecture(
    name="powerpc64",
    alias="powerpc",
    page_sizes=(
        PageSize(page_shift=12, section_shift=24, table_shift=9, levels=4),
        PageSize(page_shift=16, section_shift=24, table_shift=5, levels=4),
    ),
    aligned_struct_page=False,
    kmsan=False,
    source=(
        "arch/powerpc/include/asm/sparsemem.h: SECTION_SIZE_BITS",
        "arch/powerpc/include/asm/book3s/64/radix-4k.h: RADIX_PTE_INDEX_SIZE",
        "arch/powerpc/include/asm/book3s/64/radix-64k.h: RADIX_PTE_INDEX_SIZE",
    ),
)
