// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program: reads sequences from standard input, writes what they did to standard output, until the input ends.
 *
 * A request is a header and operations. The answer to each operation is its outcome and a digest of all that can be
 * observed; where details are asked for, they follow. vmemcheck/kernel/protocol.py is the other end.
 */
extern int sigaction(int number, const void *action, void *old);
extern int sigaltstack(const void *stack, void *old);
extern int setitimer(int which, const void *value, void *old);
extern int __sigsetjmp(void *environment, int save) __attribute__((returns_twice));
extern void siglongjmp(void *environment, int value) __attribute__((noreturn));

struct vmc_request {
	unsigned int magic, operations, details, milliseconds;
};

#define VMC_MAGIC 0x314d4356U
#define VMC_MOST_OPERATIONS 8192
VMC_KEEP static struct vmc_operation *vmc_operations = 0;
VMC_KEEP static unsigned long vmc_jump[64] __attribute__((aligned(16))) = { 0 };
VMC_KEEP static int vmc_in_operation = 0;
#define VMC_SIGNAL_STACK 65536
VMC_KEEP static char *vmc_snapshot = 0;

extern char __data_start[], _edata[], __bss_start[], _end[], __start_vmc_keep[], __stop_vmc_keep[];

static void vmc_exact(int is_write, void *buffer, unsigned long bytes)
{
	while (bytes) {
		long done = is_write ? write(1, buffer, bytes) : read(0, buffer, bytes);

		if (done <= 0)
			_exit(is_write ? 3 : 0);
		buffer = (char *)buffer + done;
		bytes -= done;
	}
}

/* No verdict: a limit of the simulation, not of the kernel. The message is the last thing that is said. */
static void vmc_fail(const char *message)
{
	unsigned long bytes = __builtin_strlen(message), header[2] = { ~0UL, bytes };

	vmc_exact(1, header, sizeof(header));
	vmc_exact(1, (void *)message, bytes);
	_exit(5);
}

static void vmc_stop(void)
{
	vmc_stopped = 1;
	if (!vmc_in_operation)
		vmc_fail("the kernel code stopped outside of an operation");
	vmc_in_operation = 0;
	siglongjmp(vmc_jump, 1);
}

#define VMC_MOST_BORROWED 64
VMC_KEEP static unsigned long vmc_borrowed[VMC_MOST_BORROWED] = { 0 };
VMC_KEEP static unsigned int vmc_borrowed_count = 0;

/* A struct page that the kernel code reads as memory: lend it a page with what stands there. */
static int vmc_lend(unsigned long address)
{
	static const unsigned char bytes[] = { 0x5a, 0, 0xff, 0xfd, 0xa7, 0, 0x5a };
	unsigned long start = address & ~4095UL, pfn;

	if (!vmc_in_hot(address) || vmc_borrowed_count == VMC_MOST_BORROWED)
		return 0;
	pfn = vmc_translate(address);
	if (pfn == ~0UL || mmap((void *)start, 4096, 3, 0x4022 | 0x100000, -1, 0) != (void *)start)
		return 0;
	__builtin_memset((void *)start, vmc_desc_of(pfn) ? bytes[vmc_desc_of(pfn)->content] : 0x5a, 4096);
	vmc_borrowed[vmc_borrowed_count++] = start;
	return 1;
}

static void vmc_take_back(void)
{
	while (vmc_borrowed_count)
		munmap((void *)vmc_borrowed[--vmc_borrowed_count], 4096);
}

static void vmc_on_signal(int number, void *information, void *context)
{
	/* siginfo_t.si_addr; ucontext_t.uc_mcontext.gregs[REG_RIP] */
	unsigned long address = ((unsigned long *)information)[2], at = ((unsigned long *)context)[5 + 16];

	if (number == 11 && vmc_lend(address)) {
		vmc_event(VMC_TOUCHED, at, vmc_address_name(address), vmc_address_name(address + 1), 0, 0);
		return;
	}
	if (!vmc_in_operation)
		_exit(6);
	if (number == 11 || number == 7)
		vmc_event(VMC_FAULTED, at, vmc_address_name(address), 0, 0, 0);
	else
		vmc_event(VMC_STOPPED, at, number, 0, 0, 0);
	vmc_stop();
}

