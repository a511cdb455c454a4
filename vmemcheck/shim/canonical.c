// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A number for the state between two operations that does not depend on which physical pages serve it.
 *
 * Pages of the machine's own memory are renamed in the order in which a walk in vmemmap order meets them; what an
 * altmap gives lies where its device lies, and keeps its number. Not in it: the bytes of pages (their class is), the
 * memory that is free (unless asked for), the order in which ranges arrived, and what vmemcheck.model knows of them.
 */
/* An exhaustive search has a program of its own: what only it asks for is a tenth of all that there is to compile. */
#ifndef VMC_EXPLORES
#define VMC_EXPLORES 0
#endif
struct vmc_name {
	unsigned int naming, number;
};

struct vmc_span {
	unsigned long start, bytes;
};

#define VMC_MOST_SPANS 256
#define VMC_UNNAMED (~0UL)
VMC_KEEP static struct vmc_name *vmc_names = 0;
VMC_KEEP static unsigned int vmc_namings = 0, vmc_name_count = 0;
/* Which bits of an entry hold a pfn, by level. */
VMC_KEEP static unsigned long vmc_pfn_bits[8] = { 0 };
/* The kernel's own variables, as vmemcheck/kernel/statics.py found them in the program. */
VMC_KEEP static struct vmc_span *vmc_statics = 0;
VMC_KEEP static unsigned int vmc_static_count = 0;

static inline unsigned long vmc_mix(unsigned long hash, unsigned long word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15UL;
	return hash ^ hash >> 29;
}

/* Four words in one: the products do not wait for each other, as those of vmc_mix() do. */
static inline unsigned long vmc_fold(unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return a * 0xc2b2ae3d27d4eb4fUL + b * 0x165667b19e3779f9UL + c * 0xff51afd7ed558ccdUL +
	       d * 0x9fb21c651e98df25UL;
}

static void vmc_canonical_start(void)
{
	int level, bit;

	vmc_names = vmc_reserve(0, VMC_RAM_PAGES * sizeof(*vmc_names));
	vmc_statics = vmc_reserve(0, VMC_MOST_SPANS * sizeof(*vmc_statics));
	for (level = 0; level < 8; level++)
		for (bit = 0; bit < 64; bit++)
			if (vmc_entry_pfn(1UL << bit, level))
				vmc_pfn_bits[level] |= 1UL << bit;
}

static unsigned long vmc_name_if_any(unsigned long pfn)
{
	unsigned long index = vmc_ram_index(pfn);

	if (index >= VMC_RAM_PAGES)
		return pfn | 1UL << 62;
	return vmc_names[index].naming == vmc_namings ? vmc_names[index].number : VMC_UNNAMED;
}

static unsigned long vmc_name_of(unsigned long pfn)
{
	if (vmc_name_if_any(pfn) == VMC_UNNAMED)
		vmc_names[vmc_ram_index(pfn)] = (struct vmc_name){ vmc_namings, vmc_name_count++ };
	return vmc_name_if_any(pfn);
}

/*
 * A word of kernel data: a pointer to the machine's memory, or to a struct page of it, becomes a name. So does one to
 * what the machine has reserved elsewhere, which is not at the same place in each process.
 */
static unsigned long vmc_renamed(unsigned long word)
{
	unsigned long ram = word - (unsigned long)VMC_RAM, page = word - (unsigned long)VMC_RAM_STRUCTS;

	if (ram < VMC_RAM_PAGES << PAGE_SHIFT)
		return vmc_mix(vmc_name_of(VMC_RAM_PFN + (ram >> PAGE_SHIFT)), ram & ~PAGE_MASK);
	if (page < VMC_RAM_PAGES * VMC_STRUCT_PAGE_BYTES)
		return vmc_mix(vmc_name_of(VMC_RAM_PFN + page / VMC_STRUCT_PAGE_BYTES), ~(page % VMC_STRUCT_PAGE_BYTES));
	return word == (unsigned long)mem_section ? VMC_UNNAMED : word;
}

