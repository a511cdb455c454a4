# SPDX-License-Identifier: GPL-2.0-or-later
"""loongarch64, with 4K, 16K and 64K pages."""

from vmemcheck.arches.architecture import Architecture, PageSize
from vmemcheck.by_design import ByDesign

LOONGARCH64 = Architecture(
    name="loongarch64",
    alias="loongarch",
    page_sizes=(
        PageSize(page_shift=12, section_shift=29, table_shift=9, levels=4),
        PageSize(page_shift=14, section_shift=29, table_shift=11, levels=3),
        PageSize(page_shift=16, section_shift=29, table_shift=13, levels=3),
    ),
    # HAVE_ALIGNED_STRUCT_PAGE is not selected in 6.12 and before: there struct page is aligned to 8 bytes.
    aligned_struct_page=True,
    kmsan=False,
    source=(
        "arch/loongarch/include/asm/sparsemem.h: SECTION_SIZE_BITS",
        "arch/loongarch/include/asm/pgtable.h: PMD_SHIFT",
        "arch/loongarch/Kconfig: HAVE_ALIGNED_STRUCT_PAGE",
    ),
    by_design=(
        ByDesign(
            name="memmap stays",
            invariants=("no-leak", "failed-add-undone", "refusals"),
            says="vmemmap_free() does nothing: memmap stays mapped and allocated when its memory is removed, or when"
            " an add fails or is refused, and serves the next add at the same place",
            source="arch/loongarch/mm/init.c: vmemmap_free()",
            keeps_memmap=True,
            code=r"\bvmemmap_free\s*\([^()]*\)\s*\{\s*\}",
            never_met=("pmd-leaf-freed", "pte-page-freed", "table-freed", "add-undone"),
        ),
        ByDesign(
            name="altmaps are not used",
            invariants=(),
            says="memmap never comes from an altmap: vmemmap_populate() leaves its altmap aside",
            source="arch/loongarch/mm/init.c: vmemmap_populate()",
            code=r"\breturn vmemmap_populate_\w+\(start, end, node, NULL\);",
            never_met=("altmap-used", "altmap-exhausted"),
        ),
    ),
)
