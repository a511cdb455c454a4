// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What ends the kernel code from outside: faults, loops that never end, calls of the host system.
 *
 * Each becomes an event with the place, and the operation ends there. What it means is in vmemcheck/kernel/decode.py.
 */
extern int sigaction(int number, const void *action, void *old);
extern int sigaltstack(const void *stack, void *old);
extern int setitimer(int which, const void *value, void *old);
extern int prctl(int option, ...);

enum { VMC_SIGILL = 4, VMC_SIGBUS = 7, VMC_SIGFPE = 8, VMC_SIGSEGV = 11, VMC_SIGPROF = 27, VMC_SIGSYS = 31 };
/* Reasons besides the numbers of signals. */
enum { VMC_OUT_OF_STACK = 101, VMC_NULL_POINTER, VMC_NO_MEMORY, VMC_PRIVILEGED };

#define VMC_SIGNAL_STACK 65536
#define VMC_SAMPLES 16
#define VMC_SAMPLE_MICROSECONDS 500
VMC_KEEP static unsigned int vmc_sample_count = 0;
VMC_KEEP static unsigned long vmc_samples[VMC_SAMPLES][VMC_PLACES] = { { 0 } };

/*
 * One timer ticks on through all operations: to set one for each would take longer than many an operation. The first tick
 * in an operation says that it is there, and from then on it has the time that it may take, less than a tick more at most.
 */
#define VMC_TICKS 10
VMC_KEEP static unsigned long vmc_tick_microseconds = 0;
VMC_KEEP static unsigned int vmc_operation_number = 0, vmc_ticked_number = 0, vmc_tick_count = 0;

static void vmc_set_timer(unsigned long microseconds)
{
	long value[4] = { microseconds / 1000000, microseconds % 1000000, microseconds / 1000000, microseconds % 1000000 };

	if (microseconds == vmc_tick_microseconds)
		return;
	vmc_tick_microseconds = microseconds;
	setitimer(2, value, 0); /* ITIMER_PROF: computing time of this program */
}

/* Whether the operation that a tick interrupts has had its time. */
static int vmc_is_over_time(void)
{
	if (!vmc_in_operation)
		return 0;
	if (vmc_ticked_number != vmc_operation_number)
		vmc_tick_count = 0;
	vmc_ticked_number = vmc_operation_number;
	return vmc_tick_count++ >= VMC_TICKS;
}

static void vmc_report_sample(const unsigned long *places)
{
	vmc_event(VMC_SAMPLED, places[0], places[1], places[2], places[3], places[4]);
}

/* For a loop, the samples are where it was at several moments; for all else, the callers behind the first three places. */
static void vmc_report_stop(const unsigned long *places, unsigned long reason, unsigned long address)
{
	unsigned int index;

	/* Of a flood of events the first ones will do. */
	vmc_make_room(vmc_event_count == VMC_MOST_EVENTS - 1 ? VMC_MOST_EVENTS - 1024 : VMC_SAMPLES + 2);
	for (index = 0; index < vmc_sample_count; index++)
		vmc_report_sample(vmc_samples[index]);
	for (index = 3; reason != VMC_SIGPROF && index + VMC_PLACES <= VMC_DEEP; index += VMC_PLACES)
		vmc_report_sample(places + index);
	vmc_event(VMC_STOPPED, places[0], reason, address, places[1], places[2]);
	vmc_stop();
}

/* Where the code is at several moments: what all have in common is the loop. */
static int vmc_sample(const unsigned long *places)
{
	if (vmc_sample_count == VMC_SAMPLES)
		return 0;
	__builtin_memcpy(vmc_samples[vmc_sample_count++], places, sizeof(vmc_samples[0]));
	vmc_set_timer(VMC_SAMPLE_MICROSECONDS);
	return 1;
}

static unsigned long vmc_reason(unsigned long number, unsigned long address, int code)
{
	if (number != VMC_SIGSEGV && number != VMC_SIGBUS)
		return number;
	if (code == 128) /* SI_KERNEL: the CPU gives no address */
		return VMC_PRIVILEGED;
	if (address < 65536)
		return VMC_NULL_POINTER;
	return vmc_in_stack(address) ? VMC_OUT_OF_STACK : VMC_NO_MEMORY;
}

