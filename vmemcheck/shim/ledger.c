// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ledger: which physical block is whose, the page allocator, and what altmaps give.
 *
 * Freed blocks are handed out again last in first out. They may be split; only pages from boot, which come back one
 * by one, are merged. Nothing is zeroed: each page holds what its last user left there; what is handed out for the
 * first time is stale.
 */
#define VMC_GARBAGE 0xa7 /* an entry of this would be present, large and wrong */

VMC_KEEP static unsigned long vmc_next[3] = { 0, 0, 0 };
#define VMC_MOST_FREE 4096
VMC_KEEP static unsigned long (*vmc_free_heads)[VMC_MOST_FREE] = 0;
static unsigned int vmc_free_counts[VMC_ORDERS];
/* A bit for each order of which blocks are free. */
static unsigned int vmc_free_orders;
static int vmc_fault_kind;
static unsigned long vmc_fault_value, vmc_allocations;
VMC_KEEP static unsigned int vmc_sequence = 0;

#define VMC_MOST_ALTMAP_BLOCKS 65536
VMC_KEEP static unsigned long *vmc_altmap_blocks = 0;
VMC_KEEP static unsigned int vmc_altmap_block_count = 0;
/* An altmap has given or got back pages, or one of its blocks was freed, since they were settled last. */
VMC_KEEP static int vmc_altmaps_used = 0;

static void vmc_ledger_reset(void)
{
	const unsigned long first[3] = { 0, VMC_SLAB_START, VMC_BOOT_START };
	int area;

	vmc_sequence++;
	for (area = 0; area < 3; area++) {
		unsigned long used = vmc_next[area] > first[area] ? vmc_next[area] - first[area] : 0;

		__builtin_memset(&vmc_ram[first[area]], 0, used * sizeof(*vmc_ram));
		__builtin_memset(&vmc_heads[first[area] / 64], 0, (used + 63) / 64 * sizeof(long));
		__builtin_memset(VMC_RAM_STRUCTS + first[area] * VMC_STRUCT_PAGE_BYTES, 0,
				 used * VMC_STRUCT_PAGE_BYTES);
		__asan_unpoison_memory_region(VMC_RAM + (first[area] << PAGE_SHIFT), used << PAGE_SHIFT);
		vmc_next[area] = first[area];
	}
	while (vmc_altmap_block_count)
		__builtin_memset(&vmc_hot[vmc_altmap_blocks[--vmc_altmap_block_count] - VMC_BASE_PFN], 0,
				 sizeof(*vmc_hot));
}

static inline int vmc_is_faulty(unsigned int order)
{
	vmc_allocations++;
	if (!vmc_fault_kind)
		return 0;
	if (vmc_fault_kind == 1)
		return vmc_allocations == vmc_fault_value;
	if (vmc_fault_kind == 3)
		return vmc_allocations >= vmc_fault_value;
	return vmc_fault_kind == 2 && order >= vmc_fault_value;
}

static void vmc_let_go(struct vmc_desc *desc, unsigned long pfn);
static void vmc_fill_memory(const struct vmc_desc *desc, unsigned long pfn);

/* One byte of each content, as memory has it. */
static const unsigned char vmc_bytes[] = { VMC_GARBAGE, 0, 0xff, 0xfd, VMC_GARBAGE, VMC_GARBAGE, VMC_GARBAGE };

/* Whether the memory of a page says already what its contents are. */
static inline int vmc_is_filled(const struct vmc_desc *desc, unsigned long index)
{
	return desc->content != VMC_MIXED && vmc_fillings[index] - VMC_FILLED == vmc_bytes[desc->content];
}

/* Where VMC_HEAD is taken from a page, and from all of a block. */
static inline void vmc_clear_head(unsigned long pfn)
{
	if (vmc_ram_index(pfn) < VMC_RAM_PAGES)
		vmc_heads[vmc_ram_index(pfn) / 64] &= ~(1UL << vmc_ram_index(pfn) % 64);
}

static void vmc_clear_heads(unsigned long pfn, unsigned int order)
{
	unsigned long first = vmc_ram_index(pfn), last = first + (1UL << order) - 1, word;

	if (last >= VMC_RAM_PAGES || first > last)
		return;
	for (word = first / 64; word <= last / 64; word++)
		vmc_heads[word] &= ~((word == first / 64 ? ~0UL << first % 64 : ~0UL) &
				     (word == last / 64 ? ~0UL >> (63 - last % 64) : ~0UL));
}

