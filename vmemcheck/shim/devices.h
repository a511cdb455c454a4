/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands around device memory and is not run: references, the array of pgmaps, zones, memory types. Each entry
 * names the kernel file that it stands for. The functions behind it are in devices.c.
 */

/* kernel/resource.c: device memory may not be where System RAM is */
#define region_intersects(start, size, flags, desc) vmc_region_intersects(start, size)
int vmc_region_intersects(unsigned long start, unsigned long size) __attribute__((__noinline__));

/* lib/xarray.c: which pgmap has a page */
#define pgmap_array vmc_pgmap_array
#define xa_store_range(array, first, last, entry, flags) vmc_store_range(first, last, entry)
#define xa_load(array, index) vmc_load(index)
#define xa_err(entry) ((int)(long)(entry))
VMC_SHARED int vmc_pgmap_array;
void *vmc_store_range(unsigned long first, unsigned long last, void *entry) __attribute__((__noinline__));
void *vmc_load(unsigned long index) __attribute__((__noinline__));

/* lib/percpu-refcount.c: the count, in units of VMC_REF, whether it was killed, and who is told when it is none */
#define VMC_REF 4UL
#define VMC_REF_DEAD 2UL
#define percpu_ref_init(ref, release, flags, gfp) vmc_ref_init(ref, release)
#define percpu_ref_get_many(ref, nr) ((void)((ref)->percpu_count_ptr += VMC_REF * (nr)))
#define percpu_ref_get(ref) percpu_ref_get_many(ref, 1)
#define percpu_ref_put_many(ref, nr) vmc_ref_put(ref, nr)
#define percpu_ref_put(ref) vmc_ref_put(ref, 1)
#define percpu_ref_kill(ref) vmc_ref_kill(ref)
#define percpu_ref_exit(ref) ((void)(ref))
#define percpu_ref_is_zero(ref) ((ref)->percpu_count_ptr < VMC_REF)
#define percpu_ref_is_dying(ref) (((ref)->percpu_count_ptr & VMC_REF_DEAD) != 0)
#define percpu_ref_tryget(ref) (!percpu_ref_is_zero(ref) && (percpu_ref_get(ref), 1))
#define percpu_ref_tryget_live(ref) (!percpu_ref_is_dying(ref) && percpu_ref_tryget(ref))
#define percpu_ref_tryget_live_rcu(ref) percpu_ref_tryget_live(ref)
int vmc_ref_init(struct percpu_ref *ref, void (*release)(struct percpu_ref *)) __attribute__((__noinline__));
void vmc_ref_put(struct percpu_ref *ref, unsigned long nr) __attribute__((__noinline__));
void vmc_ref_kill(struct percpu_ref *ref) __attribute__((__noinline__));

/* kernel/sched/completion.c: nobody else would complete it */
#define init_completion(completion) ((void)((completion)->done = 0))
#define complete(completion) ((void)((completion)->done = 1))
#define wait_for_completion(completion)                                                                   \
	do {                                                                                              \
		if (!(completion)->done)                                                                  \
			vmc_bug("wait_for_completion() waits for ever");                                  \
	} while (0)
#define synchronize_rcu() ((void)0)

/* include/linux/mm.h, mm/swap.c: what is read of the struct page of a device page, and who puts a page of any kind */
#define page_zone(page)                                                                                   \
	(vmc_read_struct_page(page), NODE_DATA(0)->node_zones[ZONE_DEVICE].zone_pgdat = NODE_DATA(0),     \
	 &NODE_DATA(0)->node_zones[ZONE_DEVICE])
#define page_to_nid(page) (vmc_read_struct_page(page), 0)
#define put_page(page) vmc_put_last(page)
#define folio_put(folio) put_page(&(folio)->page)
void vmc_read_struct_page(const struct page *page) __attribute__((__noinline__));
void vmc_put_last(struct page *page) __attribute__((__noinline__));

/* mm/memory_hotplug.c, mm/mm_init.c: zones; what they make of the memmap is an operation of its own, but for poison */
#define move_pfn_range_to_zone(...) ((void)0)
#define memmap_init_zone_device(...) ((void)0)
#define remove_pfn_range_from_zone(zone, start_pfn, nr_pages)                                             \
	((void)(zone), page_init_poison(pfn_to_page(start_pfn), sizeof(struct page) * (nr_pages)))

/* mm/memremap.c: a static key; arch/x86/mm/pat/memtype.c, asm/pgtable.h: memory types of the linear mapping */
#define devmap_managed_enable_get(pgmap) ((void)(pgmap))
#define devmap_managed_enable_put(pgmap) ((void)(pgmap))
#define track_pfn_remap(...) 0
#define untrack_pfn(...) ((void)0)
#define pfnmap_track(...) 0
#define pfnmap_untrack(...) ((void)0)
#define pgprot_decrypted(protection) (protection)
#define pgprot_noncached(protection) (protection)
