// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the table of sections says, where only another CPU would read it: pfn_valid() and the like take no lock.
 */

/* mm/sparse.c: section_deactivate(): "Mark the section invalid [...]. This prevents code from dereferencing ms->usage" */
static void vmc_usage_freed(const void *usage, unsigned long at)
{
	unsigned long nr;

	for (nr = vmc_first_section; nr <= vmc_last_section; nr++) {
		const struct mem_section *section = __nr_to_section(nr);

		if (section && section->usage == usage && valid_section(section))
			vmc_event(VMC_WARNED, at, (unsigned long)"a section is valid while its usage map is freed", 0, 0, 0);
	}
}

#ifndef VMC_CLASSIC
/* What walks over pfns asks of memory that is there. include/linux/mmzone.h: pfn_valid(), first_valid_pfn() */
static void vmc_report_section_of(unsigned long pfn)
{
	struct mem_section *section = __pfn_to_section(pfn);

	if (!section || !valid_section(section) || !pfn_section_valid(section, pfn))
		vmc_event(VMC_WARNED, 0, (unsigned long)"memory that is there is not valid", 0, 0, 0);
	else if (!present_section(section))
		vmc_event(VMC_WARNED, 0, (unsigned long)"a section with memory is not marked as present", 0, 0, 0);
	else if (__section_mem_map_addr(section) + pfn != pfn_to_page(pfn))
		vmc_event(VMC_WARNED, 0, (unsigned long)"the memmap of a section is said to be elsewhere", 0, 0, 0);
}
#endif

/*
 * At the end of an operation. include/linux/mmzone.h: present_section() is for sections that have memory: when the last
 * of it goes, section_deactivate() clears all that the section was marked with.
 */
static void vmc_report_sections(void)
{
#ifndef VMC_CLASSIC
	unsigned long nr, subsection;

	for (nr = vmc_first_section; nr <= vmc_last_section; nr++) {
		const struct mem_section *section = __nr_to_section(nr);

		if (!section || !section->section_mem_map)
			continue;
		for (subsection = 0; section->usage && subsection < SUBSECTIONS_PER_SECTION; subsection++)
			if (test_bit(subsection, section->usage->subsection_map))
				break;
		if (!section->usage || subsection == SUBSECTIONS_PER_SECTION)
			vmc_event(VMC_WARNED, 0, (unsigned long)"a section has no memory, and is marked as if it had", 0, 0, 0);
	}
	for (nr = 0; nr < vmc_live_count; nr++) {
		vmc_report_section_of(vmc_live[nr]->start);
		vmc_report_section_of(vmc_live[nr]->start + vmc_live[nr]->pages - 1);
	}
#endif
}

/* mm/mm_init.c: memmap_init_range() sets the migrate type of each pageblock, in bits behind the subsection map. */
static void vmc_set_pageblocks(unsigned long pfn, unsigned long pages)
{
	const unsigned long bytes = sizeof(struct mem_section_usage) + (SECTION_BLOCKFLAGS_BITS + 63) / 64 * 8;
	unsigned long nr, last = pfn_to_section_nr(pfn + pages - 1);

	for (nr = pfn_to_section_nr(pfn); nr <= last; nr++) {
		const struct mem_section *section = __nr_to_section(nr);
		unsigned long usage = section ? (unsigned long)section->usage : 0;

		if (usage & ~PAGE_MASK || vmc_direct_pfn(usage) == ~0UL)
			continue; /* one of several at once, from boot */
		if (vmc_desc_of(vmc_direct_pfn(usage))->of < bytes)
			vmc_event(VMC_WARNED, 0,
				  (unsigned long)"the pageblock flags of a section do not fit into its usage map", 0, 0, 0);
	}
}
