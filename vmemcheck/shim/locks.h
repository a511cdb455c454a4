/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nobody waits, but who takes what is not given back, gives what is not held, or may sleep under what does not allow
 * it, is seen, as lockdep and CONFIG_DEBUG_ATOMIC_SLEEP see it. The functions are in locks.c.
 */
enum { VMC_SHARED_LOCK = 1, VMC_SLEEPING_LOCK = 2 };

/* include/linux/spinlock.h, rwlock.h */
#define spin_lock(lock) vmc_take(lock, 0)
#define spin_unlock(lock) vmc_give(lock)
#define spin_lock_irq(lock) vmc_take(lock, 0)
#define spin_unlock_irq(lock) vmc_give(lock)
#define spin_lock_bh(lock) vmc_take(lock, 0)
#define spin_unlock_bh(lock) vmc_give(lock)
#define spin_lock_irqsave(lock, flags) ((void)(flags = 0), vmc_take(lock, 0))
#define spin_unlock_irqrestore(lock, flags) ((void)(flags), vmc_give(lock))
#define read_lock(lock) vmc_take(lock, VMC_SHARED_LOCK)
#define read_unlock(lock) vmc_give(lock)
#define read_lock_irq(lock) vmc_take(lock, VMC_SHARED_LOCK)
#define read_unlock_irq(lock) vmc_give(lock)
#define read_lock_bh(lock) vmc_take(lock, VMC_SHARED_LOCK)
#define read_unlock_bh(lock) vmc_give(lock)
#define read_lock_irqsave(lock, flags) ((void)(flags = 0), vmc_take(lock, VMC_SHARED_LOCK))
#define read_unlock_irqrestore(lock, flags) ((void)(flags), vmc_give(lock))
#define write_lock(lock) vmc_take(lock, 0)
#define write_unlock(lock) vmc_give(lock)
#define write_lock_irq(lock) vmc_take(lock, 0)
#define write_unlock_irq(lock) vmc_give(lock)
#define write_lock_bh(lock) vmc_take(lock, 0)
#define write_unlock_bh(lock) vmc_give(lock)
#define write_lock_irqsave(lock, flags) ((void)(flags = 0), vmc_take(lock, 0))
#define write_unlock_irqrestore(lock, flags) ((void)(flags), vmc_give(lock))
#define raw_spin_lock(lock) vmc_take(lock, 0)
#define raw_spin_unlock(lock) vmc_give(lock)
#define raw_spin_lock_irq(lock) vmc_take(lock, 0)
#define raw_spin_unlock_irq(lock) vmc_give(lock)
#define raw_spin_lock_bh(lock) vmc_take(lock, 0)
#define raw_spin_unlock_bh(lock) vmc_give(lock)
#define raw_spin_lock_irqsave(lock, flags) ((void)(flags = 0), vmc_take(lock, 0))
#define raw_spin_unlock_irqrestore(lock, flags) ((void)(flags), vmc_give(lock))
#define raw_read_lock(lock) vmc_take(lock, VMC_SHARED_LOCK)
#define raw_read_unlock(lock) vmc_give(lock)
#define raw_read_lock_irq(lock) vmc_take(lock, VMC_SHARED_LOCK)
#define raw_read_unlock_irq(lock) vmc_give(lock)
#define raw_read_lock_bh(lock) vmc_take(lock, VMC_SHARED_LOCK)
#define raw_read_unlock_bh(lock) vmc_give(lock)
#define raw_read_lock_irqsave(lock, flags) ((void)(flags = 0), vmc_take(lock, VMC_SHARED_LOCK))
#define raw_read_unlock_irqrestore(lock, flags) ((void)(flags), vmc_give(lock))
#define raw_write_lock(lock) vmc_take(lock, 0)
#define raw_write_unlock(lock) vmc_give(lock)
#define raw_write_lock_irq(lock) vmc_take(lock, 0)
#define raw_write_unlock_irq(lock) vmc_give(lock)
#define raw_write_lock_bh(lock) vmc_take(lock, 0)
#define raw_write_unlock_bh(lock) vmc_give(lock)
#define raw_write_lock_irqsave(lock, flags) ((void)(flags = 0), vmc_take(lock, 0))
#define raw_write_unlock_irqrestore(lock, flags) ((void)(flags), vmc_give(lock))
#define spin_lock_init(lock) ((void)(lock))
#define spin_lock_nested(lock, subclass) vmc_take(lock, 0)
#define spin_trylock(lock) (vmc_take(lock, 0), 1)
#define spin_is_locked(lock) vmc_is_held(lock)
#define raw_spin_is_locked(lock) vmc_is_held(lock)
#define assert_spin_locked(lock) BUG_ON(!vmc_is_held(lock))
#define assert_raw_spin_locked(lock) BUG_ON(!vmc_is_held(lock))

