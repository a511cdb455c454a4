// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The operations, each through its door; and the ranges that live.
 *
 * VMC_ADD_PAGES() and the like are made for each tree from its own prototypes: see vmemcheck/kernel/doors.py.
 */
enum { VMC_BOOT = 1, VMC_ADD, VMC_REMOVE, VMC_INITIALISE, VMC_REFUSED_ADD, VMC_REFUSED_REMOVE, VMC_SKIPPED };
enum { VMC_MEMORY_DOOR, VMC_DEVICE_DOOR, VMC_BOOT_DOOR };

/* One operation of a request; pages are counted from VMC_BASE_PFN. has_altmap: 2 where it is put on the memory. */
struct vmc_operation {
	unsigned long kind, door, start, pages, has_altmap, reserve, free, shift, fault_kind, fault_value;
};

/* What a device range is a multiple of: check_pfn_span() */
#ifdef VMC_CLASSIC
#define VMC_UNIT_PAGES PAGES_PER_SECTION
#else
#define VMC_UNIT_PAGES PAGES_PER_SUBSECTION
#endif

struct vmc_live {
	unsigned long start, pages, door;
	struct vmem_altmap *altmap;
	struct dev_pagemap *pgmap;
	union {
		struct vmem_altmap value;
		unsigned long raw[16];
	} altmap_storage;
	union {
		struct dev_pagemap value;
		unsigned long raw[128];
	} pgmap_storage;
};

#define VMC_MOST_LIVE 1024
VMC_KEEP static struct vmc_live *vmc_slots = 0;
static struct vmc_live *vmc_live[VMC_MOST_LIVE];
static unsigned int vmc_live_count;
static int vmc_is_running;
VMC_KEEP static unsigned long vmc_first_section = ~0UL, vmc_last_section = 0;

/* What an operation acted on and returned. */
struct vmc_outcome {
	unsigned long applied, start, pages;
	long returned;
};

static void vmc_use_sections(unsigned long pfn, unsigned long pages)
{
	unsigned long first = pfn_to_section_nr(pfn), last = pfn_to_section_nr(pfn + pages - 1);

	if (first < vmc_first_section)
		vmc_first_section = first;
	if (last > vmc_last_section)
		vmc_last_section = last;
}

static int vmc_is_present(unsigned long pfn)
{
	struct mem_section *section = __nr_to_section(pfn_to_section_nr(pfn));

#ifdef VMC_CLASSIC
	return section && valid_section(section);
#else
	return section && valid_section(section) && section->usage &&
	       test_bit(subsection_map_index(pfn), section->usage->subsection_map);
#endif
}

static struct vmc_live *vmc_free_slot(void)
{
	unsigned int index, other;

	for (index = 0; index <= VMC_MOST_LIVE; index++) {
		for (other = 0; other < vmc_live_count && vmc_live[other] != &vmc_slots[index]; other++)
			;
		if (other == vmc_live_count)
			return &vmc_slots[index];
	}
	return vmc_slots;
}

static void vmc_prepare(struct vmc_live *live, const struct vmc_operation *operation)
{
	unsigned long start = VMC_BASE_PFN + operation->start;

	live->start = start;
	live->pages = operation->pages;
	live->door = operation->door;
	live->altmap = 0;
	live->pgmap = 0;
	if (operation->has_altmap) {
		struct vmem_altmap altmap = { .base_pfn = start, .end_pfn = start + operation->pages - 1,
					      .reserve = operation->reserve, .free = operation->free };

		__builtin_memcpy(&live->altmap_storage, &altmap, sizeof(altmap));
		live->altmap = &live->altmap_storage.value;
	}
	if (operation->door == VMC_DEVICE_DOOR) {
		__builtin_memset(&live->pgmap_storage, 0, sizeof(live->pgmap_storage));
		live->pgmap = &live->pgmap_storage.value;
		live->pgmap->type = operation->shift ? MEMORY_DEVICE_GENERIC : MEMORY_DEVICE_FS_DAX;
		VMC_SET_PGMAP_SHIFT(live->pgmap, operation->shift);
		live->pgmap->range.start = start << PAGE_SHIFT;
		live->pgmap->range.end = ((start + operation->pages) << PAGE_SHIFT) - 1;
	}
}

/* memmap_on_memory is possible where the memmap of a block fills whole PMD leaves: arch_supports_memmap_on_memory() */
static void vmc_choose_altmap(struct vmc_live *live, const struct vmc_operation *operation)
{
	unsigned long bytes = operation->pages * sizeof(struct page);

	if (operation->has_altmap == 2 &&
	    (operation->pages != VMC_BLOCK_PAGES || bytes % PMD_SIZE || operation->free >= operation->pages))
		live->altmap = 0;
}

