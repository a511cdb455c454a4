// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Accesses to memory: what stands in a page is kept as a few runs, not byte by byte.
 *
 * The vmemmap is reached through the simulated page tables, the direct map by number.
 */
struct vmc_run {
	unsigned int end;
	unsigned int content;
	unsigned long of;
};

/* A run is a word at least, or a piece of a struct page. */
#define VMC_MOST_RUNS (PAGE_SIZE / 8 + 100)
#define VMC_RUN_LISTS 8192
struct vmc_run_list {
	unsigned int count;
	struct vmc_run runs[VMC_MOST_RUNS];
};

VMC_KEEP static struct vmc_run_list *vmc_lists = 0;
VMC_KEEP static unsigned int vmc_list_count = 0;
VMC_KEEP static struct vmc_run vmc_scratch[VMC_MOST_RUNS + 4] = { { 0, 0, 0 } };

/* Two words of a table at once. */
typedef unsigned long vmc_pair __attribute__((vector_size(16), aligned(8), may_alias));

/* How many words from here on are zero: most of a table is empty. */
static VMC_UNSEEN unsigned long vmc_zeros(const unsigned long *words, unsigned long most)
{
	const unsigned long *at = words, *end = words + most;

	for (; at + 16 <= end; at += 16) {
		const vmc_pair *pair = (const vmc_pair *)at;
		vmc_pair any = pair[0] | pair[1] | pair[2] | pair[3] | pair[4] | pair[5] | pair[6] | pair[7];

		if (any[0] | any[1])
			break;
	}
	while (at < end && !*at)
		at++;
	return at - words;
}

static inline unsigned long vmc_advanced(unsigned int content, unsigned long of, unsigned long by)
{
	return content == VMC_LIVE ? of + by : of;
}

/* How many pages the kernel's code has been lent in this operation: see loans.c. */
VMC_KEEP static unsigned int vmc_loan_count = 0;

/* The first place in an operation where the kernel's code read what is VMC_LEFT_OVER, or 0. */
VMC_KEEP static unsigned long vmc_left_over_read = 0;

static void vmc_note_read(const struct vmc_desc *desc, unsigned int start, unsigned int end, unsigned long at)
{
	const struct vmc_run_list *list = &vmc_lists[desc->list];
	unsigned int index, from = 0;
	int left_over = desc->content != VMC_MIXED && desc->content != VMC_LIVE && desc->of == VMC_LEFT_OVER;

	for (index = 0; desc->content == VMC_MIXED && index < list->count; from = list->runs[index++].end)
		if (list->runs[index].content != VMC_LIVE && list->runs[index].of == VMC_LEFT_OVER &&
		    from < end && start < list->runs[index].end)
			left_over = 1;
	if (left_over && !vmc_left_over_read)
		vmc_left_over_read = at;
}

static unsigned int vmc_append(unsigned int count, unsigned int start, unsigned int end, unsigned int content,
			       unsigned long of)
{
	unsigned int before = count > 1 ? vmc_scratch[count - 2].end : 0;
	struct vmc_run *last = &vmc_scratch[count ? count - 1 : 0];

	if (start >= end)
		return count;
	if (count && last->content == content &&
	    last->of + (content == VMC_LIVE ? start - before : 0) == of) {
		last->end = end;
		return count;
	}
	if (count == VMC_MOST_RUNS)
		vmc_fail("a page is in more pieces than can be tracked");
	vmc_scratch[count] = (struct vmc_run){ end, content, of };
	return count + 1;
}

/* Let a page hold the first runs of vmc_scratch. */
static void vmc_keep_runs(struct vmc_desc *desc, unsigned int count)
{
	struct vmc_run_list *list;

	if (count == 1) {
		desc->content = vmc_scratch[0].content;
		desc->of = vmc_scratch[0].of;
		return;
	}
	if (desc->content != VMC_MIXED) {
		if (vmc_list_count == VMC_RUN_LISTS)
			vmc_fail("more pages are in pieces than can be tracked");
		desc->list = vmc_list_count++;
	}
	desc->content = VMC_MIXED;
	list = &vmc_lists[desc->list];
	list->count = count;
	__builtin_memcpy(list->runs, vmc_scratch, count * sizeof(*list->runs));
}

