/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the check must see: memory and its contents, entries of page tables, the page allocator, slab,
 * memblock, warnings. Each entry names the kernel file that it stands for. The functions behind it are in
 * ledger.c, memory.c, tables.c and events.c.
 */

typedef unsigned long vmc_word;

/* include/asm-generic/rwonce.h: a store to a page table is an event */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, val)                                                    \
	do {                                                                  \
		__typeof__(x) vmc_value = (val);                              \
		vmc_store((void *)&(x), &vmc_value, sizeof(vmc_value));       \
		*(volatile __typeof__(x) *)&(x) = vmc_value;                  \
	} while (0)
/* include/linux/atomic/atomic-instrumented.h: exchanges are stores too */
#define xchg(p, v)                                                            \
	({                                                                    \
		__typeof__(*(p)) vmc_old = READ_ONCE(*(p));                   \
		WRITE_ONCE(*(p), v);                                          \
		vmc_old;                                                      \
	})
#define cmpxchg(p, o, n)                                                      \
	({                                                                    \
		__typeof__(*(p)) vmc_old = READ_ONCE(*(p));                   \
		if (vmc_old == (o))                                           \
			WRITE_ONCE(*(p), n);                                  \
		vmc_old;                                                      \
	})
#define try_cmpxchg(p, o, n)                                                  \
	({                                                                    \
		__typeof__(*(p)) vmc_was = READ_ONCE(*(p));                   \
		int vmc_same = vmc_was == *(o);                               \
		if (vmc_same)                                                 \
			WRITE_ONCE(*(p), n);                                  \
		else                                                          \
			*(o) = vmc_was;                                       \
		vmc_same;                                                     \
	})
#define xchg_relaxed(p, v) xchg(p, v)
#define xchg_acquire(p, v) xchg(p, v)
#define xchg_release(p, v) xchg(p, v)
#define cmpxchg_relaxed(p, o, n) cmpxchg(p, o, n)
#define cmpxchg_acquire(p, o, n) cmpxchg(p, o, n)
#define cmpxchg_release(p, o, n) cmpxchg(p, o, n)
#define cmpxchg64(p, o, n) cmpxchg(p, o, n)
#define cmpxchg64_relaxed(p, o, n) cmpxchg(p, o, n)
#define try_cmpxchg_relaxed(p, o, n) try_cmpxchg(p, o, n)
#define try_cmpxchg_acquire(p, o, n) try_cmpxchg(p, o, n)
#define try_cmpxchg64(p, o, n) try_cmpxchg(p, o, n)
#define set_mb(v, value) WRITE_ONCE(v, value)
void vmc_store(void *place, const void *value, unsigned long size) __attribute__((__noinline__));

/* lib/string.c: vmemmap is reached through the simulated page tables, the direct map through the ledger */
#define memset(p, c, n) vmc_memset((void *)(p), (c), (n))
#define memchr_inv(p, c, n) vmc_memchr_inv((const void *)(p), (c), (n))
#define memset_l(p, v, n) vmc_memset64((void *)(p), (v), (n))
#define memset64(p, v, n) vmc_memset64((void *)(p), (v), (n))
#define clear_page(p) vmc_memset((void *)(p), 0, PAGE_SIZE)
void *vmc_memset(void *place, int value, unsigned long bytes) __attribute__((__noinline__));
void *vmc_memset64(void *place, unsigned long word, unsigned long words) __attribute__((__noinline__));
void *vmc_memchr_inv(const void *place, int value, unsigned long bytes) __attribute__((__noinline__));

/* arch/(x86|arm64|riscv|loongarch)/include/asm/tlbflush.h: on all CPUs */
#define flush_tlb_all() vmc_flush(0, ~0UL)
#define flush_tlb_kernel_range(start, end) vmc_flush((unsigned long)(start), (unsigned long)(end))
#define __flush_tlb_kernel_pgtable(address) vmc_flush_walks((unsigned long)(address))
void vmc_flush_walks(unsigned long address) __attribute__((__noinline__));
void vmc_flush(unsigned long start, unsigned long end) __attribute__((__noinline__));

