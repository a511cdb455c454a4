// SPDX-License-Identifier: GPL-2.0-or-later
/* riscv: how the machine starts, and what its MMU makes of an entry. */

VMC_SHARED struct mm_struct init_mm = { .pgd = swapper_pg_dir };

static void vmc_arch_start(void)
{
}

/* RISC-V privileged architecture, Sv39: what the MMU makes of an entry; level 0 entries map pages */
static inline int vmc_entry_kind(unsigned long entry, int level)
{
	if (!(entry & 1))
		return VMC_NONE;
	return entry & 0xe || level == 0 ? VMC_LEAF : VMC_TABLE;
}

static inline unsigned long vmc_entry_pfn(unsigned long entry, int level)
{
	return (entry & 0x003ffffffffffc00UL) >> 10;
}

/* arch/riscv/mm/init.c: preallocate_pgd_pages_range(): the top entries of the vmemmap exist from boot */
static inline unsigned long vmc_table_entry(unsigned long pfn)
{
	return pfn << 10 | 1;
}

static void vmc_arch_boot(void)
{
}
