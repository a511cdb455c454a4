/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86: what the CPU, the boot code and the address layout decide.
 */

/* arch/x86/kernel/head64.c: decided at boot; here numbers that user space can have */
#define page_offset_base VMC_DIRECT_MAP
#define vmemmap_base VMC_VMEMMAP
#define phys_base 0UL
#define direct_map_physmem_end ((1UL << MAX_PHYSMEM_BITS) - 1)
#define physmem_end direct_map_physmem_end
VMC_SHARED unsigned int pgdir_shift;
VMC_SHARED unsigned int ptrs_per_p4d;
#define pgtable_l5_enabled() (vmc_levels == 5)

/* arch/x86/include/asm/cpufeature.h: large pages, no page-table isolation */
#define boot_cpu_has(feature) ((feature) == X86_FEATURE_PSE)
#define static_cpu_has(feature) boot_cpu_has(feature)
#define cpu_feature_enabled(feature) boot_cpu_has(feature)
#define cpu_has(cpu, feature) boot_cpu_has(feature)

/* arch/x86/kernel/head_64.S, arch/x86/mm/fault.c: the kernel's own top table, and one of another process */
#define init_top_pgt ((pgd_t *)VMC_TOP_PLACE)
VMC_SHARED struct mm_struct init_mm;
VMC_SHARED struct list_head pgd_list;
VMC_SHARED spinlock_t pgd_lock;
#define pgd_page_get_mm(page) ((void)(page), &init_mm)

VMC_SHARED unsigned long *vmc_other_top;
#define VMC_PREALLOCATED 0

#define VMC_BOOT_STAYS 0

/* include/linux/mmzone.h: 16 GiB, as with CONFIG_HUGETLB_PAGE; fs/Kconfig, which has that, is not read */
#define MAX_FOLIO_ORDER (34 - PAGE_SHIFT)
