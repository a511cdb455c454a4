// SPDX-License-Identifier: GPL-2.0-or-later
/* arm64: how the machine starts, and what its MMU makes of an entry. */

VMC_SHARED struct mm_struct init_mm = { .pgd = swapper_pg_dir };

static void vmc_arch_start(void)
{
}

/* Arm ARM D8.3: what the MMU makes of a descriptor; level 0 entries map pages */
static inline int vmc_entry_kind(unsigned long entry, int level)
{
	if (!(entry & 1))
		return VMC_NONE;
	if (level == 0)
		return entry & 2 ? VMC_LEAF : VMC_NONE;
	return entry & 2 ? VMC_TABLE : VMC_LEAF;
}

static inline unsigned long vmc_entry_pfn(unsigned long entry, int level)
{
	return (entry & 0x0000fffffffff000UL) >> PAGE_SHIFT;
}

/* The kernel has a top table of its own (TTBR1), so that nothing needs to be copied. */
static inline unsigned long vmc_table_entry(unsigned long pfn)
{
	return pfn << PAGE_SHIFT | 3;
}

static void vmc_arch_boot(void)
{
}