static void vmc_catch_signals(void)
{
	struct {
		void *handler;
		unsigned long mask[16];
		int flags;
		void *restorer;
	} action = { vmc_on_signal, { 0 }, 0x4 | 0x40000000 | 0x08000000, 0 };
	struct {
		void *start;
		int flags;
		unsigned long bytes;
	} stack = { vmc_reserve(0, VMC_SIGNAL_STACK), 0, VMC_SIGNAL_STACK };
	static const int numbers[] = { 4, 7, 8, 11, 26 };
	unsigned int index;

	sigaltstack(&stack, 0);
	for (index = 0; index < sizeof(numbers) / sizeof(*numbers); index++)
		sigaction(numbers[index], &action, 0);
}

/* Copy all data outside of vmc_keep to or from the snapshot. Between the ranges there may be no memory. */
static void vmc_copy_data(int restore)
{
	char *const ranges[][2] = { { __data_start, __start_vmc_keep }, { __stop_vmc_keep, _edata }, { __bss_start, _end } };
	char *kept = vmc_snapshot;
	unsigned int index;

	for (index = 0; index < 3; index++) {
		long bytes = ranges[index][1] - ranges[index][0];

		if (bytes <= 0)
			continue;
		__builtin_memcpy(restore ? ranges[index][0] : kept, restore ? kept : ranges[index][0], bytes);
		kept += bytes;
	}
}

/* Put all data outside of vmc_keep back. */
static void vmc_reset(void)
{
	unsigned long nr;

	vmc_take_back();
	if (vmc_first_section != ~0UL) {
		for (nr = vmc_first_section & -(unsigned long)SECTIONS_PER_ROOT; nr <= vmc_last_section;
		     nr += SECTIONS_PER_ROOT)
			mem_section[SECTION_NR_TO_ROOT(nr)] = NULL;
		vmc_first_section = ~0UL;
		vmc_last_section = 0;
	}
	vmc_ledger_reset();
	vmc_list_count = 0;
	vmc_copy_data(1);
	__builtin_memset((void *)VMC_TOP_PLACE, 0, PTRS_PER_PGD * sizeof(long));
	vmc_boot_machine();
	vmc_event_count = 0;
}

static inline unsigned long vmc_mix(unsigned long hash, unsigned long word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15UL;
	return hash ^ hash >> 29;
}

/* Four words in one: the products do not wait for each other, as those of vmc_mix() do. */
static inline unsigned long vmc_fold(unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return a * 0xc2b2ae3d27d4eb4fUL + b * 0x165667b19e3779f9UL + c * 0xff51afd7ed558ccdUL +
	       d * 0x9fb21c651e98df25UL;
}

static unsigned long vmc_events_digest(unsigned long hash)
{
	unsigned int index;

	for (index = 0; index < vmc_event_count; index++) {
		const struct vmc_event *event = &vmc_events[index];
		unsigned long kind = event->type;

		if (kind == VMC_WARNED || kind == VMC_STOPPED || kind == VMC_ALTMAP_RELEASED)
			kind += event->at << 8;
		hash = vmc_mix(hash, vmc_fold(event->a, event->b, event->c, event->d) + kind);
	}
	return hash;
}

static unsigned long vmc_digest(const struct vmc_outcome *outcome)
{
	unsigned long hash = outcome->start * 31 + outcome->pages, index;

	hash = vmc_events_digest(vmc_mix(hash, outcome->returned));
	for (index = 0; index < vmc_mapping_count; index++)
		hash = vmc_mix(hash, vmc_fold(vmc_mappings[index].start, vmc_mappings[index].bytes,
					      vmc_mappings[index].pfn, 1));
	for (index = 0; index < vmc_table_count; index++)
		hash = vmc_mix(hash, vmc_fold(vmc_tables[index].start, vmc_tables[index].pfn,
					      vmc_tables[index].level, 2));
	for (index = 0; index < vmc_extent_count; index++)
		hash = vmc_mix(hash, vmc_fold(vmc_extents[index].start, vmc_extents[index].end,
					      vmc_extents[index].content,
					      vmc_extents[index].content == VMC_LIVE ? vmc_extents[index].of : 3));
	for (index = 0; index < vmc_block_count; index++)
		hash = vmc_mix(hash, vmc_fold(vmc_blocks[index].pfn, vmc_blocks[index].order,
					      vmc_blocks[index].owner, 4 + vmc_blocks[index].was_table));
	for (index = 0; index < vmc_live_count; index++)
		if (vmc_live[index]->altmap)
			hash = vmc_mix(hash, (vmc_live[index]->altmap->alloc << 32) + vmc_live[index]->altmap->align);
	for (index = 0; index < VMC_COUNTERS; index++)
		hash = vmc_mix(hash, vmc_counters[index]);
	return hash;
}