/* The page of the first block at or behind a page that is handed out and begins before end; else end. */
static unsigned long vmc_next_head(unsigned long pfn, unsigned long end)
{
	unsigned long index = vmc_ram_index(pfn), word = index / 64, bits;

	if (pfn >= end)
		return end;
	for (bits = vmc_heads[word] & ~0UL << index % 64; !bits; bits = vmc_heads[word])
		if (++word * 64 >= vmc_ram_index(end))
			return end;
	index = word * 64 + __builtin_ctzl(bits);
	return index < vmc_ram_index(end) ? VMC_RAM_PFN + index : end;
}

static inline void vmc_mark_page(struct vmc_desc *desc, unsigned long pfn, long owner, unsigned int flags)
{
	desc->flags = (desc->flags & VMC_LISTED) | VMC_ALLOCATED | flags;
	desc->owner = owner;
	desc->of = VMC_LEFT_OVER;
	if (desc->sequence != vmc_sequence) {
		desc->content = VMC_STALE;
		desc->sequence = vmc_sequence;
	} else if (desc->content >= VMC_ENTRIES) {
		vmc_let_go(desc, pfn);
	}
}

static void vmc_mark_block(unsigned long pfn, unsigned int order, long owner)
{
	struct vmc_desc *desc = vmc_desc_of(pfn);
	unsigned long page;

	vmc_changed = 1;
	if (!desc || (order && !vmc_desc_of(pfn + (1UL << order) - 1)))
		vmc_fail("a block outside of the simulated memory was handed out");
	if (order)
		vmc_clear_heads(pfn, order);
	vmc_mark_page(desc, pfn, owner, VMC_HEAD);
	for (page = 1; page < 1UL << order; page++)
		vmc_mark_page(desc + page, pfn + page, owner, 0);
	desc->order = order;
	if (vmc_ram_index(pfn) < VMC_RAM_PAGES)
		vmc_heads[vmc_ram_index(pfn) / 64] |= 1UL << vmc_ram_index(pfn) % 64;
}

static void vmc_add_free(unsigned long pfn, unsigned int order)
{
	if (vmc_free_counts[order] == VMC_MOST_FREE)
		return;
	vmc_free_heads[order][vmc_free_counts[order]++] = pfn;
	vmc_free_orders |= 1U << order;
}

/* The last block freed of an order is free no longer. */
static inline void vmc_not_free(unsigned int order)
{
	if (!--vmc_free_counts[order])
		vmc_free_orders &= ~(1U << order);
}

/* The first part of a block; the others stay free. */
static unsigned long vmc_split(unsigned long pfn, unsigned int from, unsigned int order)
{
	while (from > order)
		vmc_add_free(pfn + (1UL << --from), from);
	return pfn;
}

/* The last block freed that is large enough. */
static inline unsigned long vmc_recycled(unsigned int order)
{
	unsigned int from, orders = vmc_free_orders & -(1U << order);
	unsigned long pfn;

	if (!orders)
		return 0;
	from = __builtin_ctz(orders);
	pfn = vmc_free_heads[from][vmc_free_counts[from] - 1];
	vmc_not_free(from);
	return from == order ? pfn : vmc_split(pfn, from, order);
}

static unsigned long vmc_fresh(int area, unsigned long pages, unsigned long align)
{
	static const unsigned long ends[3] = { VMC_SLAB_START, VMC_BOOT_START, VMC_RAM_PAGES };
	unsigned long start = (vmc_next[area] + align - 1) & -align;

	if (pages > ends[area] || start + pages > ends[area]) {
		vmc_give_up("the simulated memory is used up");
		return 0;
	}
	vmc_next[area] = start + pages;
	return VMC_RAM_PFN + start;
}

/*
 * Code that takes a PMD leaf for a table reads its first page as memory. What stands there must not depend on the
 * sequences before. As in the memory of a running kernel, and in struct pages, some words are zero and others are not:
 * here every other one. There is no memory behind an altmap.
 */