static unsigned long vmc_words(unsigned long hash, const void *start, unsigned long bytes)
{
	for (; bytes >= sizeof(long); bytes -= sizeof(long), start = (const char *)start + sizeof(long))
		hash = vmc_mix(hash, vmc_renamed(*(const unsigned long *)start));
	for (; bytes; bytes--, start = (const char *)start + 1)
		hash = vmc_mix(hash, *(const unsigned char *)start);
	return hash;
}

/* What the ledger says of a page, and its struct page: flags, users, what the kernel noted there. */
static unsigned long vmc_page_words(unsigned long hash, unsigned long pfn)
{
	const struct vmc_desc *desc = vmc_desc_of(pfn);

	if (!desc)
		return vmc_mix(hash, pfn);
	hash = vmc_mix(hash, (unsigned long)desc->owner << 8 | vmc_in_tlbs[pfn - VMC_BASE_PFN] << 4 |
				     (desc->flags & ~VMC_LISTED));
	if (desc->flags & VMC_HEAD)
		hash = vmc_mix(hash, desc->order);
	if (desc->flags & VMC_IS_TABLE)
		hash = vmc_mix(hash, desc->of + desc->level);
	if (vmc_ram_index(pfn) < VMC_RAM_PAGES && desc->flags & VMC_ALLOCATED)
		hash = vmc_words(hash, pfn_to_page(pfn), VMC_STRUCT_PAGE_BYTES);
	return hash;
}

static unsigned long vmc_entry_words(unsigned long hash, const unsigned long *table, unsigned int entries, int level)
{
	unsigned int index;

	for (index = 0; index < entries; index++) {
		int kind = vmc_entry_kind(table[index], level);

		if (!table[index] || (kind == VMC_NONE && VMC_IS_EMPTY(table[index], level)))
			continue;
		hash = vmc_mix(hash, (unsigned long)index << 8 | kind);
		if (kind != VMC_TABLE)
			hash = vmc_mix(hash, table[index] & ~vmc_pfn_bits[level]);
		else
			hash = vmc_mix(hash, vmc_name_of(vmc_entry_pfn(table[index], level)));
	}
	return hash;
}

static unsigned long vmc_table_words(unsigned long hash)
{
	unsigned long index;

	hash = vmc_entry_words(hash, vmc_top(), PTRS_PER_PGD, vmc_levels - 1);
	if (vmc_other_top)
		hash = vmc_entry_words(hash, vmc_other_top, PTRS_PER_PGD, vmc_levels - 1);
	for (index = 0; index < vmc_table_count; index++) {
		const struct vmc_table *table = &vmc_tables[index];

		hash = vmc_mix(hash, vmc_fold(table->start, table->level, vmc_name_of(table->pfn), 1));
		hash = vmc_entry_words(hash, vmc_address_of(table->pfn), VMC_ENTRIES_PER_TABLE, table->level);
		hash = vmc_page_words(hash, table->pfn);
	}
	return hash;
}

static unsigned long vmc_mapping_words(unsigned long hash)
{
	unsigned long index, number, page;

	for (index = 0; index < vmc_mapping_count; index++)
		for (number = 0; number < vmc_mappings[index].count; number++) {
			const struct vmc_mapping *run = &vmc_mappings[index];
			unsigned long pfn = run->pfn + number * run->step;

			hash = vmc_mix(hash, vmc_fold(run->start + number * run->bytes, run->bytes, 2, 3));
			for (page = pfn; page < pfn + (run->bytes >> PAGE_SHIFT); page++)
				hash = vmc_page_words(vmc_mix(hash, vmc_name_of(page)), page);
		}
	return hash;
}

/*
 * The contents of all that is mapped. What nobody has written since it was handed out is one class, unless free memory
 * is told apart: which bytes stand there matters only to code that reads them, and vmc_note_read() sees that.
 */
static unsigned long vmc_content_word(unsigned long content, unsigned long of, unsigned long address, int with_free)
{
	if (content == VMC_LIVE)
		return vmc_fold(of - address, 1, 1, 9);
	return of == VMC_LEFT_OVER && !with_free ? VMC_MIXED : content;
}