static void vmc_observe(const struct vmc_outcome *outcome, int details)
{
	vmc_settle_altmaps();
	vmc_walk();
	vmc_read_contents();
	vmc_list_blocks();
	vmc_put(outcome, sizeof(*outcome));
	vmc_put_word(vmc_stopped);
	vmc_put_word(vmc_digest(outcome));
	if (details)
		vmc_put_details();
}

static void vmc_set_timer(unsigned int milliseconds)
{
	long value[4] = { 0, 0, milliseconds / 1000, milliseconds % 1000 * 1000 };

	setitimer(1, value, 0); /* ITIMER_VIRTUAL: time that this program computes */
}

static void vmc_run(const struct vmc_request *request)
{
	unsigned int index, shown = 0;
	unsigned long header[2];
	struct vmc_outcome outcome;

	vmc_reset();
	vmc_out_bytes = sizeof(header);
	for (index = 0; index < request->operations && !vmc_stopped; index++) {
		vmc_event_count = 0;
		vmc_in_operation = 1;
		vmc_set_timer(request->milliseconds);
		if (!__sigsetjmp(vmc_jump, 0))
			vmc_perform(&vmc_operations[index], &outcome);
		vmc_set_timer(0);
		vmc_in_operation = 0;
		vmc_take_back();
		vmc_observe(&outcome, request->details);
		shown++;
	}
	if (vmc_events_lost)
		vmc_fail("one operation had more events than can be reported");
	header[0] = shown;
	header[1] = vmc_out_bytes - sizeof(header);
	__builtin_memcpy(vmc_out, header, sizeof(header));
	vmc_exact(1, vmc_out, vmc_out_bytes);
}

int main(int count, char **arguments)
{
	struct vmc_request request;

	if (count > 1)
		vmc_levels = arguments[1][0] - '0';
	vmc_machine_start();
	vmc_events = vmc_reserve(0, VMC_MOST_EVENTS * sizeof(*vmc_events));
	vmc_free_heads = vmc_reserve(0, VMC_ORDERS * sizeof(*vmc_free_heads));
	vmc_slots = vmc_reserve(0, (VMC_MOST_LIVE + 1) * sizeof(*vmc_slots));
	vmc_lists = vmc_reserve(0, VMC_RUN_LISTS * sizeof(*vmc_lists));
	vmc_altmap_blocks = vmc_reserve(0, VMC_MOST_ALTMAP_BLOCKS * sizeof(*vmc_altmap_blocks));
	vmc_mappings = vmc_reserve(0, VMC_MOST_MAPPINGS * sizeof(*vmc_mappings));
	vmc_tables = vmc_reserve(0, VMC_MOST_TABLES * sizeof(*vmc_tables));
	vmc_extents = vmc_reserve(0, VMC_MOST_MAPPINGS * sizeof(*vmc_extents));
	vmc_blocks = vmc_reserve(0, VMC_MOST_MAPPINGS * sizeof(*vmc_blocks));
	vmc_operations = vmc_reserve(0, VMC_MOST_OPERATIONS * sizeof(*vmc_operations));
	vmc_out = vmc_reserve(0, VMC_OUT_SIZE);
	mem_section = vmc_reserve(0, NR_SECTION_ROOTS * sizeof(*mem_section));
	vmc_snapshot = vmc_reserve(0, _end - __data_start);
	vmc_catch_signals();
	vmc_arch_start();
	vmc_copy_data(0);
	for (;;) {
		vmc_exact(0, &request, sizeof(request));
		if (request.magic != VMC_MAGIC || request.operations > VMC_MOST_OPERATIONS)
			_exit(2);
		vmc_exact(0, vmc_operations, request.operations * sizeof(*vmc_operations));
		vmc_run(&request);
	}
}
