// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The simulated MMU: it reads the entries that the kernel wrote, and notes when one is written.
 *
 * What an entry means is in arch.c of the architecture.
 */
#ifndef VMC_IS_EMPTY
#define VMC_IS_EMPTY(entry, level) ((entry) == 0)
#endif
#define VMC_ENTRIES_PER_TABLE (1UL << VMC_TABLE_SHIFT)

static inline unsigned int vmc_shift(int level)
{
	return PAGE_SHIFT + level * VMC_TABLE_SHIFT;
}

static inline unsigned long *vmc_top(void)
{
	return (unsigned long *)VMC_TOP_PLACE;
}

static inline unsigned long vmc_index(int level, unsigned long address)
{
	unsigned long entries = level == vmc_levels - 1 ? PTRS_PER_PGD : VMC_ENTRIES_PER_TABLE;

	return (address >> vmc_shift(level)) & (entries - 1);
}

/* The table that an entry leads to, or NULL when it is in no memory of the machine. */
static inline unsigned long *vmc_table_at(unsigned long entry, int level)
{
	unsigned long pfn = vmc_entry_pfn(entry, level);

	return vmc_ram_index(pfn) < VMC_RAM_PAGES ? (unsigned long *)vmc_address_of(pfn) : 0;
}

#ifndef VMC_CLASSIC
/* The pfn that backs an address, or -1 where it is not mapped. Of the pages from there on, those that lie side by side. */
static VMC_UNSEEN unsigned long vmc_translate_some(unsigned long address, unsigned long *pages)
{
	unsigned long *table = vmc_top(), most = *pages, left, pfn, index;
	int level;

	*pages = 1;
	for (level = vmc_levels - 1; table; level--) {
		unsigned long entry = table[index = vmc_index(level, address)];
		int kind = vmc_entry_kind(entry, level);

		if (kind == VMC_NONE)
			return ~0UL;
		if (kind != VMC_LEAF) {
			table = vmc_table_at(entry, level);
			continue;
		}
		left = (1UL << (level * VMC_TABLE_SHIFT)) - 1;
		pfn = vmc_entry_pfn(entry, level) + ((address >> PAGE_SHIFT) & left);
		left -= (address >> PAGE_SHIFT) & left;
		if (level)
			*pages = left < most ? left + 1 : most;
		else
			while (*pages < most && ++index < VMC_ENTRIES_PER_TABLE && vmc_levels > 1 &&
			       vmc_entry_kind(table[index], 0) == VMC_LEAF && vmc_entry_pfn(table[index], 0) == pfn + *pages)
				++*pages;
		return pfn;
	}
	return ~0UL;
}

static unsigned long vmc_translate(unsigned long address)
{
	unsigned long pages = 1;

	return vmc_translate_some(address, &pages);
}
#endif

static VMC_UNSEEN unsigned int vmc_entries_in(const unsigned long *table, int level)
{
	/* On loongarch a word of zero is no empty entry of an upper table. */
	unsigned int count = 0, index, zeros, of_zero = !VMC_IS_EMPTY(0UL, level);

	for (index = 0; index < VMC_ENTRIES_PER_TABLE; index++) {
		zeros = vmc_zeros(table + index, VMC_ENTRIES_PER_TABLE - index);
		count += zeros * of_zero;
		index += zeros;
		if (index < VMC_ENTRIES_PER_TABLE)
			count += !VMC_IS_EMPTY(table[index], level);
	}
	return count;
}

static void vmc_note_table(unsigned long pfn, int level, unsigned long start)
{
	struct vmc_desc *desc = vmc_desc_of(pfn);

	if (vmc_ram_index(pfn) < VMC_RAM_PAGES) {
		vmc_fillings[vmc_ram_index(pfn)] = 0;
		desc->count = pfn_to_page(pfn)->_refcount.counter;
	}
	desc->flags |= VMC_IS_TABLE;
	desc->content = VMC_ENTRIES;
	desc->level = level;
	desc->of = start;
}

static void vmc_table_freed(unsigned long pfn, unsigned long at)
{
	struct vmc_desc *desc = vmc_desc_of(pfn);

	vmc_event(VMC_TABLE_FREED, at, vmc_pfn_name(pfn), desc->level, vmc_address_name(desc->of),
		  vmc_entries_in(vmc_address_of(pfn), desc->level));
	desc->flags &= ~VMC_IS_TABLE;
}

static inline void vmc_leaf_cleared(int level, unsigned long start, unsigned long pfn, unsigned long at)
{
	vmc_event(VMC_UNMAPPED, at, vmc_address_name(start), 1UL << vmc_shift(level), vmc_pfn_name(pfn), level);
	vmc_entry_cleared(start, 1UL << vmc_shift(level), pfn, 0);
}

