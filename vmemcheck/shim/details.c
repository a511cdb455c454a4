// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The details of an observation, for vmemcheck/kernel/decode.py. What lies side by side is one run: nothing is lost.
 */
VMC_KEEP static char *vmc_out = 0;
VMC_KEEP static unsigned long vmc_out_bytes = 0;
#define VMC_OUT_SIZE (256UL << 20)

static void vmc_put(const void *data, unsigned long bytes)
{
	if (vmc_out_bytes + bytes > VMC_OUT_SIZE)
		_exit(4);
	__builtin_memcpy(vmc_out + vmc_out_bytes, data, bytes);
	vmc_out_bytes += bytes;
}

static void vmc_put_word(unsigned long word)
{
	vmc_put(&word, sizeof(word));
}

static inline void vmc_put_row(unsigned long a, unsigned long b, unsigned long c, unsigned long d, unsigned long e)
{
	unsigned long row[5] = { a, b, c, d, e };

	vmc_put(row, sizeof(row));
}

static void vmc_put_present(void)
{
	unsigned long nr, pfn, start = 0, count_at = vmc_out_bytes, count = 0;

	vmc_put_word(0);
	for (nr = vmc_first_section; nr != ~0UL && nr <= vmc_last_section; nr++) {
		for (pfn = section_nr_to_pfn(nr); pfn < section_nr_to_pfn(nr + 1); pfn += PAGES_PER_SUBSECTION) {
			int present = vmc_is_present(pfn);

			if (present && !start)
				start = pfn;
			if (!present && start) {
				vmc_put_word(vmc_pfn_name(start));
				vmc_put_word(vmc_pfn_name(pfn));
				start = 0;
				count++;
			}
		}
	}
	if (start) {
		vmc_put_word(vmc_pfn_name(start));
		vmc_put_word(vmc_pfn_name(pfn));
		count++;
	}
	__builtin_memcpy(vmc_out + count_at, &count, sizeof(count));
}

static int vmc_can_repeat(const struct vmc_event *event)
{
	return event->type == VMC_ALLOCATED_BLOCK || event->type == VMC_FREED || event->type == VMC_UNMAPPED;
}

/* Whether next is what first was, step by step: pages of one kind, the place of an unmapping side by side. */
static int vmc_repeats(const struct vmc_event *first, const struct vmc_event *next, const unsigned long *steps,
		       unsigned long times)
{
	if (next->type != first->type || next->at != first->at || next->b != first->b || next->d != first->d ||
	    next->a != first->a + steps[0] * times)
		return 0;
	if (first->type == VMC_UNMAPPED)
		return steps[0] == first->b && next->c == first->c + steps[1] * times;
	return next->c == first->c;
}

/* How often the next one or two events happened again, each time a step further; 1 where they did not. */
static unsigned int vmc_repetitions(const struct vmc_event *events, unsigned int left, unsigned int period,
				    unsigned long steps[4])
{
	unsigned int count, index;

	for (index = 0; index < period; index++) {
		if (index + period >= left || !vmc_can_repeat(&events[index]))
			return 1;
		steps[2 * index] = events[index + period].a - events[index].a;
		steps[2 * index + 1] = events[index + period].c - events[index].c;
	}
	for (count = 1; (count + 1) * period <= left; count++)
		for (index = 0; index < period; index++)
			if (!vmc_repeats(&events[index], &events[count * period + index], &steps[2 * index], count))
				return count;
	return count;
}

static void vmc_put_event(const struct vmc_event *event)
{
	vmc_put(event, sizeof(*event));
	if (event->type == VMC_WARNED) {
		unsigned long bytes = __builtin_strlen((const char *)event->a);

		vmc_put_word(bytes);
		vmc_put((const char *)event->a, bytes);
	}
}

