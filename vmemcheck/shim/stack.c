// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who called: places in the program's code, from the stack. Frames are linked, see vmemcheck/kernel/build.py.
 */
#define VMC_PLACES 5 /* as many as an event can hold */
#define VMC_DEEP 18 /* as many as are looked for the kernel's code where it stopped: the shim may be deep in itself */
#define VMC_MOST_STACK (1UL << 32)
VMC_KEEP static unsigned long vmc_stack_top = 0;
extern char __executable_start[], etext[];

static inline int vmc_in_stack(unsigned long address)
{
	return address < vmc_stack_top && vmc_stack_top - address < VMC_MOST_STACK;
}

static inline int vmc_in_text(unsigned long address)
{
	return address - (unsigned long)__executable_start < (unsigned long)(etext - __executable_start);
}

/* Fill the places from count to most with the return addresses of a frame and of those that called it. */
static void vmc_follow(unsigned long frame, unsigned long *places, unsigned int count, unsigned int most)
{
	while (count < most && vmc_in_stack(frame) && frame % sizeof(long) == 0) {
		unsigned long next = *(unsigned long *)frame;

		places[count++] = ((unsigned long *)frame)[1];
		if (next <= frame)
			break;
		frame = next;
	}
}

/*
 * The place of an interrupted instruction, and its callers. Places are what a call there would return to. Where the
 * stack is used up, only the frames above can be read.
 */
static void vmc_read_stack(const unsigned long *registers, unsigned long *places, int can_read)
{
	unsigned long stack = registers[15], frame = registers[10], at = registers[16];
	unsigned int count = 1, word;

	if (vmc_in_text(at))
		places[0] = at + 1;
	else if (can_read && vmc_in_stack(stack)) /* it called what is no function */
		places[0] = *(unsigned long *)stack;
	/* Where a function begins it may not have linked its frame yet, so that its caller is found only here. */
	for (word = 0; word < 2 && can_read && vmc_in_stack(stack); word++)
		if (vmc_in_text(((unsigned long *)stack)[word]))
			places[count++] = ((unsigned long *)stack)[word];
	if (frame >= stack)
		vmc_follow(frame, places, count, VMC_DEEP);
}
