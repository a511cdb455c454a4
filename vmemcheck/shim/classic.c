// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Classic sparse memory: where the memmap of a section is, and the memory that it is made of.
 *
 * Reports speak of memmap as if it were in one range: the place of a struct page is its pfn times its size. What is
 * there is told from the kernel's own struct mem_section. No page table is read or written.
 */
static struct mem_section *vmc_section_of(unsigned long pfn)
{
	struct mem_section *section = 0;

	if (vmc_first_section <= pfn_to_section_nr(pfn) && pfn_to_section_nr(pfn) <= vmc_last_section)
		section = __nr_to_section(pfn_to_section_nr(pfn));
	return section && valid_section(section) ? section : 0;
}

VMC_SHARED struct page *vmc_struct_of(unsigned long pfn)
{
	if (vmc_ram_index(pfn) < VMC_RAM_PAGES)
		return (struct page *)VMC_RAM_STRUCTS + vmc_ram_index(pfn);
	return __section_mem_map_addr(__pfn_to_section(pfn)) + pfn;
}

VMC_SHARED unsigned long vmc_pfn_of(const struct page *page)
{
	unsigned long index = ((unsigned long)page - (unsigned long)VMC_RAM_STRUCTS) / sizeof(*page), pfn;

	if ((char *)page >= VMC_RAM_STRUCTS && index < VMC_RAM_PAGES)
		return VMC_RAM_PFN + index;
	for (pfn = section_nr_to_pfn(vmc_first_section); pfn_to_section_nr(pfn) <= vmc_last_section;
	     pfn += PAGES_PER_SECTION) {
		struct mem_section *section = vmc_section_of(pfn);
		unsigned long offset = section ? page - (__section_mem_map_addr(section) + pfn) : ~0UL;

		if (offset < PAGES_PER_SECTION)
			return pfn + offset;
	}
	return ~0UL;
}

/* The pfn that holds the struct page of this place, or -1 where its section has no memmap. */
static unsigned long vmc_translate(unsigned long address)
{
	unsigned long pfn = VMC_BASE_PFN + (address - VMC_HOT) / sizeof(struct page);
	unsigned long start = pfn & -PAGES_PER_SECTION;
	struct mem_section *section = vmc_section_of(pfn);

	if (!section)
		return ~0UL;
	return vmc_direct_pfn((unsigned long)(__section_mem_map_addr(section) + start) +
			      (address - (VMC_VMEMMAP + start * sizeof(struct page))));
}

static unsigned long vmc_translate_some(unsigned long address, unsigned long *pages)
{
	*pages = 1;
	return vmc_translate(address);
}

static void vmc_walk(void)
{
	unsigned long nr, place, end;

	vmc_walks++;
	vmc_mapping_count = vmc_mapped_count = vmc_table_count = 0;
	for (nr = vmc_first_section; nr != ~0UL && nr <= vmc_last_section; nr++) {
		if (!vmc_section_of(section_nr_to_pfn(nr)))
			continue;
		place = VMC_VMEMMAP + section_nr_to_pfn(nr) * sizeof(struct page);
		end = place + PAGES_PER_SECTION * sizeof(struct page);
		for (; place < end; place += PAGE_SIZE)
			if (vmc_translate(place) != ~0UL)
				vmc_add_mapping(place, PAGE_SIZE, vmc_translate(place));
	}
}

/* What vmalloc() made, of pages side by side: kvfree() must know it from a block. */
struct vmc_area {
	unsigned long pfn, pages;
};

#define VMC_MOST_AREAS 1024
static struct vmc_area vmc_areas[VMC_MOST_AREAS];
static unsigned int vmc_area_count;

static void *vmc_vmalloc(unsigned long size)
{
	unsigned long pages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT, pfn, page;

	if (vmc_area_count == VMC_MOST_AREAS) {
		vmc_give_up("more areas of pages than can be tracked");
		return 0;
	}
	for (page = 0; page < pages && !vmc_is_faulty(0); page++)
		;
	if (page < pages) {
		vmc_event(VMC_ALLOCATION_FAILED, VMC_CALLER, 0, VMC_OWNER_BUDDY, 0, 0);
		return 0;
	}
	pfn = vmc_fresh(0, pages, 1);
	if (!pfn)
		return 0;
	vmc_areas[vmc_area_count].pfn = pfn;
	vmc_areas[vmc_area_count++].pages = pages;
	for (page = pfn; page < pfn + pages; page++) {
		vmc_open_page(page, 0);
		vmc_event(VMC_ALLOCATED_BLOCK, VMC_CALLER, vmc_pfn_name(page), 0, VMC_OWNER_BUDDY, 0);
	}
	return vmc_address_of(pfn);
}

void *vmc_kvmalloc(unsigned long size)
{
	unsigned int order = 0;
	unsigned long pfn;

	while (PAGE_SIZE << order < size)
		order++;
	pfn = vmc_allocate(0, order, VMC_CALLER);
	return pfn ? vmc_address_of(pfn) : vmc_vmalloc(size);
}

void vmc_kvfree(const void *p)
{
	unsigned long pfn = vmc_direct_pfn((unsigned long)p), end;
	unsigned int index;

	for (index = 0; index < vmc_area_count; index++) {
		if (vmc_areas[index].pfn != pfn)
			continue;
		end = pfn + vmc_areas[index].pages;
		vmc_areas[index] = vmc_areas[--vmc_area_count];
		for (; pfn < end; pfn++)
			vmc_release(pfn, 0, VMC_OWNER_BUDDY, VMC_CALLER);
		return;
	}
	if (pfn != ~0UL)
		vmc_release(pfn, vmc_desc_of(pfn)->order, VMC_OWNER_BUDDY, VMC_CALLER);
}