static void vmc_put_events(void)
{
	unsigned long count_at = vmc_out_bytes, count = 0, steps[4];
	unsigned int index, period, times, number;

	vmc_put_word(0);
	for (index = 0; index < vmc_event_count; index += period * times) {
		const struct vmc_event *event = &vmc_events[index];

		for (period = 1; period <= 2; period++) {
			times = vmc_repetitions(event, vmc_event_count - index, period, steps);
			if (times > 1)
				break;
		}
		if (times > 1) {
			struct vmc_event repeat = { VMC_REPEATED, 2 * times + period - 1, steps[0], steps[1], steps[2],
						    steps[3] };

			vmc_put_event(&repeat);
			count++;
		} else {
			period = times = 1;
		}
		for (number = 0; number < period; number++)
			vmc_put_event(&event[number]);
		count += period;
	}
	__builtin_memcpy(vmc_out + count_at, &count, sizeof(count));
}

static void vmc_put_mappings(void)
{
	unsigned long index;

	vmc_put_word(vmc_mapping_count);
	for (index = 0; index < vmc_mapping_count; index++) {
		const struct vmc_mapping *run = &vmc_mappings[index];

		vmc_put_row(vmc_address_name(run->start), run->bytes, vmc_pfn_name(run->pfn), run->count, run->step);
	}
}

static void vmc_put_blocks(void)
{
	unsigned long index;

	vmc_put_word(vmc_block_count);
	for (index = 0; index < vmc_block_count; index++) {
		const struct vmc_block *run = &vmc_blocks[index];

		vmc_put_row(vmc_pfn_name(run->pfn), run->order, run->owner, run->count, run->was_table);
	}
}

static void vmc_put_contents(void)
{
	unsigned long index, next, count_at = vmc_out_bytes, count = 0;

	vmc_put_word(0);
	for (index = 0; index < vmc_extent_count; index = next, count++) {
		const struct vmc_extent *first = &vmc_extents[index];
		unsigned long bytes = first->end - first->start;

		for (next = index + 1; next < vmc_extent_count; next++) {
			const struct vmc_extent *one = &vmc_extents[next];

			if (one->content != first->content || one->start != one[-1].end ||
			    one->end - one->start != bytes ||
			    (first->content == VMC_LIVE && one->of != first->of))
				break;
		}
		vmc_put_row(vmc_address_name(first->start), vmc_address_name(first->end), first->content,
			    first->content == VMC_LIVE ? vmc_address_name(first->of) : 0, next - index);
	}
	__builtin_memcpy(vmc_out + count_at, &count, sizeof(count));
}

static void vmc_put_state(void)
{
	unsigned long index;

	vmc_put_present();
	vmc_put_mappings();
	vmc_put_word(vmc_table_count);
	for (index = 0; index < vmc_table_count; index++) {
		vmc_put_word(vmc_tables[index].level);
		vmc_put_word(vmc_address_name(vmc_tables[index].start));
		vmc_put_word(vmc_tables[index].bytes);
		vmc_put_word(vmc_pfn_name(vmc_tables[index].pfn));
	}
	vmc_put_blocks();
	vmc_put_contents();
	vmc_put_word(vmc_altmap_count);
	for (index = 0; index < vmc_altmap_count; index++) {
		const struct vmc_altmap *altmap = &vmc_altmaps[index];

		vmc_put_row(vmc_pfn_name(altmap->start), altmap->reserve, altmap->free, altmap->align, altmap->alloc);
	}
	vmc_put_word(VMC_COUNTERS);
	vmc_put(vmc_counters, sizeof(vmc_counters));
}

/* How many bytes the events and the state take comes first: what was read before need not be read again. */
static void vmc_put_details(void)
{
	unsigned long at = vmc_out_bytes, sizes[2] = { 0, 0 };

	vmc_put(sizes, sizeof(sizes));
	vmc_put_events();
	sizes[0] = vmc_out_bytes - at - sizeof(sizes);
	vmc_put_state();
	sizes[1] = vmc_out_bytes - at - sizeof(sizes) - sizes[0];
	__builtin_memcpy(vmc_out + at, sizes, sizeof(sizes));
}
