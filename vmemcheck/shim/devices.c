// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What mm/memremap.c asks others for: whether there is System RAM, which pgmap has a page, and who still uses it.
 */
struct vmc_stored {
	unsigned long first, last;
	void *entry;
};

/* What was stored later hides what was stored before. */
#define VMC_MOST_STORED 4096
VMC_KEEP static struct vmc_stored vmc_stored[VMC_MOST_STORED] = { { 0 } };
static unsigned int vmc_stored_count;

int vmc_region_intersects(unsigned long start, unsigned long size)
{
	unsigned long pfn = start >> PAGE_SHIFT, end = (start + size) >> PAGE_SHIFT;
	unsigned int index;

	for (index = 0; index < vmc_live_count; index++) {
		const struct vmc_live *live = vmc_live[index];

		if (live->door != VMC_DEVICE_DOOR && live->start < end && pfn < live->start + live->pages)
			return REGION_INTERSECTS;
	}
	return REGION_DISJOINT;
}

void *vmc_load(unsigned long pfn)
{
	unsigned int index = vmc_stored_count;

	while (index--)
		if (vmc_stored[index].first <= pfn && pfn <= vmc_stored[index].last)
			return vmc_stored[index].entry;
	return 0;
}

/* To store takes memory, to take out does not. */
void *vmc_store_range(unsigned long first, unsigned long last, void *entry)
{
	unsigned int index, kept = 0, is_hiding = 0;

	if (entry && vmc_is_faulty(0)) {
		vmc_event(VMC_ALLOCATION_FAILED, VMC_CALLER, 0, VMC_OWNER_BUDDY, 0, 0);
		return (void *)-12L; /* -ENOMEM */
	}
	for (index = 0; index < vmc_stored_count; index++) {
		if (first <= vmc_stored[index].first && vmc_stored[index].last <= last)
			continue;
		is_hiding |= vmc_stored[index].first <= last && first <= vmc_stored[index].last;
		vmc_stored[kept++] = vmc_stored[index];
	}
	vmc_stored_count = kept;
	if (vmc_stored_count == VMC_MOST_STORED)
		vmc_fail("more pgmaps than can be tracked");
	if (entry || is_hiding)
		vmc_stored[vmc_stored_count++] = (struct vmc_stored){ first, last, entry };
	return 0;
}

int vmc_ref_init(struct percpu_ref *ref, void (*release)(struct percpu_ref *))
{
	if (vmc_is_faulty(0)) {
		vmc_event(VMC_ALLOCATION_FAILED, VMC_CALLER, 0, VMC_OWNER_BUDDY, 0, 0);
		return -12; /* -ENOMEM */
	}
	ref->percpu_count_ptr = VMC_REF;
	ref->data = (void *)release;
	return 0;
}

void vmc_ref_put(struct percpu_ref *ref, unsigned long nr)
{
	ref->percpu_count_ptr -= VMC_REF * nr;
	if (nr && ref->percpu_count_ptr < VMC_REF)
		((void (*)(struct percpu_ref *))(void *)ref->data)(ref);
}

void vmc_ref_kill(struct percpu_ref *ref)
{
	if (ref->percpu_count_ptr & VMC_REF_DEAD)
		vmc_event(VMC_WARNED, VMC_CALLER, (unsigned long)"percpu_ref_kill() is called more than once", 0, 0, 0);
	ref->percpu_count_ptr |= VMC_REF_DEAD;
	vmc_ref_put(ref, 1);
}

#ifndef VMC_CLASSIC
_Static_assert(sizeof(struct pglist_data) <= sizeof(vmc_node), "the node has no room for its zones");
#endif

void vmc_read_struct_page(const struct page *page)
{
	if (vmc_in_hot((unsigned long)page) && vmc_translate((unsigned long)page) == ~0UL)
		vmc_fault((unsigned long)page, VMC_CALLER);
}

/* mm/memremap.c: free_devmap_managed_page(): the last user of a page of a device gives up a reference to its pgmap. */
static void vmc_put_device_page(const struct page *page, unsigned long at)
{
	/* One after the other: a page of memmap is looked for once. */
	if ((unsigned long)page % PAGE_SIZE < sizeof(*page) && vmc_in_hot((unsigned long)page) &&
	    vmc_translate((unsigned long)page) == ~0UL)
		vmc_fault((unsigned long)page, at);
	if (vmc_handled && vmc_handled->pgmap)
		vmc_ref_put(VMC_PGMAP_REF(vmc_handled->pgmap), 1);
}

/* mm/swap.c: __folio_put(): a page of the page allocator is freed; that no block is a compound page there. */
void vmc_put_last(struct page *page)
{
	if ((char *)page - VMC_RAM_STRUCTS < (long)(VMC_RAM_PAGES * VMC_STRUCT_PAGE_BYTES) && (char *)page >= VMC_RAM_STRUCTS)
		vmc_put_page(page, 0, VMC_CALLER);
	else
		vmc_put_device_page(page, VMC_CALLER);
}