static void vmc_soil_leaves(unsigned long pfn, unsigned long pages)
{
	unsigned long leaf = (pfn + PTRS_PER_PTE - 1) & -(unsigned long)PTRS_PER_PTE;
	unsigned long word;

	for (; leaf + PTRS_PER_PTE <= pfn + pages; leaf += PTRS_PER_PTE) {
		unsigned long *words = vmc_address_of(leaf);

		if (vmc_fillings[vmc_ram_index(leaf)] == VMC_SOILED)
			continue;
		vmc_fillings[vmc_ram_index(leaf)] = VMC_SOILED;
		__builtin_memset(words, VMC_GARBAGE, PAGE_SIZE);
		for (word = 0; word < PAGE_SIZE / sizeof(*words); word += 2)
			words[word] = 0;
	}
}

static inline void vmc_open_memory(unsigned long pfn, unsigned int order)
{
	struct page *page = pfn_to_page(pfn);

	__asan_unpoison_memory_region(vmc_address_of(pfn), PAGE_SIZE << order);
	__builtin_memset(page, 0, sizeof(*page));
	page->_refcount.counter = 1;
}

/* Only single pages become tables and are read as memory. What they held as tables still stands there. */
static inline void vmc_open_page(unsigned long pfn, unsigned int flags)
{
	unsigned long index = vmc_ram_index(pfn);
	struct vmc_desc *desc = &vmc_ram[index];
	int was_table = desc->content == VMC_ENTRIES;

	vmc_changed = 1;
	vmc_open_memory(pfn, 0);
	vmc_mark_page(desc, pfn, VMC_OWNER_BUDDY, VMC_HEAD);
	desc->order = 0;
	vmc_heads[index / 64] |= 1UL << index % 64;
	if (flags & __GFP_ZERO)
		vmc_memset(vmc_address_of(pfn), 0, PAGE_SIZE);
	else if (!was_table && !vmc_is_filled(desc, index))
		vmc_fill_memory(desc, pfn);
}

static void vmc_open_block(unsigned long pfn, unsigned int order, unsigned int flags)
{
	vmc_open_memory(pfn, order);
	vmc_mark_block(pfn, order, VMC_OWNER_BUDDY);
	if (1UL << order >= PTRS_PER_PTE)
		vmc_soil_leaves(pfn, 1UL << order);
	if (flags & __GFP_ZERO)
		vmc_memset(vmc_address_of(pfn), 0, PAGE_SIZE << order);
}

static unsigned long vmc_allocate(unsigned int flags, unsigned int order, unsigned long at)
{
	unsigned long pfn;

	vmc_may_wait(flags, at);
	if (order >= VMC_ORDERS || vmc_is_faulty(order)) {
		vmc_event(VMC_ALLOCATION_FAILED, at, order, VMC_OWNER_BUDDY, 0, 0);
		return 0;
	}
	pfn = vmc_recycled(order);
	if (!pfn)
		pfn = vmc_fresh(0, 1UL << order, 1UL << order);
	if (!pfn)
		return 0;
	if (order)
		vmc_open_block(pfn, order, flags);
	else
		vmc_open_page(pfn, flags);
	vmc_event(VMC_ALLOCATED_BLOCK, at, vmc_pfn_name(pfn), order, VMC_OWNER_BUDDY, 0);
	return pfn;
}

struct page *vmc_alloc_pages(unsigned int flags, unsigned int order)
{
	unsigned long pfn = vmc_allocate(flags, order, VMC_CALLER);

	return pfn ? pfn_to_page(pfn) : 0;
}

void *vmc_get_free_pages(unsigned int flags, unsigned int order)
{
	unsigned long pfn = vmc_allocate(flags, order, VMC_CALLER);

	return pfn ? vmc_address_of(pfn) : 0;
}

/* mm/page_alloc.c: __free_one_page(): with its buddy, where that was freed just before, a block is a larger one. */
static void vmc_recycle_merged(unsigned long pfn)
{
	unsigned int order = 0;

	while (order + 1 < VMC_ORDERS && vmc_free_counts[order] &&
	       vmc_free_heads[order][vmc_free_counts[order] - 1] == (pfn ^ 1UL << order)) {
		pfn &= ~(1UL << order);
		vmc_not_free(order++);
	}
	vmc_add_free(pfn, order);
}

static void vmc_table_freed(unsigned long pfn, unsigned long at);

/* mm/bootmem_info.c: get_page_bootmem() counts users of a page from boot on top of the one that all pages have. */
static unsigned long vmc_users_left(unsigned long pfn)
{
	int count;

	if (vmc_ram_index(pfn) >= VMC_RAM_PAGES || !(vmc_desc_of(pfn)->flags & VMC_ALLOCATED))
		return 0;
	count = pfn_to_page(pfn)->_refcount.counter;
	return count > 1 ? count - 1 : 0;
}

