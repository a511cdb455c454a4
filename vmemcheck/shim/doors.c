// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The operations, each through its door.
 *
 * VMC_ADD_MEMORY() and the like are made for each tree from its own prototypes: see vmemcheck/kernel/doors.py.
 */
static int vmc_is_running;
/* Its size is read by vmemcheck/kernel/statics.py. */
char vmc_max_folio_order[VMC_MAX_FOLIO_ORDER];

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

static void vmc_give_range(struct dev_pagemap *pgmap, unsigned long start, unsigned long pages)
{
	pgmap->ranges[pgmap->nr_range].start = start << PAGE_SHIFT;
	pgmap->ranges[pgmap->nr_range++].end = ((start + pages) << PAGE_SHIFT) - 1;
}

#ifdef VMC_CLASSIC
#define vmc_make_private(pgmap) ((void)(pgmap))
#else
/* What the driver of private memory must have. Nobody calls it here. */
static void vmc_make_private(struct dev_pagemap *pgmap)
{
	static struct dev_pagemap_ops operations;

	operations.migrate_to_ram = (void *)1;
	operations.VMC_PAGE_FREE = (void *)1;
	pgmap->type = MEMORY_DEVICE_PRIVATE;
	pgmap->ops = &operations;
	pgmap->owner = &operations;
}
#endif

static void vmc_prepare(struct vmc_live *live, const struct vmc_operation *operation)
{
	unsigned long start = VMC_BASE_PFN + operation->start;

	live->start = start;
	live->pages = operation->pages;
	live->door = operation->door;
	live->wants_altmap = operation->has_altmap != 0;
	live->pgmap = 0;
	if (operation->door == VMC_DEVICE_DOOR) {
		struct vmem_altmap altmap = { .base_pfn = start, .end_pfn = start + operation->pages - 1,
					      .reserve = operation->reserve, .free = operation->free };

		__builtin_memset(&live->pgmap_storage, 0, sizeof(live->pgmap_storage));
		live->pgmap = &live->pgmap_storage.value;
		if (operation->has_altmap == 1) {
			__builtin_memcpy(&live->pgmap->altmap, &altmap, sizeof(altmap));
			live->pgmap->flags = PGMAP_ALTMAP_VALID;
		}
		live->pgmap->type = operation->shift ? MEMORY_DEVICE_GENERIC : MEMORY_DEVICE_FS_DAX;
		if (operation->has_altmap == 3)
			vmc_make_private(live->pgmap);
		VMC_SET_PGMAP_SHIFT(live->pgmap, operation->shift);
		vmc_give_range(live->pgmap, start, operation->pages);
	}
}

/* The second range of a device. */
static struct vmc_live *vmc_prepare_second(const struct vmc_live *first, const struct vmc_operation *operation)
{
	struct vmc_live *second = vmc_free_slot();

	second->start = VMC_BASE_PFN + operation->second_start;
	second->pages = operation->second_pages;
	second->door = first->door;
	second->wants_altmap = 0;
	second->pgmap = first->pgmap;
	vmc_give_range(second->pgmap, second->start, second->pages);
	return second;
}

/* A caller asks first where the tree lets it: drivers/acpi/acpi_memhotplug.c: acpi_memory_enable_device() */
static long vmc_add_blocks(const struct vmc_live *live)
{
	unsigned long start = live->start << PAGE_SHIFT, bytes = live->pages << PAGE_SHIFT;
	int on_memory = live->wants_altmap && VMC_SUPPORTS_MEMMAP_ON_MEMORY(bytes);

	return VMC_ADD_MEMORY(0, start, bytes, on_memory ? VMC_ON_MEMORY : 0);
}

static long vmc_add_device(struct vmc_live *live, const struct vmc_live *second)
{
	long returned;

	/* drivers/dax/device.c: devm_request_mem_region() for each range */
	if (vmc_is_claimed(live->start, live->pages) || (second && vmc_is_claimed(second->start, second->pages)))
		return -16; /* -EBUSY */
#ifdef VMC_CLASSIC
	/* There is no device memory: only what must be refused is asked, of the architecture, which takes whole sections. */
	struct mhp_params params = VMC_PARAMS(0, live->pgmap, PAGE_KERNEL);

	returned = VMC_ARCH_ADD(live->start << PAGE_SHIFT, live->pages << PAGE_SHIFT, &params);
#else
	/* What is so aligned "can freely switch modes", so memremap_pages() must take it. */
	if (VMC_COMPAT_ALIGN() % (VMC_UNIT_PAGES << PAGE_SHIFT))
		vmc_event(VMC_WARNED, VMC_COMPAT_ALIGN_AT,
			  (unsigned long)"this alignment is no multiple of a subsection, which a device range must be", 0, 0, 0);
	returned = (long)VMC_MEMREMAP(live->pgmap);
#endif
	return returned < 0 ? returned : 0;
}