static long vmc_add_range(struct vmc_live *live)
{
	struct mhp_params params = VMC_PARAMS(live->altmap, live->pgmap, PAGE_KERNEL);
	long error = 0;

	if (live->door == VMC_MEMORY_DOOR)
		error = VMC_CHECK_MEMORY_RANGE((unsigned long long)live->start << PAGE_SHIFT,
					       (unsigned long long)live->pages << PAGE_SHIFT);
	if (error)
		return error;
	return VMC_ADD_PAGES(0, live->start, live->pages, &params);
}

/*
 * kernel/resource.c: two ranges never overlap. Within one section it is left to the subsection map to say so, where
 * there is one.
 */
static int vmc_is_claimed(unsigned long start, unsigned long pages)
{
	unsigned long pfn;

	if (VMC_UNIT_PAGES < PAGES_PER_SECTION && pfn_to_section_nr(start) == pfn_to_section_nr(start + pages - 1))
		return 0;
	for (pfn = start; pfn < start + pages; pfn += PAGES_PER_SUBSECTION)
		if (vmc_is_present(pfn))
			return 1;
	return 0;
}

static void vmc_altmap_gone(const struct vmc_live *live)
{
	if (live->altmap) {
		vmc_settle_altmaps();
		vmc_event(VMC_ALTMAP_RELEASED, live->altmap->alloc, vmc_pfn_name(live->start), live->altmap->reserve,
			  live->altmap->free, live->altmap->align);
	}
}

static long vmc_add(const struct vmc_operation *operation)
{
	struct vmc_live *live = vmc_free_slot();
	long error;

	if (vmc_live_count == VMC_MOST_LIVE)
		vmc_fail("more ranges live than can be tracked");
	vmc_prepare(live, operation);
	vmc_choose_altmap(live, operation);
	vmc_use_sections(live->start, live->pages);
	if (vmc_is_claimed(live->start, live->pages))
		return -17; /* -EEXIST */
	/* Listed while it is added: its altmap counts from the start. */
	vmc_live[vmc_live_count++] = live;
	error = vmc_add_range(live);
	if (error) {
		vmc_altmap_gone(live);
		vmc_live_count--;
	}
	return error;
}

static long vmc_remove(unsigned int index)
{
	struct vmc_live *live = vmc_live[index];

	VMC_REMOVE_PAGES(live->start, live->pages, live->altmap, live->pgmap);
	vmc_altmap_gone(live);
	for (vmc_live_count--; index < vmc_live_count; index++)
		vmc_live[index] = vmc_live[index + 1];
	return 0;
}

static long vmc_refused_remove(const struct vmc_operation *operation)
{
	unsigned long start = VMC_BASE_PFN + operation->start;

	if (operation->door == VMC_MEMORY_DOOR &&
	    VMC_CHECK_MEMORY_RANGE((unsigned long long)start << PAGE_SHIFT,
				   (unsigned long long)operation->pages << PAGE_SHIFT))
		return -22; /* -EINVAL */
	vmc_use_sections(start, operation->pages);
	VMC_REMOVE_PAGES(start, operation->pages, NULL, NULL);
	return 0;
}

/* An early section, as sparse_init() makes it: its whole memmap, and the subsections that are memory. */
static long vmc_boot(const struct vmc_operation *operation)
{
	struct vmc_live *live = vmc_free_slot();
	unsigned long start = VMC_BASE_PFN + operation->start, section = pfn_to_section_nr(start);

	vmc_prepare(live, operation);
	live->pgmap = 0;
	vmc_use_sections(start, operation->pages);
	vmc_slab_is_available = 0;
	VMC_MEMORY_PRESENT(0, section_nr_to_pfn(section), section_nr_to_pfn(section + 1));
	VMC_SPARSE_INIT(0, section, section + 1, 1UL);
	VMC_SUBSECTION_MAP_INIT(start, operation->pages);
	VMC_REGISTER_BOOTMEM(section_nr_to_pfn(section));
	vmc_slab_is_available = 1;
	vmc_live[vmc_live_count++] = live;
	return 0;
}

static void vmc_initialise(const struct vmc_live *live)
{
	unsigned long start = VMC_VMEMMAP + live->start * sizeof(struct page);

	vmc_event(VMC_TOUCHED, VMC_CALLER, vmc_address_name(start),
		  vmc_address_name(start + live->pages * sizeof(struct page)), 0, 0);
	vmc_write(start, start + live->pages * sizeof(struct page), VMC_LIVE, VMC_CALLER);
}

