/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands around memory hotplug and is not run: nodes and zones, the device model, the resource tree, memblock, the
 * linear mapping. Each entry names the kernel file that it stands for. The functions behind it are in blocks.c.
 */

/* include/linux/nodemask.h, drivers/base/node.c, mm/memory_hotplug.c: one node, which is online from the start */
#define node_possible(nid) ((nid) == 0)
#define node_set_online(nid) ((void)(nid))
#define node_set_offline(nid) ((void)(nid))
#define __try_online_node(nid, set_online) 0
#define try_offline_node(nid) ((void)(nid))
#define rollback_node_hotadd(nid) ((void)(nid))
#define register_node(nid) 0
#define __register_one_node(nid) 0
#define unregister_node(nid) ((void)(nid))
#define link_mem_sections(...) 0
#define register_memory_blocks_under_node(...) ((void)0)
#define register_memory_blocks_under_node_hotplug(...) ((void)0)

/* drivers/firmware/memmap.c, mm/memblock.c: lists of what memory there is */
#define firmware_map_add_hotplug(...) 0
#define firmware_map_remove(...) 0
#define memblock_add_node(...) 0
#define memblock_remove(...) 0
#define memblock_clear_nomap(...) 0

/* kernel/resource.c: two ranges never overlap */
#define register_memory_resource(start, size, ...) vmc_register_resource(start, size)
#define release_memory_resource(res) vmc_release_resource(res)
#define release_mem_region_adjustable(start, size) vmc_cut_resources(start, size)
#define merge_system_ram_resource(res) ((void)(res))
struct resource *vmc_register_resource(unsigned long start, unsigned long size) __attribute__((__noinline__));
void vmc_release_resource(const struct resource *res);
void vmc_cut_resources(unsigned long start, unsigned long size);

/* drivers/base/memory.c: memory blocks, and the altmap or its size that each of them keeps until it is removed */
struct memory_block {
	unsigned long start_section_nr, state, nr_vmemmap_pages;
	int online_type, nid, dev;
	struct vmem_altmap *altmap;
	struct memory_group *group;
};

#define VMC_AS_ALTMAP(value) _Generic((value), struct vmem_altmap *: (value), default: (struct vmem_altmap *)0)
#define VMC_AS_LONG(value) _Generic((value), unsigned long: (value), default: 0UL)
#define VMC_ALTMAP_IN(zero, a, b, c, ...) (VMC_AS_ALTMAP(a) ?: VMC_AS_ALTMAP(b) ?: VMC_AS_ALTMAP(c))
#define VMC_LONG_IN(zero, a, b, c, ...) (VMC_AS_LONG(a) + VMC_AS_LONG(b) + VMC_AS_LONG(c))
/* Some trees pass the node, the altmap or the pages of an altmap, and the group. */
#define create_memory_block_devices(start, size, ...)                                                     \
	vmc_create_blocks(start, size, VMC_ALTMAP_IN(0, ##__VA_ARGS__, 0, 0, 0),                          \
			  VMC_LONG_IN(0, ##__VA_ARGS__, 0, 0, 0))
#define remove_memory_block_devices(start, size) vmc_remove_blocks(start, size)
#define walk_memory_blocks(start, size, arg, function) vmc_walk_blocks(start, size, arg, function)
#define find_memory_block(section_nr) vmc_find_block(section_nr)
#define memory_block_get(id) vmc_find_block((id) * sections_per_block)
#define memory_block_put(mem) ((void)(mem))
#define put_device(device) ((void)(device))
#define is_memblock_offlined(mem) ((mem)->state == MEM_OFFLINE)
#define sections_per_block (VMC_BLOCK_PAGES / PAGES_PER_SECTION)
#define memory_block_size_bytes() ((unsigned long)VMC_BLOCK_PAGES << PAGE_SHIFT)
#define memory_group_find_by_id(id) ((struct memory_group *)0)
int vmc_create_blocks(unsigned long start, unsigned long size, struct vmem_altmap *altmap,
		      unsigned long nr_vmemmap_pages) __attribute__((__noinline__));
void vmc_remove_blocks(unsigned long start, unsigned long size) __attribute__((__noinline__));
int vmc_walk_blocks(unsigned long start, unsigned long size, void *arg,
		    int (*function)(struct memory_block *, void *)) __attribute__((__noinline__));
struct memory_block *vmc_find_block(unsigned long section_nr) __attribute__((__noinline__));

/* mm/memory_hotplug.c: as with memory_hotplug.memmap_on_memory=1, and memory blocks that nobody takes online */
#define memmap_mode MEMMAP_ON_MEMORY_ENABLE
#define memmap_on_memory 1
#define mhp_get_default_online_type() MMOP_OFFLINE
#define mhp_default_online_type MMOP_OFFLINE
#define memhp_default_online_type MMOP_OFFLINE
#define online_memory_block ((int (*)(struct memory_block *, void *))0)

/* mm/memblock.c, arch/x86/mm/init_64.c: up to where there is memory */
VMC_SHARED unsigned long vmc_end_of_memory[2];
#define max_pfn vmc_end_of_memory[0]
#define max_low_pfn vmc_end_of_memory[1]
#define update_end_of_memory_vars(start, size) ((void)(start), (void)(size))

/* arch/(x86|arm64|riscv)/mm: the linear mapping of what is added */
#define init_memory_mapping(...) 0UL
#define kernel_physical_mapping_remove(start, end) ((void)(start), (void)(end))
#define __create_pgd_mapping(...) 0
#define __remove_pgd_mapping(...) ((void)0)
#define __pgd_pgtable_alloc 0
#define pgd_pgtable_alloc_init_mm 0
#define force_pte_mapping() 0
#define can_set_direct_map() 0
#define rodata_full 0
#define create_linear_mapping_range(...) ((void)0)
#define remove_linear_mapping(...) ((void)0)

/* mm/util.c */
#define kmemdup(source, size, flags) vmc_kmemdup(source, size)
void *vmc_kmemdup(const void *source, unsigned long size) __attribute__((__noinline__));
