// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The program: reads sequences from standard input, writes what they did to standard output, until the input ends.
 *
 * A request is a header and operations. The answer to each operation is its outcome and a digest of all that can be
 * observed; where details are asked for, they follow. Where there are alternatives behind the operations, each of them
 * is answered instead: see explore.c. vmemcheck/kernel/protocol.py is the other end.
 */
extern int __sigsetjmp(void *environment, int save) __attribute__((returns_twice));
extern void siglongjmp(void *environment, int value) __attribute__((noreturn));

struct vmc_request {
	unsigned int magic, operations, details, milliseconds, alternatives, statics, with_free;
};

#ifndef VMC_MUTANTS
static int vmc_mutant;
#endif

#define VMC_MAGIC 0x324d4356U
#define VMC_MOST_OPERATIONS 8192
VMC_KEEP static struct vmc_operation *vmc_operations = 0;
VMC_KEEP static unsigned long vmc_jump[64] __attribute__((aligned(16))) = { 0 };
VMC_KEEP static const char *vmc_gave_up = 0;
VMC_KEEP static unsigned long vmc_gave_up_at[VMC_PLACES] = { 0 };
VMC_KEEP static char *vmc_snapshot = 0;

extern char __data_start[], _edata[], __bss_start[], _end[], __start_vmc_keep[], __stop_vmc_keep[];

#ifdef VMC_COVERED
#if __GNUC__ < 12
#error "lines are counted with gcc 12 or newer"
#endif
/* gcov.h. The counts go to a file that is open already: the program may open none. */
struct gcov_info;
extern void __gcov_info_to_gcda(const struct gcov_info *, void (*)(const char *, void *),
				void (*)(const void *, unsigned, void *), void *(*)(unsigned, void *), void *);
extern const struct gcov_info *const __start_vmc_counts[], *const __stop_vmc_counts[];
VMC_KEEP static int vmc_counts_file = 0;

static void vmc_counts_name(const char *name, void *unused)
{
}

static void vmc_counts_put(const void *counts, unsigned bytes, void *unused)
{
	vmc_put(counts, bytes);
}

static void *vmc_counts_room(unsigned bytes, void *unused)
{
	return vmc_reserve(0, bytes);
}

static void vmc_put_counts(void)
{
	const struct gcov_info *const *info;
	unsigned long at, bytes, done;

	vmc_out_bytes = 0;
	/* Before those of each part of the program, how many bytes they have. */
	for (info = __start_vmc_counts; info < __stop_vmc_counts; info++) {
		at = vmc_out_bytes;
		bytes = 0;
		vmc_put(&bytes, sizeof(bytes));
		__gcov_info_to_gcda(*info, vmc_counts_name, vmc_counts_put, vmc_counts_room, 0);
		bytes = vmc_out_bytes - at - sizeof(bytes);
		__builtin_memcpy(vmc_out + at, &bytes, sizeof(bytes));
	}
	for (at = 0; at < vmc_out_bytes && (done = write(vmc_counts_file, vmc_out + at, vmc_out_bytes - at)) > 0; at += done)
		;
}
#endif

static void vmc_exit(int code)
{
#ifdef VMC_COVERED
	vmc_put_counts();
#endif
	_exit(code);
}

static void vmc_write_out(const void *buffer, unsigned long bytes)
{
	while (bytes) {
		long done = write(1, buffer, bytes);

		if (done <= 0)
			vmc_exit(3);
		buffer = (const char *)buffer + done;
		bytes -= done;
	}
}

/* No verdict: a limit of the simulation, not of the kernel. The places and the message are the last that is said. */
static void vmc_fail_at(const char *message, const unsigned long *places)
{
	unsigned long length = __builtin_strlen(message), bytes = VMC_PLACES * sizeof(*places);
	unsigned long header[2] = { ~0UL, bytes + length };

	vmc_write_out(header, sizeof(header));
	vmc_write_out(places, bytes);
	vmc_write_out(message, length);
	vmc_exit(5);
}

static void vmc_fail(const char *message)
{
	unsigned long places[VMC_PLACES] = { 0 };

	vmc_follow((unsigned long)__builtin_frame_address(0), places, 0, VMC_PLACES);
	vmc_fail_at(message, places);
}

/* A limit is met in the kernel code: no verdict if the code comes back, else it is an endless loop. */
static void vmc_give_up(const char *message)
{
	if (!vmc_in_operation)
		vmc_fail(message);
	if (!vmc_gave_up)
		vmc_follow((unsigned long)__builtin_frame_address(0), vmc_gave_up_at, 0, VMC_PLACES);
	vmc_gave_up = message;
}

static void vmc_stop(void)
{
	vmc_stopped = 1;
	if (!vmc_in_operation)
		vmc_fail("the kernel code stopped outside of an operation");
	vmc_in_operation = 0;
	siglongjmp(vmc_jump, 1);
}

