// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Locks: which are held, and who took them. Each lies in memory, as a CPU would find when it writes to it.
 *
 * kernel/locking/lockdep.c: "bad unlock balance", "possible recursive locking", "lock held when returning to user space"
 */
struct vmc_held_lock {
	const volatile void *lock;
	unsigned long at;
};

#define VMC_MOST_HELD 16
static struct vmc_held_lock vmc_held[VMC_MOST_HELD];
static unsigned int vmc_held_count;

void vmc_take(const volatile void *lock, int is_shared)
{
	unsigned int index;

	(void)*(const volatile char *)lock;
	for (index = 0; index < vmc_held_count; index++) {
		if (vmc_held[index].lock != lock || is_shared)
			continue;
		vmc_event(VMC_WARNED, VMC_CALLER, (unsigned long)"a lock is taken that is held: a deadlock", 1, 0, 0);
		vmc_stop();
	}
	if (vmc_held_count == VMC_MOST_HELD)
		vmc_fail("more locks are held than can be tracked");
	vmc_held[vmc_held_count++] = (struct vmc_held_lock){ lock, VMC_CALLER };
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
	for (vmc_held_count--; index <= vmc_held_count; index++)
		vmc_held[index - 1] = vmc_held[index];
}

/* At the end of an operation. What is held then is held by nobody: the next one would wait for ever. */
static void vmc_report_held(void)
{
	unsigned int index;

	for (index = 0; index < vmc_held_count; index++)
		vmc_event(VMC_WARNED, vmc_held[index].at, (unsigned long)"a lock is never given back", 0, 0, 0);
	vmc_held_count = 0;
}
