/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arm64: what the CPU, the boot code and the address layout decide.
 */

/* arch/arm64/include/asm/memory.h: the address layout; here numbers that user space can have */
#define PAGE_OFFSET VMC_DIRECT_MAP
#define _PAGE_OFFSET(bits) VMC_DIRECT_MAP
#define vabits_actual 48
#define PAGE_END (2 * VMC_DIRECT_MAP)
#define VMEMMAP_START VMC_VMEMMAP
/* As large as with 48 bits of virtual addresses: whether it fills entries of the top table decides what is freed */
#define VMEMMAP_END (VMC_HOT + (1UL << (47 - PAGE_SHIFT + (VMC_STRUCT_PAGE_BYTES > 64 ? 7 : 6))))
#define memstart_addr ((long)0)
#define __tag_reset(address) (address)
#define __tag_set(address, tag) (address)
#define page_kasan_tag(page) 0

/* arch/arm64/include/asm/cpufeature.h: no optional feature */
#define cpus_have_const_cap(capability) 0
#define cpus_have_final_cap(capability) 0
#define cpus_have_cap(capability) 0
#define alternative_has_cap_likely(capability) 0
#define alternative_has_cap_unlikely(capability) 0
#define alternative_has_feature_likely(capability) 0
#define alternative_has_feature_unlikely(capability) 0
#define arm64_kernel_unmapped_at_el0() 0
#define __early_cpu_has_rndr() 0
#define system_supports_bti() 0
#define system_supports_bti_kernel() 0
#define system_supports_mte() 0
#define system_supports_tlb_range() 0
#define arm64_use_ng_mappings 0
#define pgtable_l4_enabled() (PAGE_SHIFT == 12 || vmc_levels >= 4)
#define pgtable_l5_enabled() (CONFIG_PGTABLE_LEVELS > 4 && vmc_levels >= 5)
/* arch/arm64/tools/sysreg, of which a build makes asm/sysreg-defs.h: ID_AA64ISAR0_EL1.RNDR */
#ifndef ID_AA64ISAR0_EL1_RNDR_SHIFT
#define ID_AA64ISAR0_EL1_RNDR_SHIFT 60
#endif

/* arch/arm64/include/asm/current.h: a register; the thread that there is uses no memory of its own */
VMC_SHARED unsigned long vmc_current[2048] __attribute__((section("vmc_keep")));
#define get_current() ((struct task_struct *)vmc_current)

/* arch/arm64/include/asm/tlbflush.h */
#define __tlbi(...) ((void)0)
#define __tlbi_user(...) ((void)0)
#define flush_tlb_mm(mm) ((void)(mm))
#define __flush_tlb_range(...) ((void)0)
#define __flush_tlb_range_nosync(...) ((void)0)

/* arch/arm64/include/asm/barrier.h */
#define dsb(option) barrier()
#define dmb(option) barrier()
#define isb() barrier()

/* arch/arm64/mm/mmu.c: writes through a fixmap alias of the top table, which is the same memory */
#define set_swapper_pgd(place, value) WRITE_ONCE(*(place), value)
#define __sync_icache_dcache(pte) ((void)(pte))
#define mte_sync_tags(...) ((void)0)
#define memblock_is_map_memory(address) 1
#define mm_is_efi(mm) 0

#define swapper_pg_dir ((pgd_t *)VMC_TOP_PLACE)
VMC_SHARED struct mm_struct init_mm;

VMC_SHARED unsigned long *vmc_other_top;
#define VMC_PREALLOCATED 0
#define arch_sync_kernel_mappings(start, end) ((void)0)

/* arch/arm64/mm/mmu.c: prevent_bootmem_remove_notifier() refuses to take boot memory offline */
#define VMC_BOOT_STAYS 1

/* include/linux/mmzone.h: 16 GiB, as with CONFIG_HUGETLB_PAGE; fs/Kconfig, which has that, is not read */
#define MAX_FOLIO_ORDER (34 - PAGE_SHIFT)
