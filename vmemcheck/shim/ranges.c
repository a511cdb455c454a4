// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ranges that live, and their altmaps.
 *
 * An altmap may be on the kernel's stack while it is used, so what it counts is kept by the first page that it is for:
 * a device has one altmap, and so has each memory block.
 */
enum { VMC_BOOT = 1, VMC_ADD, VMC_REMOVE, VMC_INITIALISE, VMC_REFUSED_ADD, VMC_REFUSED_REMOVE, VMC_SKIPPED };
enum { VMC_MEMORY_DOOR, VMC_DEVICE_DOOR, VMC_BOOT_DOOR };

/*
 * One operation of a request; pages are counted from VMC_BASE_PFN. has_altmap: 2 where it is put on the memory,
 * 3 where there is none since the memory is private to its device.
 * second_pages: of the second range of a device, 0 where it has one range.
 */
struct vmc_operation {
	unsigned long kind, door, start, pages, has_altmap, reserve, free, shift, fault_kind, fault_value;
	unsigned long second_start, second_pages;
};

/* What a device range is a multiple of: check_pfn_span() */
#ifdef VMC_CLASSIC
#define VMC_UNIT_PAGES PAGES_PER_SECTION
#else
#define VMC_UNIT_PAGES PAGES_PER_SUBSECTION
#endif

/* The two ranges of a device have one pgmap, which is stored with the first. */
struct vmc_live {
	unsigned long start, pages, door;
	int wants_altmap;
	struct dev_pagemap *pgmap;
	union {
		struct dev_pagemap value;
		unsigned long raw[128];
	} pgmap_storage;
};

#define VMC_MOST_LIVE 1024
VMC_KEEP static struct vmc_live *vmc_slots = 0;
VMC_KEEP static struct vmc_live *vmc_live[VMC_MOST_LIVE] = { 0 };
static unsigned int vmc_live_count;

/* The range that is being added or removed. */
static const struct vmc_live *vmc_handled;

struct vmc_altmap {
	const struct vmc_live *live;
	unsigned long start, pages, reserve, free, align;
	long alloc;
};

#define VMC_MOST_ALTMAPS 1024
VMC_KEEP static struct vmc_altmap vmc_altmaps[VMC_MOST_ALTMAPS] = { { 0 } };
static unsigned int vmc_altmap_count;

VMC_KEEP static unsigned long vmc_first_section = ~0UL, vmc_last_section = 0;

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

static struct vmc_altmap *vmc_handled_altmap(unsigned long pfn)
{
	unsigned int index;

	for (index = 0; index < vmc_altmap_count; index++)
		if (vmc_altmaps[index].live == vmc_handled && pfn - vmc_altmaps[index].start < vmc_altmaps[index].pages)
			return &vmc_altmaps[index];
	return 0;
}

/* A function got this altmap for these pages, or used it. */
static void vmc_note_altmap(const struct vmem_altmap *altmap, unsigned long pfn)
{
	struct vmc_altmap *known = vmc_handled_altmap(pfn);
	int is_block = vmc_handled && vmc_handled->door == VMC_MEMORY_DOOR;

	if (!known && vmc_handled && pfn - vmc_handled->start < vmc_handled->pages) {
		if (vmc_altmap_count == VMC_MOST_ALTMAPS)
			vmc_fail("more altmaps than can be tracked");
		known = &vmc_altmaps[vmc_altmap_count++];
		vmc_altmaps_used = 1;
		known->live = vmc_handled;
		known->start = is_block ? pfn & -VMC_BLOCK_PAGES : vmc_handled->start;
		known->pages = is_block ? VMC_BLOCK_PAGES : vmc_handled->pages;
		known->reserve = altmap->reserve;
		known->free = altmap->free;
	}
	if (known) {
		vmc_altmaps_used |= known->alloc != (long)altmap->alloc;
		known->align = altmap->align;
		known->alloc = altmap->alloc;
	}
}

/* Let the altmaps of a range go, with what they count. */
static void vmc_altmaps_gone(const struct vmc_live *live)
{
	unsigned int index, kept = 0;

	vmc_settle_altmaps();
	for (index = 0; index < vmc_altmap_count; index++) {
		struct vmc_altmap *altmap = &vmc_altmaps[index];

		if (altmap->live == live)
			vmc_event(VMC_ALTMAP_RELEASED, altmap->alloc, vmc_pfn_name(altmap->start), altmap->reserve,
				  altmap->free, altmap->align);
		else
			vmc_altmaps[kept++] = *altmap;
	}
	vmc_altmap_count = kept;
}

/* An altmap says how many pages came back, not which: those that are mapped no longer. */
static void vmc_settle_altmaps(void)
{
	unsigned int index, number;
	long counted;

#ifndef VMC_CHECKED
	if (!vmc_altmaps_used)
		return;
#endif
	vmc_altmaps_used = 0;
	for (number = 0; number < vmc_altmap_count; number++) {
		long owner = vmc_pfn_name(vmc_altmaps[number].start);

		counted = vmc_altmaps[number].alloc;
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
				desc[page].flags &= VMC_LISTED;
		}
		/* What is still mapped may be mapped no longer after the next operation. */
		vmc_altmaps_used |= counted < 0;
	}
}
