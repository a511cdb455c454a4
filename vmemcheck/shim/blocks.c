// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * drivers/base/memory.c: the memory blocks that are there, as far as mm/memory_hotplug.c asks for them; and the
 * resources of what is added. All blocks are offline: nobody takes them online.
 */
#define VMC_MOST_BLOCKS 4096
VMC_KEEP static struct memory_block *vmc_memory_blocks[VMC_MOST_BLOCKS] = { 0 };
static unsigned int vmc_memory_block_count;

static unsigned int vmc_block_index(unsigned long section_nr)
{
	unsigned int index;

	for (index = 0; index < vmc_memory_block_count; index++)
		if (section_nr - vmc_memory_blocks[index]->start_section_nr < sections_per_block)
			break;
	return index;
}

struct memory_block *vmc_find_block(unsigned long section_nr)
{
	unsigned int index = vmc_block_index(section_nr);

	return index < vmc_memory_block_count ? vmc_memory_blocks[index] : 0;
}

static int vmc_create_block(unsigned long section_nr, struct vmem_altmap *altmap, unsigned long nr_vmemmap_pages)
{
	struct memory_block *mem;

	if (vmc_find_block(section_nr))
		return -17; /* -EEXIST */
	if (vmc_memory_block_count == VMC_MOST_BLOCKS)
		vmc_fail("more memory blocks than can be tracked");
	mem = vmc_object(sizeof(*mem));
	if (!mem)
		return -12; /* -ENOMEM */
	mem->start_section_nr = section_nr;
	mem->state = MEM_OFFLINE;
	mem->altmap = altmap;
	mem->nr_vmemmap_pages = nr_vmemmap_pages;
	vmc_memory_blocks[vmc_memory_block_count++] = mem;
	return 0;
}

static int vmc_remove_block(unsigned long section_nr)
{
	unsigned int index = vmc_block_index(section_nr);

	if (index == vmc_memory_block_count)
		return 0;
	vmc_memory_blocks[index] = vmc_memory_blocks[--vmc_memory_block_count];
	return 1;
}

int vmc_create_blocks(unsigned long start, unsigned long size, struct vmem_altmap *altmap,
		      unsigned long nr_vmemmap_pages)
{
	unsigned long nr = pfn_to_section_nr(start >> PAGE_SHIFT), end = pfn_to_section_nr((start + size) >> PAGE_SHIFT);
	int error = 0;

	for (; nr < end && !error; nr += sections_per_block)
		error = vmc_create_block(nr, altmap, nr_vmemmap_pages);
	if (!error)
		return 0;
	/* The one that failed is not there. */
	for (nr -= 2 * sections_per_block; nr + 1 > pfn_to_section_nr(start >> PAGE_SHIFT); nr -= sections_per_block)
		vmc_remove_block(nr);
	return error;
}

void vmc_remove_blocks(unsigned long start, unsigned long size)
{
	unsigned long nr = pfn_to_section_nr(start >> PAGE_SHIFT), end = pfn_to_section_nr((start + size) >> PAGE_SHIFT);

	for (; nr < end; nr += sections_per_block)
		if (!vmc_remove_block(nr))
			vmc_event(VMC_WARNED, VMC_CALLER, (unsigned long)"there is no such memory block", 0, 0, 0);
}

int vmc_walk_blocks(unsigned long start, unsigned long size, void *arg, int (*function)(struct memory_block *, void *))
{
	unsigned long nr = pfn_to_section_nr(start >> PAGE_SHIFT), end = pfn_to_section_nr((start + size) >> PAGE_SHIFT);
	int result = 0;

	for (; nr < end && !result; nr += sections_per_block)
		if (vmc_find_block(nr))
			result = function(vmc_find_block(nr), arg);
	return result;
}

/* What was copied for a memory block, and no memory block has, nobody can free any more. */
static void vmc_report_lost_copies(void)
{
	unsigned int index = 0, block;

	while (index < vmc_copy_count) {
		for (block = 0; block < vmc_memory_block_count; block++)
			if (vmc_memory_blocks[block]->altmap == vmc_copies[index].place)
				break;
		if (block < vmc_memory_block_count) {
			index++;
			continue;
		}
		vmc_event(VMC_WARNED, vmc_copies[index].at, (unsigned long)"the altmap of a memory block is never freed",
			  0, 0, 0);
		vmc_copies[index] = vmc_copies[--vmc_copy_count];
	}
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

/* The resources of memory blocks. at: who registered it. Only one of them is asked for its struct at a time. */
struct vmc_claim {
	unsigned long start, end, at;
};

#define VMC_MOST_CLAIMS 32
static struct vmc_claim vmc_claims[VMC_MOST_CLAIMS];
static unsigned int vmc_claim_count;
static struct resource vmc_resource;

static void vmc_claim(unsigned long start, unsigned long end, unsigned long at)
{
	if (vmc_claim_count == VMC_MOST_CLAIMS)
		vmc_give_up("more resources than can be tracked");
	vmc_claims[vmc_claim_count++] = (struct vmc_claim){ start, end, at };
}

struct resource *vmc_register_resource(unsigned long start, unsigned long size)
{
	if (vmc_is_claimed(start >> PAGE_SHIFT, size >> PAGE_SHIFT))
		return (struct resource *)-17L; /* ERR_PTR(-EEXIST) */
	vmc_claim(start, start + size, VMC_CALLER);
	vmc_resource.start = start;
	vmc_resource.end = start + size - 1;
	vmc_resource.name = "System RAM";
	return &vmc_resource;
}

/* What stays on either side stays claimed. */
void vmc_cut_resources(unsigned long start, unsigned long size)
{
	unsigned long end = start + size;
	unsigned int index = 0;

	while (index < vmc_claim_count) {
		struct vmc_claim claim = vmc_claims[index];

		if (claim.end <= start || end <= claim.start) {
			index++;
			continue;
		}
		vmc_claims[index] = vmc_claims[--vmc_claim_count];
		if (claim.start < start)
			vmc_claim(claim.start, start, claim.at);
		if (end < claim.end)
			vmc_claim(end, claim.end, claim.at);
	}
}

void vmc_release_resource(const struct resource *res)
{
	vmc_cut_resources(res->start, res->end + 1 - res->start);
}

static int vmc_is_added(unsigned long start, unsigned long end)
{
	unsigned int index;

	for (index = 0; index < vmc_live_count; index++)
		if (vmc_live[index]->start < end >> PAGE_SHIFT &&
		    start >> PAGE_SHIFT < vmc_live[index]->start + vmc_live[index]->pages)
			return 1;
	return 0;
}

/* At the end of an operation: of memory that is not there, a resource keeps it from being added again. */
static void vmc_report_resources(void)
{
	unsigned int index = 0;

	while (index < vmc_claim_count) {
		if (vmc_is_added(vmc_claims[index].start, vmc_claims[index].end)) {
			index++;
			continue;
		}
		vmc_event(VMC_WARNED, vmc_claims[index].at, (unsigned long)"the resource of memory that is not there stays",
			  0, 0, 0);
		vmc_claims[index] = vmc_claims[--vmc_claim_count];
	}
}