/* Write content over a part of a page, [start, end); of belongs to start. */
static void vmc_write_piece(struct vmc_desc *desc, unsigned int start, unsigned int end, unsigned int content,
			    unsigned long of)
{
	struct vmc_run single = { PAGE_SIZE, desc->content, desc->of }, *runs = &single;
	unsigned int count = 0, number = 1, index, at = 0;

	if (desc->content == VMC_MIXED) {
		runs = vmc_lists[desc->list].runs;
		number = vmc_lists[desc->list].count;
	}
	for (index = 0; index < number; at = runs[index++].end) {
		struct vmc_run *run = &runs[index];
		unsigned int stop = run->end < start ? run->end : start, from = at > end ? at : end;

		count = vmc_append(count, at, stop, run->content, run->of);
		if (at <= start && start < run->end)
			count = vmc_append(count, start, end, content, of);
		count = vmc_append(count, from, run->end, run->content,
				   vmc_advanced(run->content, run->of, from - at));
	}
	vmc_keep_runs(desc, count);
}

/* The same, for the whole page as well. */
static void vmc_write_page(struct vmc_desc *desc, unsigned int start, unsigned int end, unsigned int content,
			   unsigned long of)
{
	if (start == 0 && end == PAGE_SIZE) {
		vmc_changed |= desc->content != content || desc->of != of;
		desc->content = content;
		desc->of = of;
		return;
	}
	vmc_changed = 1;
	vmc_write_piece(desc, start, end, content, of);
}

/* The page gets another user: struct pages are live no longer, and entries of tables are bytes like others. */
static void vmc_let_go(struct vmc_desc *desc, unsigned long pfn)
{
	const unsigned long most = PAGE_SIZE / sizeof(long);
	const struct vmc_run_list *list;
	unsigned int index, at = 0, count = 0;

	if (desc->content == VMC_ENTRIES)
		desc->content = vmc_zeros(vmc_address_of(pfn), most) < most ? VMC_STALE : VMC_ZERO;
	if (desc->content == VMC_LIVE)
		desc->content = VMC_STALE;
	desc->of = VMC_LEFT_OVER;
	if (desc->content != VMC_MIXED)
		return;
	list = &vmc_lists[desc->list];
	for (index = 0; index < list->count; at = list->runs[index++].end) {
		unsigned int content = list->runs[index].content;

		if (content == VMC_LIVE || content == VMC_ENTRIES)
			content = VMC_STALE;
		count = vmc_append(count, at, list->runs[index].end, content, VMC_LEFT_OVER);
	}
	vmc_keep_runs(desc, count);
}

static unsigned long vmc_translate(unsigned long address);
static unsigned long vmc_translate_some(unsigned long address, unsigned long *pages);

static void vmc_fault(unsigned long address, unsigned long at) __attribute__((noreturn));
static void vmc_fault(unsigned long address, unsigned long at)
{
	vmc_event(VMC_FAULTED, at, vmc_address_name(address), 0, 0, 0);
	vmc_stop();
}

/* The pfn behind an address, or -1, and of how many pages from there on, at most, the descriptors lie side by side. */
static unsigned long vmc_pages_at(unsigned long address, unsigned long most, unsigned long *pages)
{
	unsigned long pfn;

	*pages = most;
	pfn = vmc_in_hot(address) ? vmc_translate_some(address, pages) : vmc_direct_pfn(address);
	if (!vmc_desc_of(pfn) || vmc_desc_of(pfn + *pages - 1) != vmc_desc_of(pfn) + *pages - 1)
		*pages = 1;
	return pfn;
}

