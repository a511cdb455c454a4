// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Standard input: what main.c asks for, in as few system calls as there can be. What it means is not known here.
 */
#define VMC_READ_AHEAD 8192
VMC_KEEP static char vmc_ahead[VMC_READ_AHEAD] = { 0 };
VMC_KEEP static unsigned long vmc_ahead_at = 0, vmc_ahead_end = 0;

static void vmc_exit(int code);

/* A request is read at once, as far as it fits. */
static void vmc_read_in(void *buffer, unsigned long bytes)
{
	while (bytes) {
		unsigned long some = vmc_ahead_end - vmc_ahead_at < bytes ? vmc_ahead_end - vmc_ahead_at : bytes;
		long done = some ? 0 : read(0, vmc_ahead, sizeof(vmc_ahead));

		if (some) {
			__builtin_memcpy(buffer, vmc_ahead + vmc_ahead_at, some);
			buffer = (char *)buffer + some;
			bytes -= some;
			vmc_ahead_at += some;
		} else if (done > 0) {
			vmc_ahead_at = 0;
			vmc_ahead_end = done;
		} else {
			vmc_exit(0);
		}
	}
}
