/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Classic sparse memory, CONFIG_SPARSEMEM_VMEMMAP=n: the memmap of a section is a block of its own, reached through the
 * section. Only the machine's own memory has its struct pages in one array. The functions are in classic.c.
 */
#define VMC_CLASSIC

/* include/asm-generic/memory_model.h: page->flags would say the section; the machine's own pages have none */
#define __pfn_to_page(pfn) vmc_struct_of(pfn)
#define __page_to_pfn(page) vmc_pfn_of(page)
VMC_SHARED struct page *vmc_struct_of(unsigned long pfn);
VMC_SHARED unsigned long vmc_pfn_of(const struct page *page);

/* mm/util.c, mm/slub.c: one block where there is one, else pages side by side */
#define kvmalloc_node(size, flags, node) vmc_kvmalloc(size)
#undef kvfree
#define kvfree(p) vmc_kvfree(p)
void *vmc_kvmalloc(unsigned long size) __attribute__((__noinline__));
void vmc_kvfree(const void *p) __attribute__((__noinline__));