static int vmc_boot_applies(const struct vmc_operation *operation)
{
	unsigned long section = pfn_to_section_nr(VMC_BASE_PFN + operation->start);
	struct mem_section *ms = __nr_to_section(section);

	return !vmc_is_running && vmc_live_count < VMC_MOST_LIVE && !(ms && ms->section_mem_map);
}

/* Whether a request is one that must be refused; others are no test of refusal and are skipped. */
static int vmc_refusal_applies(const struct vmc_operation *operation)
{
	unsigned long unit = operation->door == VMC_MEMORY_DOOR ? VMC_BLOCK_PAGES : VMC_UNIT_PAGES;
	unsigned long start = VMC_BASE_PFN + operation->start, end = start + operation->pages;
	unsigned int index, overlaps = 0;

	for (index = 0; index < vmc_live_count; index++)
		overlaps |= vmc_live[index]->start < end && start < vmc_live[index]->start + vmc_live[index]->pages;
	return start % unit || end % unit || overlaps == (operation->kind == VMC_REFUSED_ADD);
}

static int vmc_applies(const struct vmc_operation *operation)
{
	switch (operation->kind) {
	case VMC_BOOT:
		return vmc_boot_applies(operation);
	case VMC_REMOVE:
		return vmc_live_count && !(VMC_BOOT_STAYS && vmc_live[operation->start % vmc_live_count]->door == VMC_BOOT_DOOR);
	case VMC_INITIALISE:
		return vmc_live_count != 0;
	case VMC_REFUSED_ADD:
	case VMC_REFUSED_REMOVE:
		return vmc_refusal_applies(operation);
	default:
		return operation->kind != VMC_SKIPPED;
	}
}

static void vmc_perform(const struct vmc_operation *operation, struct vmc_outcome *outcome)
{
	unsigned int index = vmc_live_count ? operation->start % vmc_live_count : 0;
	int needs_victim = operation->kind == VMC_REMOVE || operation->kind == VMC_INITIALISE;

	vmc_fault_kind = operation->fault_kind;
	vmc_fault_value = operation->fault_value;
	vmc_allocations = 0;
	*outcome = (struct vmc_outcome){ 1, operation->start, operation->pages, 0 };
	if (!vmc_applies(operation)) {
		*outcome = (struct vmc_outcome){ 0, 0, 0, 0 };
		return;
	}
	if (operation->kind != VMC_BOOT)
		vmc_is_running = 1;
	if (needs_victim) {
		outcome->start = vmc_live[index]->start - VMC_BASE_PFN;
		outcome->pages = vmc_live[index]->pages;
	}
	switch (operation->kind) {
	case VMC_BOOT:
		outcome->returned = vmc_boot(operation);
		vmc_initialise(vmc_live[vmc_live_count - 1]);
		break;
	case VMC_ADD:
	case VMC_REFUSED_ADD:
		outcome->returned = vmc_add(operation);
		break;
	case VMC_REMOVE:
		outcome->returned = vmc_remove(index);
		break;
	case VMC_INITIALISE:
		vmc_initialise(vmc_live[index]);
		break;
	case VMC_REFUSED_REMOVE:
		outcome->returned = vmc_refused_remove(operation);
		break;
	}
	vmc_report_cached();
}

static void vmc_settle_altmaps(void)
{
	unsigned int index, live;
	long counted;

	for (live = 0; live < vmc_live_count; live++) {
		long owner = vmc_pfn_name(vmc_live[live]->start);

		if (!vmc_live[live]->altmap)
			continue;
		counted = vmc_live[live]->altmap->alloc;
		for (index = 0; index < vmc_altmap_block_count; index++) {
			struct vmc_desc *desc = vmc_desc_of(vmc_altmap_blocks[index]);

			if (desc->flags & VMC_HEAD && desc->owner == owner)
				counted -= 1L << desc->order;
		}
		if (counted < 0)
			vmc_walk();
		for (index = 0; counted < 0 && index < vmc_altmap_block_count; index++) {
			unsigned long pfn = vmc_altmap_blocks[index], page;
			struct vmc_desc *desc = vmc_desc_of(pfn);

			if (!(desc->flags & VMC_HEAD) || desc->owner != owner || vmc_is_mapped(pfn, desc->order) ||
			    counted + (1L << desc->order) > 0)
				continue;
			counted += 1L << desc->order;
			vmc_changed = 1;
			vmc_event(VMC_FREED, VMC_CALLER, vmc_pfn_name(pfn), desc->order, owner, 0);
			for (page = 0; page < 1UL << desc->order; page++)
				desc[page].flags &= VMC_LISTED | VMC_CACHED;
		}
	}
}
