// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state between two operations: a walk over everything that the simulated MMU can reach.
 *
 * Nothing here trusts the events: mappings and tables are read from the entries themselves.
 */
/* Entries side by side: count of them, each mapping bytes, of physical pages that are step apart. */
struct vmc_mapping {
	unsigned long start, bytes, pfn, count, step;
};

struct vmc_table {
	unsigned long level, start, bytes, pfn;
};

struct vmc_extent {
	unsigned long start, end, content, of;
};

/* Blocks side by side: count of them. */
struct vmc_block {
	unsigned long pfn, order, owner, was_table, count;
};

#define VMC_MOST_MAPPINGS (1UL << 20)
#define VMC_MOST_TABLES (1UL << 14)
VMC_KEEP static struct vmc_mapping *vmc_mappings = 0;
VMC_KEEP static struct vmc_table *vmc_tables = 0;
VMC_KEEP static struct vmc_extent *vmc_extents = 0;
VMC_KEEP static struct vmc_block *vmc_blocks = 0;
VMC_KEEP static unsigned long vmc_mapping_count = 0, vmc_table_count = 0, vmc_extent_count = 0, vmc_block_count = 0;

VMC_KEEP static unsigned long vmc_mapped_count = 0, vmc_listed_count = 0;
VMC_KEEP static unsigned int vmc_walks = 0;

static void vmc_see_boot_memory(unsigned long pfn, unsigned long bytes)
{
	struct vmc_desc *desc = vmc_desc_of(pfn);
	unsigned long page;

	for (page = 0; desc->owner == VMC_OWNER_BOOT && page < bytes >> PAGE_SHIFT; page++)
		desc[page].seen = vmc_walks;
}

/* An entry goes on where the last one ends, with a step that is the same; what shares a page stays together. */
static void vmc_add_mapping(unsigned long start, unsigned long bytes, unsigned long pfn)
{
	struct vmc_mapping *last = &vmc_mappings[vmc_mapping_count - 1];
	unsigned long at;

	if (vmc_mapped_count++ >= VMC_MOST_MAPPINGS)
		vmc_fail("more is mapped than can be reported");
	if (vmc_ram_index(pfn) - VMC_BOOT_START < vmc_next[2] - VMC_BOOT_START)
		vmc_see_boot_memory(pfn, bytes);
	if (vmc_mapping_count) {
		at = last->pfn + (last->count - 1) * last->step;
		if (last->step && pfn == at) {
			struct vmc_mapping shared = { last->start + (last->count - 1) * last->bytes, last->bytes, at, 1, 0 };

			if (--last->count == 1)
				last->step = 0;
			*++last = shared;
			vmc_mapping_count++;
		}
		if (last->bytes == bytes && last->start + last->count * bytes == start &&
		    (last->count == 1 || pfn == at + last->step)) {
			if (last->count++ == 1)
				last->step = pfn - at;
			return;
		}
	}
	last = &vmc_mappings[vmc_mapping_count++];
	last->start = start;
	last->bytes = bytes;
	last->pfn = pfn;
	last->count = 1;
	last->step = 0;
}

#ifndef VMC_CLASSIC
/* How many of the next entries of a last table go on as the last two that were found do: most are such. */
static inline VMC_UNSEEN unsigned long vmc_follow_run(const unsigned long *entry, unsigned long left)
{
	struct vmc_mapping *last = &vmc_mappings[vmc_mapping_count - 1];
	unsigned long pfn = last->pfn + last->count * last->step, boot = vmc_next[2] - VMC_BOOT_START, number;
	const unsigned long *next = entry, *end = entry + left;

	if (last->count < 2 || last->bytes != PAGE_SIZE)
		return 0;
	for (; next < end && vmc_entry_kind(*next, 0) == VMC_LEAF && vmc_entry_pfn(*next, 0) == pfn; next++) {
		if (vmc_ram_index(pfn) - VMC_BOOT_START < boot)
			break;
		pfn += last->step;
	}
	number = next - entry;
	last->count += number;
	vmc_mapped_count += number;
	return number;
}