static unsigned long vmc_content_words(unsigned long hash, int with_free)
{
	unsigned long index, page, run, last = ~0UL;

	for (index = 0; index < vmc_mapping_count; index++) {
		unsigned long each = vmc_mappings[index].bytes >> PAGE_SHIFT;

		for (page = 0; page < each * vmc_mappings[index].count; page++) {
			unsigned long start = vmc_mappings[index].start + (page << PAGE_SHIFT), at = 0;
			const struct vmc_desc *desc =
				vmc_desc_of(vmc_mappings[index].pfn + page / each * vmc_mappings[index].step + page % each);
			const struct vmc_run_list *list = desc ? &vmc_lists[desc->list] : 0;
			unsigned long runs = desc && desc->content == VMC_MIXED ? list->count : 1;

			for (run = 0; run < runs; run++) {
				int mixed = desc && desc->content == VMC_MIXED;
				unsigned long content = mixed ? list->runs[run].content : desc ? desc->content : VMC_STALE;
				unsigned long of = mixed ? list->runs[run].of : desc ? desc->of : 0;
				unsigned long word = vmc_content_word(content, of, start + at, with_free);

				if (word != last)
					hash = vmc_mix(hash, vmc_fold(start + at, word, 2, 4));
				last = word;
				at = mixed ? list->runs[run].end : 0;
			}
		}
	}
	return hash;
}

/* Blocks that nothing maps have no order of their own: a sum does not depend on it. */
static unsigned long vmc_block_words(unsigned long hash)
{
	unsigned long index, number, sum = 0;

	for (index = 0; index < vmc_block_count; index++)
		for (number = 0; number < vmc_blocks[index].count; number++) {
			const struct vmc_block *run = &vmc_blocks[index];
			unsigned long pfn = run->pfn + (number << run->order), name = vmc_name_if_any(pfn);
			unsigned long own = vmc_mix(name, vmc_fold(run->order, run->owner, run->was_table, 5));

			sum += name == VMC_UNNAMED ? vmc_page_words(own, pfn) : own;
		}
	return vmc_mix(hash, sum);
}

static unsigned long vmc_section_words(unsigned long hash)
{
	unsigned long nr, pfn;

	for (nr = vmc_first_section; nr != ~0UL && nr <= vmc_last_section; nr++) {
		const struct mem_section *section = __nr_to_section(nr);

		if (!section || !(section->section_mem_map || section->usage))
			continue;
		hash = vmc_mix(hash, vmc_fold(nr, section->section_mem_map, section->usage != 0, 6));
		for (pfn = section_nr_to_pfn(nr); pfn < section_nr_to_pfn(nr + 1); pfn += PAGES_PER_SUBSECTION)
			hash = vmc_mix(hash, vmc_is_present(pfn));
	}
	return hash;
}

static unsigned long vmc_altmap_words(unsigned long hash)
{
	unsigned long index, sum = 0;

	for (index = 0; index < vmc_altmap_count; index++) {
		const struct vmc_altmap *altmap = &vmc_altmaps[index];

		sum += vmc_mix(altmap->start, vmc_fold(altmap->reserve, altmap->free, altmap->align, altmap->alloc));
	}
	return vmc_mix(hash, sum);
}

/* Whether the ends of each device are still known to be its own: a request that overlaps them is refused by that. */
static unsigned long vmc_pgmap_words(unsigned long hash)
{
	unsigned int index;
	unsigned long sum = 0;

	for (index = 0; index < vmc_live_count; index++) {
		const struct vmc_live *live = vmc_live[index];

		if (live->pgmap)
			sum += vmc_mix(live->start, 2 * (vmc_load(live->start) == live->pgmap) +
							    (vmc_load(live->start + live->pages - 1) == live->pgmap));
	}
	return vmc_mix(hash, sum);
}

/* The memory blocks that a remove would meet. */
static unsigned long vmc_memory_block_words(unsigned long hash)
{
	unsigned int index;
	unsigned long sum = 0;

	for (index = 0; index < vmc_memory_block_count; index++) {
		const struct memory_block *mem = vmc_memory_blocks[index];

		sum += vmc_mix(mem->start_section_nr, 2 * mem->nr_vmemmap_pages + (mem->altmap != 0));
	}
	return vmc_mix(hash, sum);
}