static long vmc_add(const struct vmc_operation *operation)
{
	struct vmc_live *live = vmc_free_slot(), *second = 0;
	unsigned int lived = vmc_live_count;
	long error;

	if (vmc_live_count + 2 > VMC_MOST_LIVE)
		vmc_fail("more ranges live than can be tracked");
	vmc_prepare(live, operation);
	vmc_use_sections(live->start, live->pages);
	vmc_live[vmc_live_count++] = live;
	if (operation->second_pages) {
		second = vmc_prepare_second(live, operation);
		vmc_use_sections(second->start, second->pages);
		vmc_live[vmc_live_count++] = second;
	}
	vmc_handled = live;
	error = live->door == VMC_MEMORY_DOOR ? vmc_add_blocks(live) : vmc_add_device(live, second);
	if (error) {
		vmc_altmaps_gone(live);
		vmc_live_count = lived;
	}
	return error;
}

/* Boot memory need not be whole memory blocks. */
static int vmc_is_blocks(const struct vmc_live *live)
{
	return live->door != VMC_DEVICE_DOOR && !((live->start | live->pages) % VMC_BLOCK_PAGES);
}

/* Take a range out, and with it the other one of its device. */
static void vmc_forget(const struct vmc_live *live)
{
	unsigned int index, kept = 0;

	for (index = 0; index < vmc_live_count; index++)
		if (vmc_live[index] != live && !(live->pgmap && vmc_live[index]->pgmap == live->pgmap))
			vmc_live[kept++] = vmc_live[index];
	vmc_live_count = kept;
}

static long vmc_remove(unsigned int index)
{
	struct vmc_live *live = vmc_live[index];
	unsigned long start = live->start << PAGE_SHIFT, bytes = live->pages << PAGE_SHIFT;
	long error = 0;

	vmc_handled = live;
	if (vmc_is_blocks(live))
		error = VMC_REMOVE_MEMORY(start, bytes);
#ifndef VMC_CLASSIC
	else if (live->pgmap)
		VMC_MEMUNMAP(live->pgmap);
#endif
	else
		VMC_ARCH_REMOVE(start, bytes, NULL, NULL);
	if (error)
		return error;
	vmc_altmaps_gone(live);
	vmc_forget(live);
	return 0;
}

static long vmc_refused_remove(const struct vmc_operation *operation)
{
	unsigned long pfn = VMC_BASE_PFN + operation->start, start = pfn << PAGE_SHIFT;
	unsigned long bytes = operation->pages << PAGE_SHIFT;
	long error = 0;

	vmc_use_sections(pfn, operation->pages);
	/* try_remove_memory() would stop at a BUG: not even to be asked is how the kernel refuses this. */
	if (operation->door == VMC_MEMORY_DOOR)
		error = VMC_CHECK_MEMORY_RANGE(start, bytes) ?: VMC_REMOVE_MEMORY(start, bytes);
	else
		VMC_ARCH_REMOVE(start, bytes, NULL, NULL);
	return error;
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
	if (vmc_is_blocks(live))
		vmc_create_blocks(start << PAGE_SHIFT, operation->pages << PAGE_SHIFT, NULL, 0);
	vmc_live[vmc_live_count++] = live;
	return 0;
}

static void vmc_initialise(const struct vmc_live *live)
{
	unsigned long start = VMC_VMEMMAP + live->start * sizeof(struct page);

	vmc_event(VMC_TOUCHED, VMC_CALLER, vmc_address_name(start),
		  vmc_address_name(start + live->pages * sizeof(struct page)), 0, 0);
	vmc_write(start, start + live->pages * sizeof(struct page), VMC_LIVE, VMC_CALLER);
	vmc_set_pageblocks(live->start, live->pages);
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
	vmc_handled = 0;
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
	vmc_report_held();
	vmc_report_sections();
	vmc_report_lost_copies();
	vmc_report_resources();
	vmc_report_cached();
}