static inline void vmc_give_back(struct vmc_desc *desc, unsigned long pfn, unsigned int order, long to)
{
	int whole = desc->flags & VMC_HEAD && desc->order == order && desc->owner == to;
	unsigned long page;

	if (order == 0) {
		vmc_clear_head(pfn);
		desc->flags &= VMC_LISTED;
	} else {
		vmc_clear_heads(pfn, order);
		for (page = 0; page < 1UL << order; page++)
			desc[page].flags &= VMC_LISTED;
	}
	/* What was freed in another way than it was allocated is not handed out again. */
	if (!whole)
		return;
	__asan_poison_memory_region(vmc_address_of(pfn), PAGE_SIZE << order);
	if (to == VMC_OWNER_BOOT)
		vmc_recycle_merged(pfn);
	else
		vmc_add_free(pfn, order);
}

static void vmc_release(unsigned long pfn, unsigned int order, long to, unsigned long at)
{
	struct vmc_desc *desc = vmc_desc_of(pfn);

	vmc_changed = 1;
	if (vmc_ram_index(pfn) >= VMC_RAM_PAGES)
		vmc_altmaps_used = 1;
	if (desc && desc->flags & VMC_IS_TABLE)
		vmc_table_freed(pfn, at);
	vmc_event(VMC_FREED, at, vmc_pfn_name(pfn), order, to,
		  (desc ? vmc_in_tlbs[pfn - VMC_BASE_PFN] : 0) | (to == VMC_OWNER_BOOT ? vmc_users_left(pfn) << 1 : 0));
	if (desc && order < VMC_ORDERS && (!order || vmc_desc_of(pfn + (1UL << order) - 1)))
		vmc_give_back(desc, pfn, order, to);
}

static inline void vmc_put_page(struct page *page, unsigned int order, unsigned long at)
{
	unsigned long pfn = page_to_pfn(page);

	if (vmc_ram_index(pfn) < VMC_RAM_PAGES && vmc_desc_of(pfn)->flags & VMC_ALLOCATED &&
	    --page->_refcount.counter > 0)
		return;
	vmc_release(pfn, order, VMC_OWNER_BUDDY, at);
}

void vmc_free_pages(struct page *page, unsigned int order)
{
	vmc_put_page(page, order, VMC_CALLER);
}

/* The last reference was given up before. */
void vmc_free_frozen_pages(struct page *page, unsigned int order)
{
	vmc_release(page_to_pfn(page), order, VMC_OWNER_BUDDY, VMC_CALLER);
}

void vmc_free_pages_at(unsigned long address, unsigned int order)
{
	if (address)
		vmc_put_page(pfn_to_page((address - VMC_DIRECT_MAP) >> PAGE_SHIFT), order, VMC_CALLER);
}

/* Called after altmap_alloc_block_buf() of the tree: the altmap has given these pages. */
VMC_SHARED void *vmc_altmap_given(void *place, unsigned long size, struct vmem_altmap *altmap)
{
	unsigned long pfn = ((unsigned long)place - VMC_DIRECT_MAP) >> PAGE_SHIFT, pages = size >> PAGE_SHIFT;
	long owner = vmc_pfn_name(altmap->base_pfn);
	unsigned int order = pages ? 63 - __builtin_clzl(pages) : 0;

	if (!place) {
		vmc_event(VMC_ALLOCATION_FAILED, VMC_CALLER, order, owner, 0, 0);
		return place;
	}
	vmc_mark_block(pfn, order, owner);
	vmc_altmaps_used = 1;
	if (!(vmc_desc_of(pfn)->flags & VMC_LISTED)) {
		if (vmc_altmap_block_count == VMC_MOST_ALTMAP_BLOCKS)
			vmc_fail("more altmap blocks than can be tracked");
		vmc_altmap_blocks[vmc_altmap_block_count++] = pfn;
		vmc_desc_of(pfn)->flags |= VMC_LISTED;
	}
	vmc_event(VMC_ALLOCATED_BLOCK, VMC_CALLER, vmc_pfn_name(pfn), order, owner, 0);
	vmc_note_altmap(altmap, altmap->base_pfn);
	return place;
}