/* Write content over whole pages from an address on, whose descriptors lie side by side; return where they end. */
static unsigned long vmc_write_pages(struct vmc_desc *desc, unsigned long address, unsigned long pages,
				     unsigned int content)
{
	unsigned long end = address + (pages << PAGE_SHIFT), of = content == VMC_LIVE ? address : 0;
	unsigned long step = content == VMC_LIVE ? PAGE_SIZE : 0;

	for (; address < end; address += PAGE_SIZE, of += step, desc++) {
		if (desc->content == content && desc->of == of)
			continue;
		desc->content = content;
		desc->of = of;
		vmc_changed = 1;
	}
	return end;
}

static void vmc_settle_loans(void);
static void vmc_fill_loans(unsigned long start, unsigned long end, int value);

/* Write content over vmemmap or direct-map addresses; for live struct pages, of goes with the address. */
static void vmc_write(unsigned long start, unsigned long end, unsigned int content, unsigned long at)
{
	unsigned long address, next, pages, whole;

	if (vmc_loan_count)
		vmc_settle_loans();
	for (address = start; address < end; address = next) {
		unsigned long pfn = vmc_pages_at(address, ((end - 1) >> PAGE_SHIFT) - (address >> PAGE_SHIFT) + 1, &pages);
		struct vmc_desc *desc = vmc_desc_of(pfn);

		if (pfn == ~0UL)
			vmc_fault(address, at);
		next = (address & PAGE_MASK) + PAGE_SIZE < end ? (address & PAGE_MASK) + PAGE_SIZE : end;
		whole = address & ~PAGE_MASK ? 0 : (end - address) >> PAGE_SHIFT;
		if (desc && whole)
			next = vmc_write_pages(desc, address, whole < pages ? whole : pages, content);
		else if (desc)
			vmc_write_page(desc, address & ~PAGE_MASK, ((next - 1) & ~PAGE_MASK) + 1, content,
				       content == VMC_LIVE ? address : 0);
	}
}

static void vmc_fill_runs(const struct vmc_run_list *list, unsigned char *memory)
{
	unsigned int index, at = 0;

	for (index = 0; index < list->count; at = list->runs[index++].end)
		__builtin_memset(memory + at, vmc_bytes[list->runs[index].content], list->runs[index].end - at);
}

/* Let the memory of a page say what its contents are. */
static void vmc_fill_memory(const struct vmc_desc *desc, unsigned long pfn)
{
	unsigned short *filling = &vmc_fillings[vmc_ram_index(pfn)];

	if (desc->content == VMC_MIXED) {
		*filling = 0;
		vmc_fill_runs(&vmc_lists[desc->list], vmc_address_of(pfn));
	} else {
		*filling = VMC_FILLED | vmc_bytes[desc->content];
		__builtin_memset(vmc_address_of(pfn), vmc_bytes[desc->content], PAGE_SIZE);
	}
}

static unsigned int vmc_content_of_byte(int value)
{
	switch (value & 0xff) {
	case 0:
		return VMC_ZERO;
	case 0xfd:
		return VMC_UNUSED;
	case 0xff:
		return VMC_POISON;
	default:
		return VMC_STALE;
	}
}

static inline void *vmc_fill(void *place, int value, unsigned long bytes, unsigned long at)
{
	unsigned long address = (unsigned long)place, pfn;

	if (vmc_in_hot(address)) {
		vmc_event(VMC_TOUCHED, at, vmc_address_name(address), vmc_address_name(address + bytes), 0, 0);
		vmc_write(address, address + bytes, vmc_content_of_byte(value), at);
		if (vmc_loan_count)
			vmc_fill_loans(address, address + bytes, value);
		return place;
	}
	pfn = vmc_direct_pfn(address);
	if (pfn == ~0UL || !(vmc_desc_of(pfn)->flags & VMC_ALLOCATED))
		return __builtin_memset(place, value, bytes);
	vmc_changed = 1;
	vmc_write(address, address + bytes, vmc_content_of_byte(value), at);
	if (bytes <= PAGE_SIZE && vmc_ram_index(pfn) < VMC_RAM_PAGES) {
		__builtin_memset(place, value, bytes);
		vmc_fillings[vmc_ram_index(pfn)] = bytes == PAGE_SIZE && !(address & ~PAGE_MASK) ?
						   VMC_FILLED | (value & 0xff) : 0;
	}
	return place;
}

