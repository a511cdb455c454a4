/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * riscv: what the CPU, the boot code and the address layout decide.
 */

/* arch/riscv/include/asm/page.h, pgtable.h: the address layout; here numbers that user space can have */
#define PAGE_OFFSET VMC_DIRECT_MAP
#define __va_to_pa_nodebug(x) ((unsigned long)(x) - VMC_DIRECT_MAP)
#define __pa_to_va_nodebug(x) ((void *)((unsigned long)(x) + VMC_DIRECT_MAP))
#define VMEMMAP_START VMC_VMEMMAP
#define VMEMMAP_END (VMC_HOT + VMC_HOT_BYTES)
#define vmemmap_start_pfn 0UL
#define pgtable_l4_enabled (vmc_levels >= 4)
#define pgtable_l5_enabled (vmc_levels >= 5)
#define satp_mode 0UL
#define riscv_pfn_base 0UL

/* arch/riscv/include/asm/cpufeature.h: no optional extension */
#define riscv_has_extension_likely(extension) 0
#define riscv_has_extension_unlikely(extension) 0
#define __riscv_has_extension_likely(vendor, extension) 0
#define __riscv_has_extension_unlikely(vendor, extension) 0
#define riscv_isa_extension_available(...) 0
#define has_svnapot() 0
#define flush_icache_pte(...) ((void)0)
#define mark_new_valid_map() ((void)0)

/* arch/riscv/include/asm/current.h, mmiowb.h, vdso/processor.h */
#define riscv_current_is_tp ((struct task_struct *)0)
#define mmiowb_spin_lock() ((void)0)
#define mmiowb_spin_unlock() ((void)0)

#define swapper_pg_dir ((pgd_t *)VMC_TOP_PLACE)
VMC_SHARED struct mm_struct init_mm;

VMC_SHARED unsigned long *vmc_other_top;
#define VMC_PREALLOCATED 4
#define arch_sync_kernel_mappings(start, end) ((void)0)

#define VMC_BOOT_STAYS 0

/* include/linux/mmzone.h: 16 GiB, as with CONFIG_HUGETLB_PAGE; fs/Kconfig, which has that, is not read */
#define MAX_FOLIO_ORDER (34 - PAGE_SHIFT)
