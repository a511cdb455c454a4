// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory from boot, which memblock gives, and which comes back page by page.
 */
void *vmc_boot_alloc(unsigned long size)
{
	void *place = vmc_object(size);
	unsigned long pfn = vmc_direct_pfn((unsigned long)place), end = pfn + ((size + PAGE_SIZE - 1) >> PAGE_SHIFT);

	if (!place)
		return 0;
	for (; pfn < end; pfn++) {
		SetPageReserved(pfn_to_page(pfn));
		pfn_to_page(pfn)->_refcount.counter = 1;
	}
	return place;
}

void *vmc_boot_memmap(unsigned long size, unsigned long align)
{
	unsigned long pages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT, page;
	unsigned long step = 1, pfn;

	/* Classic sparse memory asks for an alignment to its size, whatever that is. */
	while (step << PAGE_SHIFT < align)
		step <<= 1;
	pfn = vmc_fresh(2, pages, step);
	if (!pfn)
		return 0;
	for (page = pfn; page < pfn + pages; page++) {
		vmc_mark_block(page, 0, VMC_OWNER_BOOT);
		SetPageReserved(pfn_to_page(page));
		pfn_to_page(page)->_refcount.counter = 1;
		if (pages == 1) {
			__builtin_memset(vmc_address_of(page), VMC_GARBAGE, PAGE_SIZE);
			vmc_fillings[vmc_ram_index(page)] = 0;
		}
		vmc_event(VMC_ALLOCATED_BLOCK, VMC_CALLER, vmc_pfn_name(page), 0, VMC_OWNER_BOOT, 0);
	}
	vmc_soil_leaves(pfn, pages);
	return vmc_address_of(pfn);
}

void vmc_boot_free(unsigned long where, unsigned long size)
{
	unsigned long pfn = where >= VMC_DIRECT_MAP ? (where - VMC_DIRECT_MAP) >> PAGE_SHIFT : where >> PAGE_SHIFT;
	unsigned long end = pfn + (size >> PAGE_SHIFT);

	/* mm/memory_hotplug.c: try_remove_memory() also lets memblock forget what was added, and memblock never gave. */
	if (pfn - VMC_BASE_PFN < VMC_HOT_PAGES)
		return;
	for (; pfn < end; pfn++)
		vmc_release(pfn, 0, VMC_OWNER_BOOT, VMC_CALLER);
}

void vmc_free_reserved_page(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	if (vmc_ram_index(pfn) < VMC_RAM_PAGES)
		ClearPageReserved(page);
	vmc_release(pfn, 0, VMC_OWNER_BOOT, VMC_CALLER);
}
