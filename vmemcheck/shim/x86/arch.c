// SPDX-License-Identifier: GPL-2.0-or-later
/* x86: how the machine starts, and what its MMU makes of an entry. */

VMC_SHARED struct mm_struct init_mm = { .pgd = init_top_pgt };
VMC_SHARED struct list_head pgd_list = { &pgd_list, &pgd_list };

static void vmc_arch_start(void)
{
	pgdir_shift = PAGE_SHIFT + (vmc_levels - 1) * VMC_TABLE_SHIFT;
	ptrs_per_p4d = vmc_levels == 5 ? 1 << VMC_TABLE_SHIFT : 1;
}

/* Intel SDM volume 3, 4.5: what the MMU makes of an entry; level 0 entries map pages */
static inline int vmc_entry_kind(unsigned long entry, int level)
{
	if (!(entry & 1))
		return VMC_NONE;
	return level == 0 || entry & 0x80 ? VMC_LEAF : VMC_TABLE;
}

static inline unsigned long vmc_entry_pfn(unsigned long entry, int level)
{
	return (entry & 0x000ffffffffff000UL) >> 12;
}

/* The top table of another process, which sync_global_pgds() must keep up to date. */
static inline unsigned long vmc_table_entry(unsigned long pfn)
{
	return pfn << 12 | 0x63;
}

static void vmc_arch_boot(void)
{
	struct page *page;

	vmc_other_top = vmc_boot_alloc(PAGE_SIZE);
	page = virt_to_page(vmc_other_top);
	page->lru.next = page->lru.prev = &pgd_list;
	pgd_list.next = pgd_list.prev = &page->lru;
}
