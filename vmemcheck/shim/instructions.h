/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Atomic and bit instructions, in C. Each group names the kernel files that it stands for.
 */

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