static void vmc_entry_written(int level, unsigned long start, unsigned long old, unsigned long new,
			      unsigned long at)
{
	int was = vmc_entry_kind(old, level), is = vmc_entry_kind(new, level);
	unsigned long bytes = 1UL << vmc_shift(level);

	/* With five levels, an entry of the top table maps more than all that can be added. */
	if (start >= VMC_HOT + VMC_HOT_BYTES || start + bytes <= VMC_HOT)
		return;
	if (was == VMC_LEAF && (is != VMC_LEAF || vmc_entry_pfn(old, level) != vmc_entry_pfn(new, level)))
		vmc_leaf_cleared(level, start, vmc_entry_pfn(old, level), at);
	if (was == VMC_TABLE && (is != VMC_TABLE || vmc_entry_pfn(old, level) != vmc_entry_pfn(new, level)))
		vmc_entry_cleared(start, bytes, vmc_entry_pfn(old, level), 1);
	if (is == VMC_TABLE && (was != VMC_TABLE || vmc_entry_pfn(old, level) != vmc_entry_pfn(new, level))) {
		unsigned long *table = vmc_table_at(new, level);

		if (table) {
			vmc_event(VMC_TABLE_LINKED, at, vmc_pfn_name(vmc_entry_pfn(new, level)), level - 1,
				  vmc_address_name(start), vmc_entries_in(table, level - 1));
			/* A table of zeros that the kernel did not write: it might have held anything. */
			if (vmc_desc_of(vmc_entry_pfn(new, level))->content == VMC_ZERO && !table[0])
				vmc_note_read(vmc_desc_of(vmc_entry_pfn(new, level)), 0, PAGE_SIZE, at);
			vmc_note_table(vmc_entry_pfn(new, level), level - 1, start);
		}
	}
	if (level == vmc_levels - 1 && is != VMC_NONE && old != new)
		vmc_event(VMC_TOP_LINKED, at, vmc_address_name(start), vmc_address_name(start + bytes), 0, 0);
	if (level == vmc_levels - 1 && is != VMC_NONE && old != new && !vmc_other_top)
		vmc_event(VMC_SYNCED, at, vmc_address_name(start), vmc_address_name(start + bytes), 0, 0);
}

/* What an entry of the top table maps, counted from VMC_HOT upwards: scaled tables wrap around. */
static unsigned long vmc_top_start(unsigned long index)
{
	unsigned long distance = (index - vmc_index(vmc_levels - 1, VMC_HOT)) & (PTRS_PER_PGD - 1);

	return (VMC_HOT & -(1UL << vmc_shift(vmc_levels - 1))) + (distance << vmc_shift(vmc_levels - 1));
}

static VMC_UNSEEN void vmc_word_stored(unsigned long *place, unsigned long new, unsigned long at)
{
	unsigned long address = (unsigned long)place, index = vmc_ram_index((address - VMC_DIRECT_MAP) >> PAGE_SHIFT);
	unsigned long top = place - vmc_top(), offset = address & ~PAGE_MASK;
	struct vmc_desc *desc = &vmc_ram[index];

	if (index < VMC_RAM_PAGES && desc->flags & VMC_IS_TABLE && address - (unsigned long)vmc_other_top >= PAGE_SIZE) {
		unsigned long start = desc->of + (offset / sizeof(long) << vmc_shift(desc->level));

		/* What is unmapped is a page most of the time. */
		if (!desc->level && vmc_entry_kind(*place, 0) == VMC_LEAF && vmc_entry_kind(new, 0) == VMC_NONE &&
		    vmc_in_hot(start))
			vmc_leaf_cleared(0, start, vmc_entry_pfn(*place, 0), at);
		else
			vmc_entry_written(desc->level, start, *place, new, at);
	} else if (top < PTRS_PER_PGD) {
		vmc_entry_written(vmc_levels - 1, vmc_top_start(top), *place, new, at);
	} else if (vmc_other_top && address - (unsigned long)vmc_other_top < PAGE_SIZE) {
		unsigned long start = vmc_top_start(offset / sizeof(long));

		vmc_event(VMC_SYNCED, at, vmc_address_name(start),
			  vmc_address_name(start + (1UL << vmc_shift(vmc_levels - 1))), 0, 0);
	} else if (index < VMC_RAM_PAGES && desc->flags & VMC_ALLOCATED) {
		/* A table that is not linked yet, or memmap that is taken for a table. */
		vmc_write_page(desc, offset, offset + sizeof(long), VMC_ENTRIES, 0);
	}
}

VMC_UNSEEN void vmc_store(void *place, const void *value, unsigned long size)
{
	unsigned long address = (unsigned long)place, index = vmc_ram_index((address - VMC_DIRECT_MAP) >> PAGE_SHIFT);
	const struct vmc_desc *desc = &vmc_ram[index];

	vmc_changed = 1;
	if (index < VMC_RAM_PAGES) {
		vmc_fillings[index] = 0;
		/* A page that is mapped where none was is no event: the walk finds it. */
		if (desc->flags & VMC_IS_TABLE && !desc->level && !*(unsigned long *)place &&
		    address - (unsigned long)vmc_other_top >= PAGE_SIZE)
			return;
	}
	if (size == sizeof(long))
		vmc_word_stored(place, *(const unsigned long *)value, VMC_CALLER);
}

int vmc_construct(void *table, int constructs)
{
	vmc_event(constructs ? VMC_CONSTRUCTED : VMC_DESTRUCTED, VMC_CALLER,
		  vmc_pfn_name(page_to_pfn((struct page *)table)), 0, 0, 0);
	return 1;
}

/* What the kernel has made before memory is added: see VMC_PREALLOCATED of the architecture. */
VMC_KEEP static unsigned long vmc_preallocated = 0;

static void vmc_boot_machine(void)
{
	int level = vmc_levels - 1;
	unsigned long index = vmc_index(level, VMC_HOT), page;

	vmc_preallocated = 0;
	vmc_arch_boot();
	if (!VMC_PREALLOCATED)
		return;
	vmc_preallocated = vmc_fresh(0, VMC_PREALLOCATED, 1);
	for (page = 0; page < VMC_PREALLOCATED; page++) {
		unsigned long pfn = vmc_preallocated + page;

		vmc_open_page(pfn, 0);
		__builtin_memset(vmc_address_of(pfn), 0, PAGE_SIZE);
		vmc_top()[index + page] = vmc_table_entry(pfn);
		vmc_note_table(pfn, level - 1, vmc_top_start(index + page));
	}
}