static VMC_UNSEEN void vmc_walk_table(const unsigned long *table, int level, unsigned long start)
{
	unsigned long bytes = 1UL << vmc_shift(level), index;

	for (index = 0; index < VMC_ENTRIES_PER_TABLE; index++, start += bytes) {
		int kind;
		unsigned long *below;

		if (!table[index]) {
			unsigned long zeros = vmc_zeros(table + index + 1, VMC_ENTRIES_PER_TABLE - 1 - index);

			index += zeros;
			start += zeros * bytes;
			continue;
		}
		kind = vmc_entry_kind(table[index], level);
		if (kind == VMC_LEAF) {
			vmc_add_mapping(start, bytes, vmc_entry_pfn(table[index], level));
			if (level == 0) {
				unsigned long more = vmc_follow_run(table + index + 1, VMC_ENTRIES_PER_TABLE - 1 - index);

				index += more;
				start += more * bytes;
			}
			continue;
		}
		below = kind == VMC_TABLE ? vmc_table_at(table[index], level) : 0;
		if (!below || level == 0)
			continue;
		if (vmc_table_count == VMC_MOST_TABLES)
			vmc_fail("there are more page-table pages than can be reported");
		vmc_tables[vmc_table_count++] =
			(struct vmc_table){ level - 1, start, bytes, vmc_entry_pfn(table[index], level) };
		vmc_note_table(vmc_entry_pfn(table[index], level), level - 1, start);
		vmc_walk_table(below, level - 1, start);
	}
}

static VMC_UNSEEN void vmc_walk(void)
{
	int level = vmc_levels - 1;
	unsigned long *top = vmc_top(), count = (VMC_HOT_BYTES >> vmc_shift(level)) + 1, number;

	if (count > PTRS_PER_PGD)
		count = PTRS_PER_PGD;
	vmc_walks++;
	vmc_mapping_count = vmc_mapped_count = vmc_table_count = 0;
	for (number = 0; number < count; number++) {
		unsigned long index = (vmc_index(level, VMC_HOT) + number) & (PTRS_PER_PGD - 1);
		unsigned long *below, start = vmc_top_start(index);
		int kind = vmc_entry_kind(top[index], level);

		if (kind == VMC_LEAF)
			vmc_add_mapping(start, 1UL << vmc_shift(level), vmc_entry_pfn(top[index], level));
		below = kind == VMC_TABLE ? vmc_table_at(top[index], level) : 0;
		if (!below)
			continue;
		if (vmc_entry_pfn(top[index], level) - vmc_preallocated >= VMC_PREALLOCATED || !vmc_preallocated)
			vmc_tables[vmc_table_count++] = (struct vmc_table){ level - 1, start, 1UL << vmc_shift(level),
									     vmc_entry_pfn(top[index], level) };
		vmc_note_table(vmc_entry_pfn(top[index], level), level - 1, start);
		vmc_walk_table(below, level - 1, start);
	}
}
#else
static void vmc_walk(void);
#endif

static void vmc_add_extent(unsigned long start, unsigned long end, unsigned long content, unsigned long of)
{
	struct vmc_extent *last = &vmc_extents[vmc_extent_count - 1];

	if (vmc_extent_count && last->end == start && last->content == content &&
	    (content != VMC_LIVE || last->of + (start - last->start) == of)) {
		last->end = end;
		return;
	}
	if (vmc_extent_count == VMC_MOST_MAPPINGS)
		vmc_fail("there are more pieces of contents than can be reported");
	last = &vmc_extents[vmc_extent_count++];
	last->start = start;
	last->end = end;
	last->content = content;
	last->of = of;
}

