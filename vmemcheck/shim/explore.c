// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One step of an exhaustive search: a sequence that leads to a state, and all operations that are to be tried there.
 *
 * The state is made again for each of them; what did nothing at all leaves it as it was. Which states are worth a
 * look is for vmemcheck/explore.py to say.
 */
static void vmc_go_to(const struct vmc_request *request)
{
	struct vmc_outcome outcome;
	unsigned int index;

	vmc_reset();
	for (index = 0; index < request->operations; index++) {
		vmc_step(&vmc_operations[index], request->milliseconds, &outcome);
		if (vmc_stopped)
			vmc_fail("the sequence that leads to a state stopped");
		/* As after every operation: the walk notes tables, and settles whose pages are whose. */
		vmc_settle_altmaps();
		vmc_walk();
	}
	vmc_event_count = 0;
}

static void vmc_explore(const struct vmc_request *request)
{
	unsigned long header[2] = { request->alternatives, 0 }, before, after;
	int is_there = 0, was_running;
	struct vmc_outcome outcome;
	unsigned int index;

	vmc_out_bytes = sizeof(header);
	for (index = 0; index < request->alternatives; index++) {
		if (!is_there) {
			vmc_go_to(request);
			vmc_look();
			before = vmc_canonical(request->with_free);
			was_running = vmc_is_running;
		}
		vmc_step(&vmc_operations[request->operations + index], request->milliseconds, &outcome);
		vmc_look();
		after = vmc_canonical(request->with_free);
		vmc_put(&outcome, sizeof(outcome));
		vmc_put_word(vmc_stopped);
		vmc_put_word(after);
		vmc_put_word(vmc_event_count);
		vmc_put_word(vmc_left_over_read);
		if (request->details)
			vmc_put_details();
		is_there = !vmc_stopped && !vmc_event_count && after == before && vmc_is_running == was_running;
	}
	header[1] = vmc_out_bytes - sizeof(header);
	__builtin_memcpy(vmc_out, header, sizeof(header));
	vmc_write_out(vmc_out, vmc_out_bytes);
}