/* What the next user of a page finds in it: see vmc_let_go(). */
static unsigned long vmc_found_content(const struct vmc_desc *desc, unsigned int content, unsigned long pfn)
{
	const unsigned long *words = vmc_address_of(pfn);
	unsigned int index;

	if (content != VMC_ENTRIES || desc->content != VMC_ENTRIES)
		return content == VMC_LIVE || content == VMC_ENTRIES ? VMC_STALE : content;
	for (index = 0; index < PAGE_SIZE / sizeof(*words) && !words[index]; index++)
		;
	return index < PAGE_SIZE / sizeof(*words) ? VMC_STALE : VMC_ZERO;
}

static unsigned long vmc_found_words(unsigned long hash, unsigned long pfn, int *is_stale)
{
	const struct vmc_desc *desc = vmc_desc_of(pfn);
	const struct vmc_run_list *list = &vmc_lists[desc->list];
	unsigned long run, last = ~0UL, at = 0;

	for (run = 0; run < (desc->content == VMC_MIXED ? list->count : 1); run++) {
		int mixed = desc->content == VMC_MIXED;
		unsigned long content = vmc_found_content(desc, mixed ? list->runs[run].content : desc->content, pfn);

		if (content != last)
			hash = vmc_mix(hash, at << 8 | content);
		*is_stale &= content == VMC_STALE;
		last = content;
		at = mixed ? list->runs[run].end : 0;
	}
	return hash;
}

/*
 * Free blocks in the order in which they will be handed out, and what is found in them. What is handed out for the
 * first time is stale: so a stale block, behind which there are only others of its kind, is as good as none.
 */
static unsigned long vmc_free_words(unsigned long hash)
{
	unsigned int order, index;
	unsigned long page, own, stack;
	int has_other = 0;

	for (order = VMC_ORDERS; order--;) {
		for (index = 0, stack = 0; index < vmc_free_counts[order]; index++) {
			int is_stale = 1;

			for (page = 0, own = order; page < 1UL << order; page++)
				own = vmc_found_words(own, vmc_free_heads[order][index] + page, &is_stale);
			has_other |= !is_stale;
			if (has_other)
				stack = vmc_mix(stack, own);
		}
		hash = vmc_mix(hash, stack);
	}
	/* What an altmap has got back lies where its device lies. */
	for (index = 0, stack = 0; index < vmc_altmap_block_count; index++)
		for (page = 0; page < 1UL << vmc_desc_of(vmc_altmap_blocks[index])->order; page++) {
			const struct vmc_desc *desc = vmc_desc_of(vmc_altmap_blocks[index] + page);
			int is_stale = 1;

			if (!desc || desc->flags & VMC_ALLOCATED || desc->sequence != vmc_sequence)
				continue;
			own = vmc_found_words(vmc_altmap_blocks[index] + page, vmc_altmap_blocks[index] + page, &is_stale);
			stack += is_stale ? 0 : own;
		}
	return vmc_mix(hash, stack);
}

/* Call vmc_walk(), vmc_read_contents() and vmc_list_blocks() before. */
static unsigned long vmc_canonical(int with_free)
{
	unsigned long hash = 0;
	unsigned int index;

	vmc_namings++;
	vmc_name_count = 0;
	hash = vmc_table_words(hash);
	hash = vmc_mapping_words(hash);
	hash = vmc_content_words(hash, with_free);
	hash = vmc_block_words(hash);
	hash = vmc_section_words(hash);
	hash = vmc_altmap_words(hash);
	hash = vmc_memory_block_words(hash);
	hash = vmc_pgmap_words(hash);
	for (index = 0; index < VMC_COUNTERS; index++)
		hash = vmc_mix(hash, vmc_counters[index]);
	for (index = 0; index < vmc_static_count; index++)
		hash = vmc_words(hash, (const void *)vmc_statics[index].start, vmc_statics[index].bytes);
	return with_free ? vmc_free_words(hash) : hash;
}
