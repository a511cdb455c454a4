/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has no effect on the vmemmap, or is done by hardware: barriers, TLBs, messages,
 * scheduling, atomic instructions. Each group names the kernel files that it stands for.
 */

/* include/linux/rcupdate.h, lockdep.h, irqflags.h, preempt.h: there is one thread */
#define rcu_read_lock() ((void)0)
#define rcu_read_unlock() ((void)0)
#define lockdep_assert_held(lock) ((void)0)
#define local_irq_save(flags) ((void)(flags = 0))
#define local_irq_restore(flags) ((void)(flags))
#define preempt_disable() ((void)0)
#define preempt_enable() ((void)0)

/* include/linux/kernel.h, sched.h: there is one thread */
#define cond_resched() 0
#define might_sleep() ((void)0)
#define cpu_relax() ((void)0)
#define touch_nmi_watchdog() ((void)0)
#define in_interrupt() 0
#define is_lazy_mmu_mode_active() 0

/* include/asm-generic/barrier.h */
#define barrier() __asm__ __volatile__("" ::: "memory")
#define mb() barrier()
#define rmb() barrier()
#define wmb() barrier()
#define smp_mb() barrier()
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define smp_store_release(p, v) WRITE_ONCE(*(p), v)
#define smp_load_acquire(p) READ_ONCE(*(p))

/* include/linux/printk.h, dev_printk.h, lib/dump_stack.c */
#define printk(...) 0
#define _printk(...) 0
#define printk_once(...) 0
#define pr_emerg(...) ((void)0)
#define pr_err(...) ((void)0)
#define pr_err_once(...) ((void)0)
#define pr_warn(...) ((void)0)
#define pr_warn_once(...) ((void)0)
#define pr_notice(...) ((void)0)
#define pr_info(...) ((void)0)
#define pr_debug(...) ((void)0)
#define pr_cont(...) ((void)0)
#define dump_stack() ((void)0)
#define dump_page(...) ((void)0)

/* include/linux/topology.h, numa.h: one node */
#define numa_node_id() 0
#define numa_mem_id() 0
#define node_distance(from, to) 10
#define early_pfn_to_nid(pfn) 0
#define cpu_to_node(cpu) 0

/* arch/(x86|arm64|riscv)/include/asm/tlbflush.h, cacheflush.h: of one CPU, of caches */
#define __flush_tlb_all() ((void)0)
#define local_flush_tlb_kernel_range(start, end) ((void)(start), (void)(end))
#define flush_tlb_one_kernel(address) ((void)(address))
#define flush_cache_vmap(start, end) ((void)(start), (void)(end))
#define flush_cache_vunmap(start, end) ((void)(start), (void)(end))
#define local_flush_tlb_page(address) ((void)(address))
#define local_flush_tlb_all() ((void)0)

/* include/linux/page_table_check.h, kasan.h, kmsan.h, kmemleak.h: tools that look on */
#define page_table_check_pte_set(...) ((void)0)
#define page_table_check_ptes_set(...) ((void)0)
#define page_table_check_pmds_set(...) ((void)0)
#define page_table_check_puds_set(...) ((void)0)
#define page_table_check_pte_clear(...) ((void)0)
#define page_table_check_pmd_clear(...) ((void)0)
#define page_table_check_pud_clear(...) ((void)0)
#define kmemleak_free_part(p, size) ((void)0)
#define kmemleak_free_part_phys(p, size) ((void)0)

/* mm/internal.h, mm/mm_init.c, mm/numa.c, mm/sparse.c; the last one only tells where maps of usage lie */
#define mminit_dprintk(...) ((void)0)
#define check_usemap_section_nr(nid, usage) ((void)(nid), (void)(usage))
VMC_SHARED unsigned long vmc_node[4096];
#define NODE_DATA(nid) ((struct pglist_data *)vmc_node)

/* include/linux/atomic.h */
#define atomic_read(v) __atomic_load_n(&(v)->counter, __ATOMIC_RELAXED)
#define atomic_set(v, i) __atomic_store_n(&(v)->counter, i, __ATOMIC_RELAXED)
#define atomic_add(i, v) ((void)__atomic_add_fetch(&(v)->counter, i, __ATOMIC_RELAXED))
#define atomic_sub(i, v) ((void)__atomic_sub_fetch(&(v)->counter, i, __ATOMIC_RELAXED))
#define atomic_inc(v) atomic_add(1, v)
#define atomic_dec(v) atomic_sub(1, v)
#define atomic_add_return(i, v) __atomic_add_fetch(&(v)->counter, i, __ATOMIC_RELAXED)
#define atomic_sub_return(i, v) __atomic_sub_fetch(&(v)->counter, i, __ATOMIC_RELAXED)
#define atomic_inc_return(v) atomic_add_return(1, v)
#define atomic_dec_return(v) atomic_sub_return(1, v)
#define atomic_dec_and_test(v) (atomic_sub_return(1, v) == 0)
#define atomic_sub_and_test(i, v) (atomic_sub_return(i, v) == 0)
#define atomic_add_unless(v, a, u)                                            \
	({                                                                    \
		int vmc_old = atomic_read(v);                                 \
		if (vmc_old != (u))                                           \
			atomic_add(a, v);                                     \
		vmc_old != (u);                                               \
	})