/*
 * Not memcpy(): between the objects lies what a sanitizer wants nobody to read. Nor REP MOVSB: where the two places are
 * a few bytes apart, not counting whole pages, it takes ten times as long, and so does a memcpy() that uses it.
 */
static VMC_UNSEEN void vmc_copy(char *to, const char *from, unsigned long bytes)
{
	typedef unsigned long pair __attribute__((vector_size(16), aligned(1), may_alias));

	for (; bytes >= 4 * sizeof(pair); bytes -= 4 * sizeof(pair), to += 4 * sizeof(pair), from += 4 * sizeof(pair)) {
		const pair *pairs = (const pair *)from;
		pair first = pairs[0], second = pairs[1], third = pairs[2], fourth = pairs[3];

		((pair *)to)[0] = first;
		((pair *)to)[1] = second;
		((pair *)to)[2] = third;
		((pair *)to)[3] = fourth;
	}
	for (; bytes; bytes--)
		*to++ = *from++;
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
		vmc_copy(restore ? ranges[index][0] : kept, restore ? kept : ranges[index][0], bytes);
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
	vmc_flush(0, ~0UL);
	vmc_ledger_reset();
	vmc_list_count = 0;
	vmc_copy_data(1);
	__builtin_memset((void *)VMC_TOP_PLACE, 0, PTRS_PER_PGD * sizeof(long));
	vmc_boot_machine();
	vmc_event_count = 0;
	vmc_changed = 1;
}

/* What the last look at the state came to. */
VMC_KEEP static unsigned long vmc_looked = 0;

static unsigned long vmc_events_digest(unsigned long hash)
{
	const unsigned long with_place = 1UL << VMC_WARNED | 1UL << VMC_STOPPED | 1UL << VMC_ALTMAP_RELEASED;
	const struct vmc_event *event, *end = vmc_events + vmc_event_count;
	unsigned long before = 0, next;

	/* Each goes into what the last but one came to: two products that do not wait for each other. */
	for (event = vmc_events; event < end; event++) {
		unsigned long kind = event->type;

		if (with_place >> kind & 1)
			kind += event->at << 8;
		next = vmc_mix(before, vmc_fold(event->a, event->b, event->c, event->d) + kind);
		before = hash;
		hash = next;
	}
	return vmc_mix(hash, before);
}

/* Of what vmc_look() has found. */
static unsigned long vmc_state_digest(void)
{
	unsigned long hash = 0, index;

	for (index = 0; index < vmc_mapping_count; index++) {
		const struct vmc_mapping *run = &vmc_mappings[index];

		hash = vmc_mix(hash, vmc_fold(run->start, run->bytes, run->pfn, run->count) + vmc_mix(1, run->step));
	}
	for (index = 0; index < vmc_table_count; index++)
		hash = vmc_mix(hash, vmc_fold(vmc_tables[index].start, vmc_tables[index].pfn,
					      vmc_tables[index].level, 2));
	for (index = 0; index < vmc_extent_count; index++)
		hash = vmc_mix(hash, vmc_fold(vmc_extents[index].start, vmc_extents[index].end,
					      vmc_extents[index].content,
					      vmc_extents[index].content == VMC_LIVE ? vmc_extents[index].of : 3));
	for (index = 0; index < vmc_block_count; index++) {
		const struct vmc_block *run = &vmc_blocks[index];

		hash = vmc_mix(hash, vmc_fold(run->pfn, run->order << 1 | run->was_table, run->owner, run->count) + 4);
	}
	return hash;
}

/* Which subsections are present: the kernel writes that without anything that this machine sees. */
static unsigned long vmc_present_digest(unsigned long hash)
{
	unsigned long nr;

	for (nr = vmc_first_section; nr != ~0UL && nr <= vmc_last_section; nr++) {
		const struct mem_section *section = __nr_to_section(nr);

		if (!section || !valid_section(section))
			continue;
		hash = vmc_mix(hash, nr);
#ifndef VMC_CLASSIC
		for (unsigned long word = 0; section->usage && word < BITS_TO_LONGS(SUBSECTIONS_PER_SECTION); word++)
			hash = vmc_mix(hash, section->usage->subsection_map[word]);
#endif
	}
	return hash;
}

static unsigned long vmc_digest(const struct vmc_outcome *outcome)
{
	unsigned long hash = outcome->start * 31 + outcome->pages, index;

	hash = vmc_events_digest(vmc_mix(hash, outcome->returned));
	hash = vmc_present_digest(vmc_mix(hash, vmc_looked));
	for (index = 0; index < vmc_altmap_count; index++)
		hash = vmc_mix(hash, (vmc_altmaps[index].alloc << 32) + vmc_altmaps[index].align);
	for (index = 0; index < VMC_COUNTERS; index++)
		hash = vmc_mix(hash, vmc_counters[index]);
	return hash;
}

