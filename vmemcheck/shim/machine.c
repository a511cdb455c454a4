// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parts of the simulated machine: what they share, and how it starts from nothing.
 *
 * This and the following files are compiled behind the sliced kernel code, in one unit. Everything in section
 * vmc_keep survives from one sequence to the next; all other data is put back to what it was at start.
 */
#undef memset
#undef memchr_inv
#undef __builtin_return_address
#define VMC_KEEP __attribute__((section("vmc_keep")))
#define VMC_CALLER ((unsigned long)__builtin_return_address(0))

extern void *mmap(void *, unsigned long, int, int, int, long);
extern int munmap(void *, unsigned long);
extern long read(int, void *, unsigned long);
extern long write(int, const void *, unsigned long);
extern void _exit(int code) __attribute__((noreturn));

/* Pages of the machine's own memory: for the page allocator, then for slab and memblock, then for boot memmaps. */
#define VMC_BUDDY_PAGES (1UL << 18)
#define VMC_SLAB_PAGES (1UL << 14)
#define VMC_BOOT_PAGES (1UL << 17)
#define VMC_SLAB_START VMC_BUDDY_PAGES
#define VMC_BOOT_START (VMC_SLAB_START + VMC_SLAB_PAGES)
#define VMC_RAM_PAGES (VMC_BOOT_START + VMC_BOOT_PAGES)
#define VMC_RAM ((char *)VMC_DIRECT_MAP + (VMC_RAM_PFN << PAGE_SHIFT))
#define VMC_RAM_STRUCTS ((char *)VMC_VMEMMAP + VMC_RAM_PFN * VMC_STRUCT_PAGE_BYTES)

#define VMC_ORDERS 24
#define VMC_OWNER_BUDDY (-1L)
#define VMC_OWNER_BOOT (-2L)

/*
 * What is in a page, as far as it matters; VMC_MIXED: see the list of runs. From VMC_ENTRIES on, it is something else to
 * the next user of the page: see vmc_let_go().
 */
enum { VMC_STALE, VMC_ZERO, VMC_POISON, VMC_UNUSED, VMC_ENTRIES, VMC_LIVE, VMC_MIXED };

enum { VMC_ALLOCATED = 1, VMC_HEAD = 2, VMC_IS_TABLE = 4, VMC_LISTED = 8 };

/*
 * of: for live struct pages the address they belong to; for a table, what its first entry maps; VMC_LEFT_OVER where
 * nobody has written since the page was handed out. seen: the walk that found boot memory mapped last. sequence: the
 * one in which it was handed out last. count: of the users of a table, when a walk found it last. list: the runs of what
 * is VMC_MIXED, and so no table.
 */
#define VMC_LEFT_OVER 1UL
struct vmc_desc {
	unsigned long of;
	long owner;
	union {
		unsigned int list, count;
	};
	unsigned int seen, sequence;
	unsigned char content, order, flags, level;
};

/*
 * What the memory of a page is known to be, from one sequence to the next, so that it is not filled again: VMC_FILLED
 * with a byte, soiled, or 0. Whoever writes to a page of the allocator makes it 0.
 */
#define VMC_FILLED 0x100
#define VMC_SOILED 0x200
VMC_KEEP static unsigned short *vmc_fillings = 0;

/* A bit for each page where a block begins that is handed out: free memory need not be looked through. */
VMC_KEEP static unsigned long *vmc_heads = 0;
/* A byte for each page from VMC_BASE_PFN on: whether TLBs may hold an entry that leads to it; see tlb.c. */
VMC_KEEP static unsigned char *vmc_in_tlbs = 0;
VMC_KEEP static struct vmc_desc *vmc_ram = 0;
VMC_KEEP static struct vmc_desc *vmc_hot = 0;
VMC_KEEP int vmc_levels = 4;
int vmc_slab_is_available = 1;
static int vmc_stopped;
/* The state may be another than when it was looked at last. Set too often costs time; too seldom is seen by tests. */
VMC_KEEP static int vmc_changed = 1;
VMC_KEEP static int vmc_in_operation = 0;

static void vmc_stop(void) __attribute__((noreturn));
static void vmc_fail_at(const char *message, const unsigned long *places) __attribute__((noreturn));
static void vmc_fail(const char *message) __attribute__((noreturn));
static void vmc_give_up(const char *message);

static inline unsigned long vmc_ram_index(unsigned long pfn)
{
	return pfn - VMC_RAM_PFN;
}

static inline struct vmc_desc *vmc_desc_of(unsigned long pfn)
{
	if (vmc_ram_index(pfn) < VMC_RAM_PAGES)
		return &vmc_ram[vmc_ram_index(pfn)];
	if (pfn - VMC_BASE_PFN < VMC_HOT_PAGES)
		return &vmc_hot[pfn - VMC_BASE_PFN];
	return 0;
}

static inline void *vmc_address_of(unsigned long pfn)
{
	return (void *)(VMC_DIRECT_MAP + (pfn << PAGE_SHIFT));
}

static inline int vmc_in_hot(unsigned long address)
{
	return address - VMC_HOT < VMC_HOT_BYTES;
}

/* The pfn of a direct-map address, or -1. */
static inline unsigned long vmc_direct_pfn(unsigned long address)
{
	unsigned long pfn = (address - VMC_DIRECT_MAP) >> PAGE_SHIFT;

	return address >= VMC_DIRECT_MAP && vmc_desc_of(pfn) ? pfn : ~0UL;
}

static void *vmc_reserve(void *at, unsigned long bytes)
{
	/* PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE where asked for */
	unsigned long start = (unsigned long)at & ~4095UL, end = ((unsigned long)at + bytes + 4095) & ~4095UL;
	void *got = mmap((void *)start, end - start, 3, 0x4022 | (at ? 0x100000 : 0), -1, 0);

	if (got == (void *)-1 || (at && got != (void *)start))
		vmc_fail("the simulated memory does not fit into the address space");
	return got;
}

static void vmc_machine_start(void)
{
	vmc_ram = vmc_reserve(0, VMC_RAM_PAGES * sizeof(*vmc_ram));
	vmc_fillings = vmc_reserve(0, VMC_RAM_PAGES * sizeof(*vmc_fillings));
	vmc_heads = vmc_reserve(0, VMC_RAM_PAGES / 8);
	vmc_in_tlbs = vmc_reserve(0, VMC_HOT_PAGES + VMC_RAM_PAGES);
	vmc_hot = vmc_reserve(0, VMC_HOT_PAGES * sizeof(*vmc_hot));
	vmc_reserve((void *)VMC_TOP_PLACE, VMC_TOP_BYTES);
	vmc_reserve(VMC_RAM, VMC_RAM_PAGES << PAGE_SHIFT);
	vmc_reserve(VMC_RAM_STRUCTS, VMC_RAM_PAGES * VMC_STRUCT_PAGE_BYTES);
}
