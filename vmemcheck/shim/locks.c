// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Locks: which are held, and who took them. Each lies in memory, as a CPU would find when it writes to it.
 *
 * kernel/locking/lockdep.c: "bad unlock balance", "possible recursive locking", "lock held when returning to user space".
 * What forbids to sleep without being a lock (RCU, interrupts and preemption that are off) counts as one that is shared.
 */
struct vmc_held_lock {
	const volatile void *lock;
	unsigned long at;
	int how;
};

#define VMC_MOST_HELD 16
static struct vmc_held_lock vmc_held[VMC_MOST_HELD];
static unsigned int vmc_held_count;

/* How many of them do not allow to sleep. */
unsigned int vmc_is_atomic;

/* kernel/sched/core.c: __might_resched() */
static void vmc_report_atomic(unsigned long at)
{
	vmc_event(VMC_WARNED, at, (unsigned long)"what may sleep is called where nothing may", 0, 0, 0);
}

void vmc_must_not_sleep(void)
{
	vmc_report_atomic(VMC_CALLER);
}

/* include/linux/gfp.h: gfpflags_allow_blocking() */
static inline void vmc_may_wait(unsigned int flags, unsigned long at)
{
	if (__builtin_expect(vmc_is_atomic && flags & __GFP_DIRECT_RECLAIM, 0))
		vmc_report_atomic(at);
}

int vmc_is_held(const volatile void *lock)
{
	unsigned int index;

	for (index = 0; index < vmc_held_count; index++)
		if (vmc_held[index].lock == lock)
			return 1;
	return 0;
}

void vmc_take(const volatile void *lock, int how)
{
	unsigned int index;

	(void)*(const volatile char *)lock;
	if (vmc_is_atomic && how & VMC_SLEEPING_LOCK)
		vmc_report_atomic(VMC_CALLER);
	for (index = 0; index < vmc_held_count; index++) {
		if (vmc_held[index].lock != lock || how & VMC_SHARED_LOCK)
			continue;
		vmc_event(VMC_WARNED, VMC_CALLER, (unsigned long)"a lock is taken that is held: a deadlock", 1, 0, 0);
		vmc_stop();
	}
	if (vmc_held_count == VMC_MOST_HELD)
		vmc_fail("more locks are held than can be tracked");
	vmc_held[vmc_held_count++] = (struct vmc_held_lock){ lock, VMC_CALLER, how };
	vmc_is_atomic += !(how & VMC_SLEEPING_LOCK);
}

void vmc_give(const volatile void *lock)
{
	unsigned int index = vmc_held_count;

	(void)*(const volatile char *)lock;
	while (index && vmc_held[index - 1].lock != lock)
		index--;
	if (!index) {
		vmc_event(VMC_WARNED, VMC_CALLER, (unsigned long)"a lock is given back that is not held", 0, 0, 0);
		return;
	}
	vmc_is_atomic -= !(vmc_held[index - 1].how & VMC_SLEEPING_LOCK);
	for (vmc_held_count--; index <= vmc_held_count; index++)
		vmc_held[index - 1] = vmc_held[index];
}

/* At the end of an operation. What is held then is held by nobody: the next one would wait for ever. */
static void vmc_report_held(void)
{
	unsigned int index;

	for (index = 0; index < vmc_held_count; index++)
		vmc_event(VMC_WARNED, vmc_held[index].at, (unsigned long)"a lock is never given back", 0, 0, 0);
	vmc_held_count = vmc_is_atomic = 0;
}
