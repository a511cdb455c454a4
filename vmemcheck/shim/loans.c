// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plain accesses to memmap: the kernel's code is lent a page of the host with what stands there. What it stores counts
 * as contents before anybody else looks, word by word.
 *
 * What is in the fields of a live struct page is not modelled: there, only PAGE_UNUSED is something else.
 */
#define VMC_MOST_LOANS 64
#define VMC_LOAN_BYTES 4096UL
#define VMC_LOAN_WORDS (VMC_LOAN_BYTES / sizeof(long))

struct vmc_loan {
	unsigned long start, pfn;
};

/* Of more pages than there are places, the last ones. What was lent, or settled since. */
VMC_KEEP static struct vmc_loan vmc_loans[VMC_MOST_LOANS] = { { 0 } };
VMC_KEEP static unsigned long *vmc_loan_words = 0;

static inline unsigned int vmc_loans_kept(void)
{
	return vmc_loan_count < VMC_MOST_LOANS ? vmc_loan_count : VMC_MOST_LOANS;
}

/* Fill a loan with a byte for each content. */
static void vmc_fill_loan(unsigned char *to, const struct vmc_loan *loan, const unsigned char *bytes)
{
	const struct vmc_desc *desc = vmc_desc_of(loan->pfn);
	unsigned int start = loan->start & ~PAGE_MASK, end = start + VMC_LOAN_BYTES, index, at = start;
	const struct vmc_run_list *list;

	if (!desc || desc->content != VMC_MIXED) {
		__builtin_memset(to, bytes[desc ? desc->content : VMC_STALE], VMC_LOAN_BYTES);
		return;
	}
	list = &vmc_lists[desc->list];
	for (index = 0; index < list->count && at < end; index++) {
		unsigned int stop = list->runs[index].end < end ? list->runs[index].end : end;

		if (stop <= at)
			continue;
		__builtin_memset(to + (at - start), bytes[list->runs[index].content], stop - at);
		at = stop;
	}
}

/* What stands where a word was stored. */
static unsigned int vmc_content_stored(unsigned long word, unsigned int content)
{
	unsigned int stored = word == (word & 0xff) * 0x0101010101010101UL ? vmc_content_of_byte(word) : VMC_STALE;

	return content == VMC_LIVE && stored != VMC_UNUSED ? VMC_LIVE : stored;
}

static VMC_UNSEEN void vmc_settle_loan(unsigned int number)
{
	static const unsigned char contents[] = { VMC_STALE, VMC_ZERO, VMC_POISON, VMC_UNUSED, VMC_ENTRIES, VMC_LIVE };
	const struct vmc_loan *loan = &vmc_loans[number];
	unsigned long *words = (unsigned long *)loan->start, *lent = vmc_loan_words + number * VMC_LOAN_WORDS;
	unsigned char before[VMC_LOAN_BYTES];
	struct vmc_desc *desc = vmc_desc_of(loan->pfn);
	unsigned int word, end, is_filled = 0;

	for (word = 0; word < VMC_LOAN_WORDS; word = end) {
		unsigned int start = (loan->start & ~PAGE_MASK) + word * sizeof(long), content;

		end = word + 1;
		if (words[word] == lent[word])
			continue;
		if (!is_filled++)
			vmc_fill_loan(before, loan, contents);
		content = vmc_content_stored(words[word], before[word * sizeof(long)]);
		while (end < VMC_LOAN_WORDS && words[end] != lent[end] &&
		       vmc_content_stored(words[end], before[end * sizeof(long)]) == content)
			end++;
		__builtin_memcpy(lent + word, words + word, (end - word) * sizeof(long));
		if (desc && content != VMC_LIVE)
			vmc_write_page(desc, start, start + (end - word) * sizeof(long), content, 0);
	}
}

static void vmc_settle_loans(void)
{
	unsigned int number;

	for (number = 0; number < vmc_loans_kept(); number++)
		if (vmc_loans[number].start)
			vmc_settle_loan(number);
}

static void vmc_end_loan(unsigned int number)
{
	if (!vmc_loans[number].start)
		return;
	vmc_settle_loan(number);
	munmap((void *)vmc_loans[number].start, VMC_LOAN_BYTES);
	vmc_loans[number].start = 0;
}

/* The part of a range that was lent holds a byte now, and that is settled. */
static void vmc_fill_loans(unsigned long start, unsigned long end, int value)
{
	unsigned int number;

	for (number = 0; number < vmc_loans_kept(); number++) {
		unsigned long first = vmc_loans[number].start, last = first + VMC_LOAN_BYTES;
		unsigned long from = start > first ? start : first, to = end < last ? end : last;

		if (!first || from >= to)
			continue;
		__builtin_memset((void *)from, value, to - from);
		__builtin_memset((char *)(vmc_loan_words + number * VMC_LOAN_WORDS) + (from - first), value, to - from);
	}
}

/* What these addresses map changes. */
static void vmc_recall_loans(unsigned long start, unsigned long end)
{
	unsigned int number;

	for (number = 0; number < vmc_loans_kept(); number++)
		if (vmc_loans[number].start - start < end - start)
			vmc_end_loan(number);
}

/* A struct page that the kernel code accesses as memory: lend it a page with what stands there. */
static int vmc_lend(unsigned long address, unsigned long at)
{
	static const unsigned char bytes[] = { 0x5a, 0, 0xff, 0xfd, 0xa7, 0 };
	unsigned int number = vmc_loan_count % VMC_MOST_LOANS;
	struct vmc_loan loan = { address & -VMC_LOAN_BYTES, 0 };
	unsigned long *lent = vmc_loan_words + number * VMC_LOAN_WORDS;

	if (!vmc_in_hot(address))
		return 0;
	loan.pfn = vmc_translate(address);
	if (loan.pfn == ~0UL)
		return 0;
	if (vmc_loan_count >= VMC_MOST_LOANS)
		vmc_end_loan(number);
	if (mmap((void *)loan.start, VMC_LOAN_BYTES, 3, 0x4022 | 0x100000, -1, 0) != (void *)loan.start)
		return 0;
	vmc_fill_loan((unsigned char *)lent, &loan, bytes);
	__builtin_memcpy((void *)loan.start, lent, VMC_LOAN_BYTES);
	vmc_loans[number] = loan;
	vmc_loan_count++;
	if (vmc_desc_of(loan.pfn))
		vmc_note_read(vmc_desc_of(loan.pfn), 0, PAGE_SIZE, at);
	return 1;
}

static void vmc_take_back(void)
{
	unsigned int number;

	for (number = 0; number < vmc_loans_kept(); number++)
		vmc_end_loan(number);
	vmc_loan_count = 0;
}
