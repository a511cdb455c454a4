// SPDX-License-Identifier: GPL-2.0-or-later
/* loongarch: how the machine starts, and what its MMU makes of an entry. */

VMC_SHARED struct mm_struct init_mm = { .pgd = swapper_pg_dir };

static void vmc_arch_start(void)
{
}

/*
 * arch/loongarch/mm/tlbex.S: handle_tlb_load(): what the walk makes of an entry. _PAGE_HUGE is bit 6, _PAGE_PRESENT
 * bit 7: the handler itself sets _PAGE_VALID of what is present. An entry that leads to no memory of the machine
 * leads to one of the invalid tables.
 */
static inline int vmc_entry_kind(unsigned long entry, int level)
{
	if (level == 0 || entry & 1UL << 6)
		return entry & 1UL << 7 ? VMC_LEAF : VMC_NONE;
	return entry >= VMC_DIRECT_MAP ? VMC_TABLE : VMC_NONE;
}

/* A table is linked by its address in the cached window. In a large leaf _PAGE_HGLOBAL is bit 12, where pfns begin. */
static inline unsigned long vmc_entry_pfn(unsigned long entry, int level)
{
	if (vmc_entry_kind(entry, level) == VMC_TABLE)
		return (entry - VMC_DIRECT_MAP) >> PAGE_SHIFT;
	return (entry & 0x0000fffffffff000UL & ~(level ? 1UL << 12 : 0)) >> PAGE_SHIFT;
}

static inline unsigned long vmc_table_entry(unsigned long pfn)
{
	return VMC_DIRECT_MAP + (pfn << PAGE_SHIFT);
}

static inline int vmc_is_empty(unsigned long entry, int level)
{
	switch (level) {
	case 0:
		return pte_none(*(pte_t *)&entry);
	case 1:
		return pmd_none(*(pmd_t *)&entry);
	case 2:
		return pud_none(*(pud_t *)&entry);
	default:
		return p4d_none(*(p4d_t *)&entry);
	}
}

/* The kernel fills its top table, and the tables that empty entries lead to. */
static void vmc_arch_boot(void)
{
	pagetable_init();
}