static void vmc_on_signal(int number, void *information, void *context)
{
	/* siginfo_t.si_code, si_addr; ucontext_t.uc_mcontext.gregs */
	unsigned long address = ((unsigned long *)information)[2], *registers = (unsigned long *)context + 5;
	unsigned long places[VMC_DEEP] = { 0 };

	if (number == VMC_SIGPROF && !vmc_is_over_time())
		return;
	vmc_read_stack(registers, places, !vmc_in_stack(address));
	if (number == VMC_SIGSEGV && vmc_lend(address, places[0])) {
		vmc_event(VMC_TOUCHED, places[0], vmc_address_name(address), vmc_address_name(address + 1), 0, 0);
		return;
	}
	if (!vmc_in_operation)
		vmc_fail_at("the simulated machine was damaged: it crashed after an operation", places);
	if (number == VMC_SIGPROF && vmc_sample(places))
		return;
	if (number == VMC_SIGSEGV && vmc_in_hot(address)) {
		vmc_make_room(1);
		vmc_event(VMC_FAULTED, places[0], vmc_address_name(address), 0, 0, 0);
		vmc_stop();
	}
	if (number == VMC_SIGSYS)
		places[0]--, address = ((unsigned int *)information)[6]; /* behind the call; siginfo_t.si_syscall */
	vmc_report_stop(places, vmc_reason(number, address, ((int *)information)[2]), address);
}

static void vmc_catch_signals(void)
{
	struct {
		void *handler;
		unsigned long mask[16];
		int flags;
		void *restorer;
	} action = { vmc_on_signal, { 0 }, 0x4 | 0x40000000 | 0x08000000 | 0x10000000, 0 }; /* the last: SA_RESTART */
	struct {
		void *start;
		int flags;
		unsigned long bytes;
	} stack = { vmc_reserve(0, VMC_SIGNAL_STACK), 0, VMC_SIGNAL_STACK };
	static const int numbers[] = { VMC_SIGILL, VMC_SIGBUS, VMC_SIGFPE, VMC_SIGSEGV, VMC_SIGPROF, VMC_SIGSYS };
	unsigned int index;

	sigaltstack(&stack, 0);
	for (index = 0; index < sizeof(numbers) / sizeof(*numbers); index++)
		sigaction(numbers[index], &action, 0);
}

/*
 * From here on the program may only compute, read requests and write answers: code of a tree is not trusted. What it
 * needs to start is taken from it here; the rest it never had: see vmemcheck/kernel/confinement.py. A sanitizer needs
 * more. Where the host has no seccomp, nothing changes.
 */
static void vmc_confine(void)
{
#ifdef VMC_CONFINED
	/* read, write, mmap, munmap, rt_sigreturn, setitimer, exit_group of x86-64 */
	static const unsigned char allowed[] = { 0, 1, 9, 11, 15, 38, 231 };
	struct {
		unsigned short code;
		unsigned char yes, no;
		unsigned int value;
	} filter[sizeof(allowed) + 5] = {
		{ 0x20, 0, 0, 4 }, /* the architecture of the call */
		{ 0x15, 0, sizeof(allowed) + 1, 0xc000003e },
		{ 0x20, 0, 0, 0 }, /* its number */
	};
	struct {
		unsigned short length;
		void *filter;
	} program = { sizeof(filter) / sizeof(*filter), filter };
	unsigned int index, last = sizeof(allowed) + 3;

	for (index = 0; index < sizeof(allowed); index++) {
		filter[index + 3].code = 0x15; /* equal: jump to the last instruction */
		filter[index + 3].yes = last - index - 3;
		filter[index + 3].value = allowed[index];
	}
	filter[last].code = filter[last + 1].code = 0x6;
	filter[last].value = 0x00030000; /* SECCOMP_RET_TRAP */
	filter[last + 1].value = 0x7fff0000; /* SECCOMP_RET_ALLOW */
	prctl(38, 1, 0, 0, 0); /* PR_SET_NO_NEW_PRIVS */
	prctl(22, 2, &program); /* PR_SET_SECCOMP, SECCOMP_MODE_FILTER */
#endif
}
