# SPDX-License-Identifier: GPL-2.0-or-later
"""s390x; a PMD leaf is a 1 MiB segment, a table of PTEs has 256 entries, the tables above 2048."""

from vmemcheck.arches.architecture import Architecture, PageSize

S390X = Architecture(
    name="s390x",
    alias="s390",
    # SECTION_SIZE_BITS was 28 up to 6.12.
    page_sizes=(PageSize(page_shift=12, section_shift=27, table_shift=8, levels=4),),
    aligned_struct_page=True,
    kmsan=True,
    source=(
        "arch/s390/include/asm/sparsemem.h: SECTION_SIZE_BITS",
        "arch/s390/include/asm/pgtable.h: _SEGMENT_SHIFT",
        "arch/s390/Kconfig: HAVE_ALIGNED_STRUCT_PAGE",
        "arch/s390/Kconfig: HAVE_ARCH_KMSAN",
    ),
)
