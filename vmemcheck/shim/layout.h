/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The address layout of the simulated machine.
 *
 * Page VMC_BASE_PFN is the one that reports call pfn 0, and VMC_HOT is where its struct page lies. VMC_HOT is
 * aligned to every page table, so that offsets from it are aligned like offsets from a vmemmap that starts at 0.
 * The machine's own memory starts at VMC_RAM_PFN; its struct pages are real memory, those of all other pages exist
 * only where the simulated page tables map them. All physical addresses are below VMC_DIRECT_MAP, since some
 * architectures put the two together with an OR.
 */

#define VMC_HOT 0x400000000000UL
#define VMC_BASE_PFN (1UL << (36 - PAGE_SHIFT))
#define VMC_HOT_PAGES (1UL << (40 - PAGE_SHIFT))
#define VMC_HOT_BYTES (VMC_HOT_PAGES * VMC_STRUCT_PAGE_BYTES)
#define VMC_RAM_PFN (VMC_BASE_PFN + VMC_HOT_PAGES)
#define VMC_VMEMMAP (VMC_HOT - VMC_BASE_PFN * VMC_STRUCT_PAGE_BYTES)
#define VMC_DIRECT_MAP 0x100000000000UL
#define VMC_TOP_PLACE 0x300000000000UL
#define VMC_TOP_BYTES 65536UL

enum { VMC_NONE, VMC_LEAF, VMC_TABLE };

extern int vmc_levels;
