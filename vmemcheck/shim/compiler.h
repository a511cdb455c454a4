/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel asks of the compiler, and is not asked here. Comes before the kernel's types, which use it.
 */

/* include/linux/compiler_types.h, include/linux/build_bug.h: a scaled geometry may break size assertions */
#if defined(VMC_COVERED) && !defined(__OPTIMIZE__)
/* A call that was inlined leaves no trace in its caller: its line would not be counted. */
#define inline __inline__ __attribute__((__unused__))
#else
#define inline __inline__ __attribute__((__always_inline__, __unused__))
#endif
#define __always_inline inline
/*
 * What the kernel's code and the machine share is static where they are compiled together. Where each is compiled by
 * itself, the machine defines it. What the machine alone has stays static.
 */
#if defined(VMC_ONLY_KERNEL)
#define VMC_SHARED extern
#define VMC_SHARED_INLINE extern
#elif defined(VMC_ONLY_MACHINE)
#define VMC_SHARED
#define VMC_SHARED_INLINE
#else
#define VMC_SHARED static
#define VMC_SHARED_INLINE static inline
#endif
#define auto __auto_type
#define BUILD_BUG() ((void)0)
#define BUILD_BUG_ON(condition) ((void)sizeof(!!(condition)))
#define BUILD_BUG_ON_MSG(condition, message) ((void)sizeof(!!(condition)))
#define compiletime_assert(condition, message) ((void)0)
#define compiletime_assert_atomic_type(t) ((void)0)
#define static_assert(...)

/* include/linux/compiler_attributes.h: code of a tree runs only when it is called */
#define constructor vmc_ignored
#define __constructor__ vmc_ignored
#define destructor vmc_ignored
#define __destructor__ vmc_ignored
