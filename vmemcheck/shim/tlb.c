// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What TLBs may still hold: leaf entries that were cleared, until a flush touches what they mapped.
 *
 * One flush of any address in a leaf is enough, since it is one entry. Tables, and what walkers keep of them, are not
 * modelled.
 */
struct vmc_cached {
	unsigned long start, bytes, pfn;
};

#define VMC_MOST_CACHED 65536
VMC_KEEP static struct vmc_cached *vmc_cached = 0;
static unsigned int vmc_cached_count;

static void vmc_mark_cached(const struct vmc_cached *entry, int is_cached)
{
	unsigned long page;

	for (page = 0; page < entry->bytes >> PAGE_SHIFT; page++) {
		struct vmc_desc *desc = vmc_desc_of(entry->pfn + page);

		if (desc)
			desc->flags = is_cached ? desc->flags | VMC_CACHED : desc->flags & ~VMC_CACHED;
	}
}

static void vmc_entry_cleared(unsigned long start, unsigned long bytes, unsigned long pfn)
{
	if (vmc_cached_count == VMC_MOST_CACHED) {
		vmc_give_up("more is unmapped without a flush of TLBs than can be tracked");
		return;
	}
	vmc_cached[vmc_cached_count] = (struct vmc_cached){ start, bytes, pfn };
	vmc_mark_cached(&vmc_cached[vmc_cached_count++], 1);
}

void vmc_flush(unsigned long start, unsigned long end)
{
	unsigned int index, kept = 0;

	for (index = 0; index < vmc_cached_count; index++) {
		struct vmc_cached *entry = &vmc_cached[index];

		if (entry->start < end && start < entry->start + entry->bytes)
			vmc_mark_cached(entry, 0);
		else
			vmc_cached[kept++] = *entry;
	}
	vmc_cached_count = kept;
}

/* What the operation has left in TLBs, as few ranges; the next operation starts with none. */
static void vmc_report_cached(void)
{
	unsigned int index, first = 0;

	for (index = 0; index < vmc_cached_count; index++) {
		const struct vmc_cached *entry = &vmc_cached[index], *next = entry + 1;

		if (index + 1 < vmc_cached_count && next->start == entry->start + entry->bytes)
			continue;
		vmc_event(VMC_UNFLUSHED, VMC_CALLER, vmc_address_name(vmc_cached[first].start),
			  vmc_address_name(entry->start + entry->bytes), 0, 0);
		first = index + 1;
	}
	vmc_flush(0, ~0UL);
}