static void vmc_read_page(const struct vmc_desc *desc, unsigned long start)
{
	const struct vmc_run_list *list;
	unsigned int index, at = 0;

	if (!desc || desc->content != VMC_MIXED) {
		vmc_add_extent(start, start + PAGE_SIZE, desc ? desc->content : VMC_STALE, desc ? desc->of : 0);
		return;
	}
	list = &vmc_lists[desc->list];
	for (index = 0; index < list->count; at = list->runs[index++].end)
		vmc_add_extent(start + at, start + list->runs[index].end, list->runs[index].content,
			       list->runs[index].of);
}

/* How many of the next pages, a step apart, hold what the first does, going on where it goes on. */
static unsigned long vmc_same_contents(const struct vmc_desc *desc, long step, unsigned long left)
{
	unsigned long of = desc->of, page;
	unsigned int content = desc->content;
	const struct vmc_desc *next = desc + step;

	step *= sizeof(*desc);
	if (content == VMC_MIXED)
		return 1;
	for (page = 1; page < left && next->content == content; page++) {
		if (content == VMC_LIVE && next->of != (of += PAGE_SIZE))
			break;
		next = (const void *)((const char *)next + step);
	}
	return page;
}

static void vmc_read_pages(unsigned long start, unsigned long pfn, long step, unsigned long pages)
{
	unsigned long page, same;
	const struct vmc_desc *first = vmc_desc_of(pfn), *last = vmc_desc_of(pfn + (pages - 1) * step);
	int adjacent = first && last && last - first == (long)(pages - 1) * step;

	for (page = 0; page < pages; page += same, start += same << PAGE_SHIFT) {
		const struct vmc_desc *desc = adjacent ? first + (long)page * step : vmc_desc_of(pfn + page * step);

		same = adjacent ? vmc_same_contents(desc, step, pages - page) : 1;
		if (same > 1)
			vmc_add_extent(start, start + (same << PAGE_SHIFT), desc->content, desc->of);
		else
			vmc_read_page(desc, start);
	}
}

static void vmc_read_leaves(const struct vmc_mapping *run)
{
	unsigned long pages = run->bytes >> PAGE_SHIFT, index;

	if (pages == 1 || run->step == pages) {
		vmc_read_pages(run->start, run->pfn, pages == 1 ? run->step : 1, pages * run->count);
		return;
	}
	for (index = 0; index < run->count; index++)
		vmc_read_pages(run->start + index * run->bytes, run->pfn + index * run->step, 1, pages);
}

static void vmc_read_contents(void)
{
	unsigned long index;

	vmc_extent_count = 0;
	for (index = 0; index < vmc_mapping_count; index++)
		vmc_read_leaves(&vmc_mappings[index]);
}

/* Whether any leaf entry leads into a block, as the last walk found them. */
static int vmc_is_mapped(unsigned long pfn, unsigned long order)
{
	const struct vmc_mapping *run, *end = vmc_mappings + vmc_mapping_count;
	unsigned long number, at, behind = pfn + (1UL << order);

	for (run = vmc_mappings; run < end; run++) {
		unsigned long pages = run->bytes >> PAGE_SHIFT, last = run->pfn + (run->count - 1) * run->step;
		int descends = (long)run->step < 0;

		if (behind <= (descends ? last : run->pfn) || pfn >= (descends ? run->pfn : last) + pages)
			continue;
		for (number = 0, at = run->pfn; number < run->count; number++, at += run->step)
			if (at < behind && pfn < at + pages)
				return 1;
	}
	return 0;
}

/*
 * Whether a block was a table until now, and a table that memblock gave was put once: free_pagetable() of x86 does that,
 * however many users register_page_bootmem_memmap() has counted.
 */
static inline int vmc_was_table(const struct vmc_desc *desc, unsigned long pfn, long owner)
{
	return desc->content == VMC_ENTRIES &&
	       (owner != VMC_OWNER_BOOT || pfn_to_page(pfn)->_refcount.counter + 1 == desc->count);
}