/* include/asm-generic/bug.h, kernel/panic.c */
#define WARN_ON(condition)                                                    \
	({                                                                    \
		int vmc_fired = !!(condition);                                \
		if (__builtin_expect(vmc_fired, 0))                           \
			vmc_warn("WARN_ON(" #condition ")");                  \
		vmc_fired;                                                    \
	})
#define WARN(condition, format, ...)                                          \
	({                                                                    \
		int vmc_fired = !!(condition);                                \
		if (__builtin_expect(vmc_fired, 0))                           \
			vmc_warn(format);                                     \
		vmc_fired;                                                    \
	})
#define WARN_ON_ONCE(condition) WARN_ON(condition)
#define WARN_ONCE(condition, format, ...) WARN(condition, format)
#define BUG() vmc_bug("BUG()")
#define BUG_ON(condition)                                                     \
	do {                                                                  \
		if (__builtin_expect(!!(condition), 0))                       \
			vmc_bug("BUG_ON(" #condition ")");                    \
	} while (0)
#define panic(format, ...) vmc_bug(format)
void vmc_warn(const char *message) __attribute__((__noinline__));
void vmc_bug(const char *message) __attribute__((__noinline__, __noreturn__));

/* mm/page_alloc.c */
#define alloc_pages_node(nid, flags, order) alloc_pages(flags, order)
#define alloc_pages(flags, order) vmc_alloc_pages(flags, order)
#define alloc_page(flags) alloc_pages(flags, 0)
#define __get_free_pages(flags, order) ((unsigned long)vmc_get_free_pages(flags, order))
#define __get_free_page(flags) __get_free_pages(flags, 0)
#define get_zeroed_page(flags) __get_free_pages((flags) | __GFP_ZERO, 0)
#define free_pages(address, order) vmc_free_pages_at(address, order)
#define free_page(address) vmc_free_pages_at((unsigned long)(address), 0)
#define __free_pages(page, order) vmc_free_pages(page, order)
#define __free_page(page) vmc_free_pages(page, 0)
#define free_frozen_pages(page, order) vmc_free_frozen_pages(page, order)
#define free_reserved_page(page) vmc_free_reserved_page(page)
#define warn_alloc(...) ((void)0)
struct page *vmc_alloc_pages(unsigned int flags, unsigned int order) __attribute__((__noinline__));
void *vmc_get_free_pages(unsigned int flags, unsigned int order) __attribute__((__noinline__));
void vmc_free_pages(struct page *page, unsigned int order) __attribute__((__noinline__));
void vmc_free_frozen_pages(struct page *page, unsigned int order) __attribute__((__noinline__));
void vmc_free_pages_at(unsigned long address, unsigned int order) __attribute__((__noinline__));
void vmc_free_reserved_page(struct page *page) __attribute__((__noinline__));

/* mm/slab_common.c, mm/slub.c: only zeroed and unzeroed memory, never out of it unless a fault is injected */
#define kmalloc(size, flags) vmc_kmalloc(size, flags)
#define kzalloc(size, flags) kmalloc(size, flags)
#define kmalloc_node(size, flags, node) kmalloc(size, flags)
#define kzalloc_node(size, flags, node) kmalloc(size, flags)
#define kcalloc(n, size, flags) vmc_kcalloc(n, size, flags)
#define kcalloc_node(n, size, flags, node) kcalloc(n, size, flags)
#define kmalloc_array(n, size, flags) kcalloc(n, size, flags)
#define kmalloc_array_node(n, size, flags, node) kcalloc(n, size, flags)
#define kfree(p) vmc_kfree(p)
#define kfree_rcu(p, ...) vmc_kfree(p)
#define kfree_rcu_mightsleep(p) vmc_kfree(p)
#define kvfree_rcu(p, ...) vmc_kfree(p)
#define kvfree_rcu_mightsleep(p) vmc_kfree(p)
#define kvfree(p) vmc_kfree(p)
#define slab_is_available() vmc_slab_is_available
void *vmc_kmalloc(unsigned long size, unsigned int flags) __attribute__((__noinline__));
void *vmc_kcalloc(unsigned long count, unsigned long size, unsigned int flags) __attribute__((__noinline__));
void vmc_kfree(const void *p) __attribute__((__noinline__));
static inline void __free_kfree(void *p)
{
	vmc_kfree(*(void **)p);
}
static inline void __free_kvfree(void *p)
{
	vmc_kfree(*(void **)p);
}
extern int vmc_slab_is_available;

/* mm/memblock.c, mm/mm_init.c: memmap_alloc() */
#define memblock_alloc_try_nid_raw(size, align, low, high, nid) vmc_boot_memmap(size, align)
#define memblock_alloc_exact_nid_raw(size, align, low, high, nid) vmc_boot_memmap(size, align)
#define memmap_alloc(size, align, low, nid, exact) vmc_boot_memmap(size, align)
#define memblock_alloc_try_nid(size, align, low, high, nid) vmc_boot_alloc(size)
#define memblock_alloc_node(size, align, nid) vmc_boot_alloc(size)
#define memblock_alloc(size, align) vmc_boot_alloc(size)
#define memblock_alloc_or_panic(size, align) vmc_boot_alloc(size)
#define memblock_free(where, size) vmc_boot_free((unsigned long)(where), size)
#define memblock_free_early(where, size) vmc_boot_free((unsigned long)(where), size)
#define memblock_phys_free(where, size) vmc_boot_free((unsigned long)(where), size)
void *vmc_boot_memmap(unsigned long size, unsigned long align) __attribute__((__noinline__));
void *vmc_boot_alloc(unsigned long size) __attribute__((__noinline__));
void vmc_boot_free(unsigned long where, unsigned long size) __attribute__((__noinline__));

/* mm/mm_init.c, mm/vmstat.c: the statistics of memmap pages */
#define memmap_pages_add(delta) vmc_count(0, (long)(delta))
#define memmap_boot_pages_add(delta) vmc_count(1, (long)(delta))
/* arch/x86/mm/pat/set_memory.c, arch/s390/mm/pageattr.c: the direct map, which no memmap is a part of */
#define update_page_count(level, pages) ((void)(level), vmc_count(3, (long)(pages)))
void vmc_count(int counter, long delta) __attribute__((__noinline__));

/* include/linux/mm.h: constructors and destructors of page-table pages */
#define pagetable_pte_ctor(...) vmc_construct(VMC_LAST(__VA_ARGS__), 1)
#define pagetable_pmd_ctor(...) vmc_construct(VMC_LAST(__VA_ARGS__), 1)
#define pagetable_pud_ctor(...) vmc_construct(VMC_LAST(__VA_ARGS__), 1)
#define pagetable_p4d_ctor(...) vmc_construct(VMC_LAST(__VA_ARGS__), 1)
#define pagetable_dtor(table) ((void)vmc_construct(table, 0))
#define pagetable_pte_dtor(table) ((void)vmc_construct(table, 0))
#define pagetable_pmd_dtor(table) ((void)vmc_construct(table, 0))
#define pagetable_pud_dtor(table) ((void)vmc_construct(table, 0))
#define pgtable_pte_page_ctor(table) vmc_construct(table, 1)
#define pgtable_pte_page_dtor(table) ((void)vmc_construct(table, 0))
#define pgtable_pmd_page_ctor(table) vmc_construct(table, 1)
#define pgtable_pmd_page_dtor(table) ((void)vmc_construct(table, 0))
#define VMC_LAST(...) VMC_LAST_(__VA_ARGS__, VMC_SECOND, VMC_FIRST)(__VA_ARGS__)
#define VMC_LAST_(a, b, pick, ...) pick
#define VMC_FIRST(a) (a)
#define VMC_SECOND(a, b) (b)
int vmc_construct(void *table, int constructs) __attribute__((__noinline__));