#define atomic_inc_not_zero(v) atomic_add_unless(v, 1, 0)
#define atomic_andnot(i, v) ((void)__atomic_and_fetch(&(v)->counter, ~(i), __ATOMIC_RELAXED))
#define atomic_or(i, v) ((void)__atomic_or_fetch(&(v)->counter, i, __ATOMIC_RELAXED))
#define atomic_fetch_add(i, v) __atomic_fetch_add(&(v)->counter, i, __ATOMIC_RELAXED)
#define atomic_fetch_sub(i, v) __atomic_fetch_sub(&(v)->counter, i, __ATOMIC_RELAXED)
#define atomic_add_return_acquire(i, v) atomic_add_return(i, v)
#define atomic_add_return_release(i, v) atomic_add_return(i, v)
#define atomic_sub_return_release(i, v) atomic_sub_return(i, v)
#define atomic_read_acquire(v) atomic_read(v)
#define atomic_set_release(v, i) atomic_set(v, i)
#define atomic_cmpxchg(v, o, n) cmpxchg(&(v)->counter, o, n)
#define atomic_cmpxchg_relaxed(v, o, n) cmpxchg(&(v)->counter, o, n)
#define atomic_cmpxchg_acquire(v, o, n) cmpxchg(&(v)->counter, o, n)
#define atomic_try_cmpxchg(v, o, n) try_cmpxchg(&(v)->counter, o, n)
#define atomic_try_cmpxchg_acquire(v, o, n) try_cmpxchg(&(v)->counter, o, n)
#define atomic_cond_read_acquire(v, condition) atomic_read(v)
#define atomic64_add_return(i, v) atomic_add_return(i, v)
#define atomic64_sub_return(i, v) atomic_sub_return(i, v)
#define atomic64_dec_if_positive(v) atomic_sub_return(1, v)
#define atomic64_read(v) atomic_read(v)
#define atomic64_set(v, i) atomic_set(v, i)
#define atomic64_add(i, v) atomic_add(i, v)
#define atomic64_sub(i, v) atomic_sub(i, v)
#define atomic64_inc(v) atomic_inc(v)
#define atomic64_dec(v) atomic_dec(v)
#define atomic_long_read(v) atomic_read(v)
#define atomic_long_set(v, i) atomic_set(v, i)
#define atomic_long_add(i, v) atomic_add(i, v)
#define atomic_long_sub(i, v) atomic_sub(i, v)
#define atomic_long_inc(v) atomic_inc(v)
#define atomic_long_dec(v) atomic_dec(v)
#define atomic_long_or(i, v) atomic_or(i, v)
#define atomic_long_andnot(i, v) atomic_andnot(i, v)
#define raw_atomic_long_andnot(i, v) atomic_andnot(i, v)
#define raw_atomic_long_or(i, v) atomic_or(i, v)

/* arch/(x86|arm64|riscv)/include/asm/bitops.h: bit instructions */
#define VMC_WORD(nr, p) ((volatile unsigned long *)(p))[(unsigned long)(nr) / 64]
#define VMC_MASK(nr) (1UL << ((unsigned long)(nr) % 64))
#define set_bit(nr, p) ((void)(VMC_WORD(nr, p) |= VMC_MASK(nr)))
#define clear_bit(nr, p) ((void)(VMC_WORD(nr, p) &= ~VMC_MASK(nr)))
#define __set_bit(nr, p) set_bit(nr, p)
#define __clear_bit(nr, p) clear_bit(nr, p)
#define test_bit(nr, p) ((VMC_WORD(nr, p) & VMC_MASK(nr)) != 0)
#define test_and_set_bit(nr, p)                                               \
	({                                                                    \
		int vmc_was = test_bit(nr, p);                                \
		set_bit(nr, p);                                               \
		vmc_was;                                                      \
	})
#define test_and_clear_bit(nr, p)                                             \
	({                                                                    \
		int vmc_was = test_bit(nr, p);                                \
		clear_bit(nr, p);                                             \
		vmc_was;                                                      \
	})
#define __test_and_set_bit(nr, p) test_and_set_bit(nr, p)
#define __test_and_clear_bit(nr, p) test_and_clear_bit(nr, p)
#define __ffs(word) ((unsigned long)__builtin_ctzl(word))
#define __fls(word) (63UL - (unsigned long)__builtin_clzl(word))
#define ffz(word) __ffs(~(word))
#define fls(x) ((int)((x) ? 32 - __builtin_clz((unsigned int)(x)) : 0))
#define fls64(x) ((int)((x) ? 64 - __builtin_clzl((unsigned long)(x)) : 0))
#define fls_long(x) fls64(x)
#define hweight_long(w) ((unsigned long)__builtin_popcountl(w))