static void vmc_add_block(const struct vmc_desc *desc, unsigned long pfn, unsigned long order, long owner)
{
	struct vmc_block *last = &vmc_blocks[vmc_block_count - 1];
	int was_table = vmc_was_table(desc, pfn, owner);

	if (vmc_listed_count++ >= VMC_MOST_MAPPINGS)
		vmc_fail("more is allocated than can be reported");
	if (vmc_block_count && last->order == order && last->owner == (unsigned long)owner &&
	    last->was_table == was_table && pfn == last->pfn + (last->count << order)) {
		last->count++;
	} else {
		last = &vmc_blocks[vmc_block_count++];
		last->pfn = pfn;
		last->order = order;
		last->owner = owner;
		last->was_table = was_table;
		last->count = 1;
	}
}

/* Boot memory is kept page by page; mapped neighbours are reported as the largest aligned blocks that they make. */
static void vmc_add_boot_blocks(unsigned long pfn, unsigned long end)
{
	while (pfn < end) {
		unsigned long order = __builtin_ctzl(pfn);

		while (pfn + (1UL << order) > end)
			order--;
		vmc_add_block(vmc_desc_of(pfn), pfn, order, VMC_OWNER_BOOT);
		pfn += 1UL << order;
	}
}

/* An altmap says how many pages came back, not which: those that are mapped no longer. */
static void vmc_settle_altmaps(void);

/* What memblock gave, and what the page allocator made of it after it came back. */
static void vmc_list_boot_blocks(void)
{
	unsigned long pfn = VMC_RAM_PFN + VMC_BOOT_START, end = VMC_RAM_PFN + vmc_next[2], next, boot = 0;

	for (; pfn < end; pfn = next) {
		const struct vmc_desc *desc = vmc_desc_of(pfn);
		int head = desc->flags & VMC_HEAD, ours = head && desc->owner == VMC_OWNER_BOOT;
		int mapped = ours && desc->seen == vmc_walks;

		next = pfn + (head ? 1UL << desc->order : 1);
		if (mapped && !boot)
			boot = pfn;
		if (!mapped && boot) {
			vmc_add_boot_blocks(boot, pfn);
			boot = 0;
		}
		if (head && !mapped)
			vmc_add_block(desc, pfn, desc->order, desc->owner);
	}
	if (boot)
		vmc_add_boot_blocks(boot, end);
}

/* How many of the next pages are blocks like the one that was listed last, and no table: most are such. */
static unsigned long vmc_follow_pages(const struct vmc_desc *desc, unsigned long left)
{
	struct vmc_block *last = &vmc_blocks[vmc_block_count - 1];
	const struct vmc_desc *next = desc + 1, *end = next + left;
	unsigned long number;
	long owner = desc->owner;

	if (last->was_table || VMC_PREALLOCATED)
		return 0;
	for (; next < end && next->flags & VMC_HEAD && !next->order; next++)
		if (next->owner != owner || next->content == VMC_ENTRIES)
			break;
	number = next - desc - 1;
	last->count += number;
	vmc_listed_count += number;
	return number;
}

static void vmc_list_blocks(void)
{
	unsigned long pfn, end = VMC_RAM_PFN + vmc_next[0];
	unsigned int index;

	vmc_block_count = vmc_listed_count = 0;
	for (pfn = VMC_RAM_PFN; (pfn = vmc_next_head(pfn, end)) < end;) {
		const struct vmc_desc *desc = vmc_desc_of(pfn);

		if (pfn - vmc_preallocated >= VMC_PREALLOCATED) {
			vmc_add_block(desc, pfn, desc->order, desc->owner);
			pfn += desc->order ? 0 : vmc_follow_pages(desc, end - pfn - 1);
		}
		pfn += 1UL << desc->order;
	}
	vmc_list_boot_blocks();
	for (index = 0; index < vmc_altmap_block_count; index++) {
		const struct vmc_desc *desc = vmc_desc_of(vmc_altmap_blocks[index]);

		if (desc->flags & VMC_HEAD)
			vmc_add_block(desc, vmc_altmap_blocks[index], desc->order, desc->owner);
	}
}