/*
 * Read all that can be observed. Half of the operations are refused, or do again what was done, and change nothing:
 * then what was read for the last one still stands. The checked build reads it nevertheless, and compares.
 */
static void vmc_look(void)
{
	unsigned long before = vmc_looked;
	int was_changed;

	vmc_settle_altmaps();
	was_changed = vmc_changed || vmc_stopped;
#ifndef VMC_CHECKED
	if (!was_changed)
		return;
#endif
	vmc_walk();
	vmc_read_contents();
	vmc_list_blocks();
	vmc_looked = vmc_state_digest();
	vmc_changed = 0;
	if (!was_changed && vmc_looked != before)
		vmc_fail("the state has changed, and nothing has said so");
}

static void vmc_observe(const struct vmc_outcome *outcome, int details)
{
	vmc_look();
	vmc_put(outcome, sizeof(*outcome));
	vmc_put_word(vmc_stopped);
	vmc_put_word(vmc_digest(outcome));
	if (details)
		vmc_put_details();
}

/* Let the kernel's code perform one operation, and come back from it. */
static void vmc_step(const struct vmc_operation *operation, unsigned int milliseconds, struct vmc_outcome *outcome)
{
	vmc_event_count = 0;
	vmc_gave_up = 0;
	vmc_sample_count = 0;
	vmc_left_over_read = 0;
	vmc_set_timer(milliseconds * 1000UL / VMC_TICKS);
	vmc_operation_number++;
	vmc_in_operation = 1;
	if (!__sigsetjmp(vmc_jump, 0))
		vmc_perform(operation, outcome);
	vmc_in_operation = 0;
	if (vmc_gave_up && !(vmc_stopped && vmc_sample_count))
		vmc_fail_at(vmc_gave_up, vmc_gave_up_at);
	vmc_take_back();
}

static void vmc_run(const struct vmc_request *request)
{
	unsigned int index, shown = 0;
	unsigned long header[2];
	struct vmc_outcome outcome;

	vmc_reset();
	vmc_out_bytes = sizeof(header);
	for (index = 0; index < request->operations && !vmc_stopped; index++) {
		vmc_step(&vmc_operations[index], request->milliseconds, &outcome);
		vmc_observe(&outcome, request->details);
		shown++;
	}
#ifdef VMC_MUTANTS_REACHED
	vmc_put(vmc_reached, sizeof(vmc_reached));
#endif
	header[0] = shown;
	header[1] = vmc_out_bytes - sizeof(header);
	__builtin_memcpy(vmc_out, header, sizeof(header));
	vmc_write_out(vmc_out, vmc_out_bytes);
}

static void vmc_explore(const struct vmc_request *);

int main(int count, char **arguments)
{
	struct vmc_request request;
	const char *digit;

	if (count > 1)
		vmc_levels = arguments[1][0] - '0';
	for (digit = count > 2 ? arguments[2] : ""; *digit; digit++)
		vmc_mutant = vmc_mutant * 10 + *digit - '0';
#ifdef VMC_COVERED
	for (digit = count > 3 ? arguments[3] : ""; *digit; digit++)
		vmc_counts_file = vmc_counts_file * 10 + *digit - '0';
#endif
	vmc_stack_top = (unsigned long)__builtin_frame_address(0) + 4096;
	vmc_machine_start();
	vmc_events = vmc_reserve(0, VMC_MOST_EVENTS * sizeof(*vmc_events));
	vmc_cached = vmc_reserve(0, VMC_MOST_CACHED * sizeof(*vmc_cached));
	vmc_free_heads = vmc_reserve(0, VMC_ORDERS * sizeof(*vmc_free_heads));
	vmc_slots = vmc_reserve(0, (VMC_MOST_LIVE + 1) * sizeof(*vmc_slots));
	vmc_lists = vmc_reserve(0, VMC_RUN_LISTS * sizeof(*vmc_lists));
	vmc_loan_words = vmc_reserve(0, VMC_MOST_LOANS * VMC_LOAN_BYTES);
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
	if (VMC_EXPLORES)
		vmc_canonical_start();
	vmc_copy_data(0);
	vmc_confine();
	for (;;) {
		vmc_read_in(&request, sizeof(request));
		if (request.magic != VMC_MAGIC || request.operations > VMC_MOST_OPERATIONS ||
		    request.alternatives > (VMC_MOST_OPERATIONS - request.operations) * VMC_EXPLORES ||
		    request.statics > VMC_MOST_SPANS * VMC_EXPLORES)
			_exit(2);
		vmc_read_in(vmc_operations, (request.operations + request.alternatives) * sizeof(*vmc_operations));
		vmc_static_count = request.statics;
		vmc_read_in(vmc_statics, request.statics * sizeof(*vmc_statics));
		if (VMC_EXPLORES && request.alternatives)
			vmc_explore(&request);
		else
			vmc_run(&request);
	}
}
