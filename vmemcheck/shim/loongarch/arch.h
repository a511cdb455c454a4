/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loongarch: what the CPU, the boot code and the address layout decide.
 */

/* arch/loongarch/include/asm/addrspace.h: the cached window of physical memory; here where user space can have it */
#define CACHE_BASE VMC_DIRECT_MAP
#define TO_PHYS_MASK (VMC_DIRECT_MAP - 1)
/* arch/loongarch/kernel/cpu-probe.c: decided at boot: address sizes; mapped addresses start above the window */
#define cpu_pabits 47
#define cpu_vabits 48
#define vm_map_base VMC_TOP_PLACE
/* arch/loongarch/include/asm/pgtable.h: behind the vmalloc area, whose size the CPU decides */
#define vmemmap ((struct page *)VMC_VMEMMAP)
#define VMEMMAP_END (VMC_HOT + VMC_HOT_BYTES - 1)

/* arch/loongarch/kernel/asm-offsets.c, which only a kernel build evaluates */
#define _PTRS_PER_PGD PTRS_PER_PGD

/* arch/loongarch/include/asm/percpu.h: a register; there is one CPU */
#define __my_cpu_offset 0UL

/* arch/loongarch/include/asm/barrier.h */
#define DBAR(hint) barrier()

#define swapper_pg_dir ((pgd_t *)VMC_TOP_PLACE)
VMC_SHARED struct mm_struct init_mm;

/* An empty entry is not 0: it leads to a table that maps nothing, and the tree's own functions know it. */
#define VMC_IS_EMPTY(entry, level) vmc_is_empty(entry, level)

VMC_SHARED unsigned long *vmc_other_top;
#define VMC_PREALLOCATED 0
#define arch_sync_kernel_mappings(start, end) ((void)0)

#define VMC_BOOT_STAYS 0