/* include/linux/mutex.h; mm/memory_hotplug.c, drivers/base/core.c: of all operations */
#define mutex_lock(lock) vmc_take(lock, VMC_SLEEPING_LOCK)
#define mutex_unlock(lock) vmc_give(lock)
#define mutex_is_locked(lock) vmc_is_held(lock)
#define mem_hotplug_begin() vmc_take(&vmc_hotplug_lock, VMC_SLEEPING_LOCK)
#define mem_hotplug_done() vmc_give(&vmc_hotplug_lock)
#define get_online_mems() vmc_take(&vmc_hotplug_lock, VMC_SHARED_LOCK | VMC_SLEEPING_LOCK)
#define put_online_mems() vmc_give(&vmc_hotplug_lock)
#define lock_device_hotplug() vmc_take(&vmc_device_lock, VMC_SLEEPING_LOCK)
#define unlock_device_hotplug() vmc_give(&vmc_device_lock)

/* include/linux/rcupdate.h, irqflags.h, preempt.h: there is one thread, but each is to end as often as it began */
#define rcu_read_lock() vmc_take(&vmc_rcu, VMC_SHARED_LOCK)
#define rcu_read_unlock() vmc_give(&vmc_rcu)
#define local_irq_save(flags) ((void)(flags = 0), vmc_take(&vmc_irq, VMC_SHARED_LOCK))
#define local_irq_restore(flags) ((void)(flags), vmc_give(&vmc_irq))
#define preempt_disable() vmc_take(&vmc_preempt, VMC_SHARED_LOCK)
#define preempt_enable() vmc_give(&vmc_preempt)
#define preemptible() (!vmc_is_atomic)

/* include/linux/kernel.h, sched.h */
#define cond_resched() (vmc_is_atomic ? vmc_must_not_sleep() : (void)0, 0)
#define might_sleep() ((void)cond_resched())

/* include/linux/cleanup.h: the guards of these locks, whose classes are made by macros, each for itself */
#define vmc_guarding(lock, how)                                               \
	({                                                                    \
		vmc_guard_t vmc_guarded = (lock);                             \
		vmc_take(vmc_guarded, how);                                   \
		vmc_guarded;                                                  \
	})
#define vmc_guarding_spinlock(lock) vmc_guarding(lock, 0)
#define vmc_guarding_spinlock_irq(lock) vmc_guarding(lock, 0)
#define vmc_guarding_spinlock_bh(lock) vmc_guarding(lock, 0)
#define vmc_guarding_spinlock_irqsave(lock) vmc_guarding(lock, 0)
#define vmc_guarding_raw_spinlock(lock) vmc_guarding(lock, 0)
#define vmc_guarding_raw_spinlock_irq(lock) vmc_guarding(lock, 0)
#define vmc_guarding_raw_spinlock_bh(lock) vmc_guarding(lock, 0)
#define vmc_guarding_raw_spinlock_irqsave(lock) vmc_guarding(lock, 0)
#define vmc_guarding_read_lock(lock) vmc_guarding(lock, VMC_SHARED_LOCK)
#define vmc_guarding_read_lock_irq(lock) vmc_guarding(lock, VMC_SHARED_LOCK)
#define vmc_guarding_read_lock_irqsave(lock) vmc_guarding(lock, VMC_SHARED_LOCK)
#define vmc_guarding_write_lock(lock) vmc_guarding(lock, 0)
#define vmc_guarding_write_lock_irq(lock) vmc_guarding(lock, 0)
#define vmc_guarding_write_lock_irqsave(lock) vmc_guarding(lock, 0)
#define vmc_guarding_mutex(lock) vmc_guarding(lock, VMC_SLEEPING_LOCK)
#define vmc_guarding_rcu() vmc_guarding(&vmc_rcu, VMC_SHARED_LOCK)
#define vmc_guarding_irq() vmc_guarding(&vmc_irq, VMC_SHARED_LOCK)
#define vmc_guarding_irqsave() vmc_guarding(&vmc_irq, VMC_SHARED_LOCK)
#define vmc_guarding_preempt() vmc_guarding(&vmc_preempt, VMC_SHARED_LOCK)
#define vmc_guard_of(number) vmc_named_guard(number)
#define vmc_named_guard(number) vmc_guard_##number
#define guard(name)                                                           \
	vmc_guard_t vmc_guard_of(__COUNTER__) __attribute__((__cleanup__(vmc_give_guarded), __unused__)) = vmc_guarding_##name
#define scoped_guard(name, ...)                                               \
	for (vmc_guard_t vmc_scope __attribute__((__cleanup__(vmc_give_guarded))) = vmc_guarding_##name(__VA_ARGS__), \
	     vmc_once = vmc_scope; vmc_once; vmc_once = (vmc_guard_t)0)

typedef const volatile void *vmc_guard_t;
VMC_SHARED char vmc_hotplug_lock, vmc_device_lock, vmc_rcu, vmc_irq, vmc_preempt;
void vmc_take(const volatile void *lock, int how) __attribute__((__noinline__));
void vmc_give(const volatile void *lock) __attribute__((__noinline__));
int vmc_is_held(const volatile void *lock);
void vmc_must_not_sleep(void) __attribute__((__noinline__));
extern unsigned int vmc_is_atomic;
static inline void vmc_give_guarded(vmc_guard_t *lock)
{
	vmc_give(*lock);
}