void *vmc_memset(void *place, int value, unsigned long bytes)
{
	return vmc_fill(place, value, bytes, VMC_CALLER);
}

/* lib/string.c: memset64(): words of one byte, or what no class is for. */
void *vmc_memset64(void *place, unsigned long word, unsigned long words)
{
	unsigned long address = (unsigned long)place, index = vmc_ram_index(vmc_direct_pfn(address)), at;
	int is_byte = word == (word & 0xff) * 0x0101010101010101UL;

	vmc_fill(place, is_byte ? word & 0xff : VMC_GARBAGE, words * sizeof(long), VMC_CALLER);
	if (is_byte || vmc_in_hot(address))
		return place;
	if (index < VMC_RAM_PAGES)
		vmc_fillings[index] = 0;
	/* What an altmap gives has no memory behind it. */
	for (at = 0; at < words && (index < VMC_RAM_PAGES || vmc_direct_pfn(address) == ~0UL); at++)
		((unsigned long *)place)[at] = word;
	return place;
}

/* The first offset in [start, end) of a page that does not hold content, or end. */
static unsigned int vmc_scan_page(const struct vmc_desc *desc, unsigned int start, unsigned int end,
				  unsigned int content)
{
	const struct vmc_run_list *list = &vmc_lists[desc->list];
	unsigned int index, at = 0;

	if (desc->content != VMC_MIXED)
		return desc->content == content ? end : start;
	for (index = 0; index < list->count && at < end; at = list->runs[index++].end)
		if (list->runs[index].end > start && list->runs[index].content != content)
			return at > start ? at : start;
	return end;
}

void *vmc_memchr_inv(const void *place, int value, unsigned long bytes)
{
	unsigned long address = (unsigned long)place, end = address + bytes, next;
	unsigned int content = vmc_content_of_byte(value);
	int hot = vmc_in_hot(address);

	if (!hot && vmc_direct_pfn(address) == ~0UL) {
		for (; address < end; address++)
			if (*(const unsigned char *)address != (unsigned char)value)
				return (void *)address;
		return 0;
	}
	if (hot)
		vmc_event(VMC_TOUCHED, VMC_CALLER, vmc_address_name(address), vmc_address_name(end), 0, 0);
	if (vmc_loan_count)
		vmc_settle_loans();
	for (; address < end; address = next) {
		unsigned long pfn = hot ? vmc_translate(address) : vmc_direct_pfn(address);
		const struct vmc_desc *desc = vmc_desc_of(pfn);
		unsigned int start = address & ~PAGE_MASK, stop, found;

		next = (address & PAGE_MASK) + PAGE_SIZE;
		if (next > end)
			next = end;
		if (pfn == ~0UL)
			vmc_fault(address, VMC_CALLER);
		stop = start + (next - address);
		if (desc->flags & VMC_IS_TABLE && vmc_ram_index(pfn) < VMC_RAM_PAGES) {
			const unsigned char *byte = (const unsigned char *)vmc_address_of(pfn);

			for (found = start; found < stop && byte[found] == (unsigned char)value; found++)
				;
		} else {
			found = desc ? vmc_scan_page(desc, start, stop, content) : start;
			if (desc)
				vmc_note_read(desc, start, found + 1, VMC_CALLER);
		}
		if (found < stop)
			return (void *)(address + (found - start));
	}
	return 0;
}
