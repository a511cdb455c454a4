// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Slab: objects that are no pages to the ledger. None is handed out twice. The first page of each knows its size.
 */
static void *vmc_object(unsigned long size)
{
	unsigned long pages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT, pfn;
	unsigned int order = pages > 1 ? 64 - __builtin_clzl(pages - 1) : 0;

	if (vmc_is_faulty(order)) {
		vmc_event(VMC_ALLOCATION_FAILED, VMC_CALLER, order, VMC_OWNER_BUDDY, 0, 0);
		return 0;
	}
	pfn = vmc_fresh(1, pages ? pages : 1, 1);
	if (!pfn)
		return 0;
	__builtin_memset(vmc_address_of(pfn), 0, pages << PAGE_SHIFT);
	vmc_desc_of(pfn)->of = size;
	return vmc_address_of(pfn);
}

/* mm/sparse.c: sparse_index_alloc(): a root of sections is never freed; what else there is are usage maps */
static int vmc_is_root(unsigned long size)
{
	return size == SECTIONS_PER_ROOT * sizeof(struct mem_section);
}

void *vmc_kmalloc(unsigned long size, unsigned int flags)
{
	void *place = vmc_object(size);

	vmc_may_wait(flags, VMC_CALLER);
	if (place && !vmc_is_root(size))
		vmc_count(2, 1);
	return place;
}

/* include/linux/slab.h: kmalloc_array_noprof() */
void *vmc_kcalloc(unsigned long count, unsigned long size, unsigned int flags)
{
	unsigned long bytes;
	void *place = __builtin_mul_overflow(count, size, &bytes) ? 0 : vmc_object(bytes);

	vmc_may_wait(flags, VMC_CALLER);
	if (place && !vmc_is_root(bytes))
		vmc_count(2, 1);
	return place;
}

/* What was copied and not freed yet: of all that slab gives, the altmaps of memory blocks. at: who copied it. */
struct vmc_copy {
	const void *place;
	unsigned long at;
};

#define VMC_MOST_COPIES 1024
VMC_KEEP static struct vmc_copy vmc_copies[VMC_MOST_COPIES] = { { 0 } };
static unsigned int vmc_copy_count;

void *vmc_kmemdup(const void *source, unsigned long size)
{
	void *copy = vmc_object(size);

	if (!copy)
		return 0;
	if (vmc_copy_count == VMC_MOST_COPIES)
		vmc_fail("more altmaps of memory blocks than can be tracked");
	vmc_copies[vmc_copy_count++] = (struct vmc_copy){ copy, VMC_CALLER };
	return __builtin_memcpy(copy, source, size);
}

static void vmc_usage_freed(const void *usage, unsigned long at);

/* Who uses it after this finds what slab debugging would leave there; include/linux/poison.h: POISON_FREE */
void vmc_kfree(const void *p)
{
	unsigned int index;

	if (!p)
		return;
	for (index = 0; index < vmc_copy_count; index++) {
		if (vmc_copies[index].place != p)
			continue;
		__builtin_memset((void *)p, 0x6b, sizeof(struct vmem_altmap));
		vmc_copies[index] = vmc_copies[--vmc_copy_count];
		return;
	}
	vmc_usage_freed(p, VMC_CALLER);
	__builtin_memset((void *)p, 0x6b, sizeof(struct mem_section_usage));
	vmc_count(2, -1);
}
