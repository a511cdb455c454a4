/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has no effect on the vmemmap, or is done by hardware: barriers, TLBs, messages,
 * scheduling. Each group names the kernel files that it stands for.
 */

/* include/linux/lockdep.h: there is one thread */
#define lockdep_assert_held(lock) ((void)0)

/* include/linux/kernel.h, sched.h: there is one thread */
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
#define printk_deferred(...) 0
#define printk_ratelimited(...) ((void)0)
#define trace_printk(...) 0
#define pr_emerg(...) ((void)0)
#define pr_alert(...) ((void)0)
#define pr_crit(...) ((void)0)
#define pr_err(...) ((void)0)
#define pr_err_once(...) ((void)0)
#define pr_err_ratelimited(...) ((void)0)
#define pr_warn(...) ((void)0)
#define pr_warn_once(...) ((void)0)
#define pr_warn_ratelimited(...) ((void)0)
#define pr_notice(...) ((void)0)
#define pr_notice_once(...) ((void)0)
#define pr_notice_ratelimited(...) ((void)0)
#define pr_info(...) ((void)0)
#define pr_info_once(...) ((void)0)
#define pr_info_ratelimited(...) ((void)0)
#define pr_debug(...) ((void)0)
#define pr_debug_ratelimited(...) ((void)0)
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
