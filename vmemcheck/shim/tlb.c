// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What TLBs may still hold: leaf entries that were cleared, until a flush touches what they mapped, and what walkers
 * keep of entries that led to tables, until all is flushed, or tables are.
 *
 * One flush of any address in a leaf is enough, since it is one entry.
 */
struct vmc_cached {
	unsigned long start, bytes, pfn, is_table;
};

#define VMC_MOST_CACHED 65536
VMC_KEEP static struct vmc_cached *vmc_cached = 0;
static unsigned int vmc_cached_count;

static inline void vmc_mark_cached(const struct vmc_cached *entry, int is_cached)
{
	unsigned long first = entry->pfn - VMC_BASE_PFN, most = VMC_HOT_PAGES + VMC_RAM_PAGES;
	unsigned long pages = entry->bytes >> PAGE_SHIFT;

	if (first >= most)
		return;
	if (pages == 1 || entry->is_table)
		vmc_in_tlbs[first] = is_cached;
	else
		__builtin_memset(vmc_in_tlbs + first, is_cached, pages < most - first ? pages : most - first);
}

static inline void vmc_entry_cleared(unsigned long start, unsigned long bytes, unsigned long pfn, unsigned long is_table)
{
	struct vmc_cached *entry = &vmc_cached[vmc_cached_count];

	if (vmc_loan_count)
		vmc_recall_loans(start, start + bytes);
	if (vmc_cached_count == VMC_MOST_CACHED) {
		vmc_give_up("more is unmapped without a flush of TLBs than can be tracked");
		return;
	}
	entry->start = start;
	entry->bytes = bytes;
	entry->pfn = pfn;
	entry->is_table = is_table;
	vmc_cached_count++;
	vmc_mark_cached(entry, 1);
}

static void vmc_forget_cached(unsigned long start, unsigned long end, int with_tables)
{
	unsigned int index, kept = 0;

	for (index = 0; index < vmc_cached_count; index++) {
		struct vmc_cached *entry = &vmc_cached[index];

		if (entry->start < end && start < entry->start + entry->bytes && (with_tables || !entry->is_table))
			vmc_mark_cached(entry, 0);
		else
			vmc_cached[kept++] = *entry;
	}
	vmc_cached_count = kept;
}

/* Of a part, only leaf entries: arm64 has TLBI VAALE1IS for that, riscv SFENCE.VMA with an address. */
void vmc_flush(unsigned long start, unsigned long end)
{
	vmc_forget_cached(start, end, start == 0 && end == ~0UL);
}

/* arch/arm64/include/asm/tlbflush.h: __flush_tlb_kernel_pgtable() */
void vmc_flush_walks(unsigned long address)
{
	vmc_forget_cached(address, address + 1, 1);
}

/*
 * What the operation has left in TLBs of leaf entries, as few ranges; the next operation starts with none. What walkers
 * keep matters only where the table is used for something else: when it is given back.
 */
static void vmc_report_cached(void)
{
	unsigned long start = 0, end = 0;
	unsigned int index;

	for (index = 0; index < vmc_cached_count; index++) {
		const struct vmc_cached *entry = &vmc_cached[index];

		if (entry->is_table)
			continue;
		if (end && entry->start != end)
			vmc_event(VMC_UNFLUSHED, VMC_CALLER, vmc_address_name(start), vmc_address_name(end), 0, 0);
		if (entry->start != end)
			start = entry->start;
		end = entry->start + entry->bytes;
	}
	if (end)
		vmc_event(VMC_UNFLUSHED, VMC_CALLER, vmc_address_name(start), vmc_address_name(end), 0, 0);
	vmc_flush(0, ~0UL);
}
