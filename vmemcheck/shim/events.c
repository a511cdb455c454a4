// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events: what happened during one operation, in order. What they mean is in vmemcheck/kernel/decode.py.
 */
enum vmc_event_type {
	VMC_CALLED = 1,
	VMC_SECTION_CALLED,
	VMC_ALLOCATED_BLOCK,
	VMC_ALLOCATION_FAILED,
	VMC_FREED,
	VMC_UNMAPPED,
	VMC_ALTMAP_RELEASED,
	VMC_TABLE_LINKED,
	VMC_TABLE_FREED,
	VMC_CONSTRUCTED,
	VMC_DESTRUCTED,
	VMC_TOP_LINKED,
	VMC_SYNCED,
	VMC_TOUCHED,
	VMC_FAULTED,
	VMC_WARNED,
	VMC_STOPPED,
	VMC_ALTMAP_GIVEN,
	VMC_PGMAP_GIVEN,
	VMC_SAMPLED,
	VMC_REPEATED,
	VMC_UNFLUSHED,
};

/* at: an address in the program's code, which debug information turns into a kernel file and line. */
struct vmc_event {
	unsigned long type, at, a, b, c, d;
};

#define VMC_MOST_EVENTS 65536
VMC_KEEP static struct vmc_event *vmc_events = 0;
VMC_KEEP static unsigned int vmc_event_count = 0;

static void vmc_event(unsigned long type, unsigned long at, unsigned long a, unsigned long b, unsigned long c,
		      unsigned long d)
{
	struct vmc_event *event = &vmc_events[vmc_event_count];

	/* Word by word: a value that is built first and then copied takes twice as long without optimisation. */
	event->type = type;
	event->at = at;
	event->a = a;
	event->b = b;
	event->c = c;
	event->d = d;
	/* Comes last, where no value needs to survive the call: else each event would save and restore registers. */
	if (vmc_event_count < VMC_MOST_EVENTS - 1)
		vmc_event_count++;
	else
		vmc_give_up("one operation had more events than can be reported");
}

/* Let further events be reported, at the expense of the last ones. */
static inline void vmc_make_room(unsigned int events)
{
	if (vmc_event_count > VMC_MOST_EVENTS - 1 - events)
		vmc_event_count = VMC_MOST_EVENTS - 1 - events;
}

static inline long vmc_pfn_name(unsigned long pfn)
{
	return (long)(pfn - VMC_BASE_PFN);
}

static inline unsigned long vmc_address_name(unsigned long address)
{
	return address - VMC_HOT;
}

void vmc_warn(const char *message)
{
	vmc_event(VMC_WARNED, VMC_CALLER, (unsigned long)message, 0, 0, 0);
}

void vmc_bug(const char *message)
{
	vmc_event(VMC_WARNED, VMC_CALLER, (unsigned long)message, 1, 0, 0);
	vmc_stop();
}

#define VMC_COUNTERS 4
static long vmc_counters[VMC_COUNTERS];

void vmc_count(int counter, long delta)
{
	vmc_counters[counter] += delta;
}

static void vmc_note_altmap(const struct vmem_altmap *altmap, unsigned long pfn);

/* Entry and return of the functions that recordings name; see vmemcheck/kernel/instrument.py. */
VMC_SHARED unsigned int vmc_enter(int function, unsigned long at, unsigned long a, unsigned long b,
			      const struct vmem_altmap *altmap, const struct dev_pagemap *pgmap)
{
	unsigned int place = vmc_event_count;

#ifdef VMC_CLASSIC
	vmc_changed = 1;
#else
	vmc_changed |= function < VMC_FIRST_SECTION_CALL;
#endif
	if (function < VMC_FIRST_SECTION_CALL) {
		vmc_event(VMC_CALLED, at, function, vmc_address_name(a), vmc_address_name(b), 0);
		return place;
	}
	vmc_event(VMC_SECTION_CALLED, at, function, vmc_pfn_name(a), b, 0);
	if (altmap) {
		vmc_note_altmap(altmap, a);
		vmc_event(VMC_ALTMAP_GIVEN, 0, vmc_pfn_name(altmap->base_pfn), altmap->reserve, altmap->free,
			  altmap->align);
		vmc_events[vmc_event_count - 1].at = altmap->alloc;
	}
	if (pgmap)
		vmc_event(VMC_PGMAP_GIVEN, 0, pgmap->type, VMC_PGMAP_SHIFT(pgmap), 0, 0);
	return place;
}

VMC_SHARED_INLINE void vmc_leave(unsigned int place, long returned, unsigned long a, const struct vmem_altmap *altmap)
{
	vmc_events[place].d = (unsigned long)returned;
	if (altmap)
		vmc_note_altmap(altmap, a);
}
