# SPDX-License-Identifier: GPL-2.0-or-later
"""What only a later operation, or another CPU, would notice: locks, resources and marked sections that stay."""

from dataclasses import replace

import pytest

from tests.trees.broken import WALKERS, CopyOf, Edit, begun, edited, renamed, replaced, within
from tests.trees.sources import source_of
from vmemcheck.engine import check
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.observation import SectionCall
from vmemcheck.operation import AddDevice, AddMemory, Boot, Fault, FaultKind, Initialise, Remove, Sequence

_PAGES: Sequence = (AddDevice(1, 1), Remove(0))
_BLOCK: Sequence = (AddMemory(0, 1), Initialise(0), Remove(0))
_BOOT: Sequence = (Boot(0, 0, 64), Remove(0))
_VMEMMAP = "mm/sparse-vmemmap.c"
_X86, _ = WALKERS["x86"]

_BROKEN = {
    "lock-stays": (
        _X86,
        replaced("remove_pte_table", "spin_unlock(&init_mm.page_table_lock);", ""),
        _PAGES,
        "a lock is taken that is held: a deadlock",
    ),
    "lock-not-taken": (
        _X86,
        replaced("remove_pte_table", "spin_lock(&init_mm.page_table_lock);", ""),
        _PAGES,
        "a lock is given back that is not held",
    ),
    "lock-held-at-the-end": (
        _X86,
        begun("vmemmap_free", "static spinlock_t own; spin_lock(&own);"),
        _PAGES,
        "a lock is never given back",
    ),
    "device-lock-stays": (
        "mm/memory_hotplug.c",
        replaced("remove_memory", "unlock_device_hotplug();", ""),
        _BLOCK,
        "a lock is never given back",
    ),
    "hotplug-lock-stays": (
        "mm/memory_hotplug.c",
        replaced("try_remove_memory", "mem_hotplug_done();", ""),
        _BLOCK,
        "a lock is never given back",
    ),
    "rcu-stays": (
        "mm/memremap.c",
        replaced("get_dev_pagemap", "rcu_read_unlock();", ""),
        _PAGES,
        "what may sleep is called where nothing may",
    ),
    "sleep-under-a-lock": (
        _X86,
        replaced(
            "remove_pte_table",
            "spin_unlock(&init_mm.page_table_lock);",
            "cond_resched(); spin_unlock(&init_mm.page_table_lock);",
        ),
        _PAGES,
        "what may sleep is called where nothing may",
    ),
    "mutex-with-interrupts-off": (
        _X86,
        begun("vmemmap_free", "unsigned long f; DEFINE_MUTEX(own); local_irq_save(f); mutex_lock(&own);"),
        _PAGES,
        "what may sleep is called where nothing may",
    ),
    "page-under-rcu": (
        _X86,
        begun("vmemmap_free", "rcu_read_lock(); __free_page(alloc_page(GFP_KERNEL)); rcu_read_unlock();"),
        _PAGES,
        "what may sleep is called where nothing may",
    ),
    "object-without-preemption": (
        _X86,
        begun("vmemmap_free", "preempt_disable(); kfree(kzalloc(8, GFP_KERNEL)); preempt_enable();"),
        _PAGES,
        "what may sleep is called where nothing may",
    ),
    "guarded-twice": (
        _X86,
        begun("vmemmap_free", "static spinlock_t own; guard(spinlock)(&own); guard(spinlock_irqsave)(&own);"),
        _PAGES,
        "a lock is taken that is held: a deadlock",
    ),
    "resource-of-failed-add-stays": (
        "mm/memory_hotplug.c",
        replaced("__add_memory", "release_memory_resource(res);", ";"),
        (AddMemory(0, 1, fault=Fault(FaultKind.NTH, 1)),),
        "the resource of memory that is not there stays",
    ),
    "resource-of-removed-memory-stays": (
        "mm/memory_hotplug.c",
        replaced("try_remove_memory", "release_mem_region_adjustable(start, size);", ""),
        _BLOCK,
        "the resource of memory that is not there stays",
    ),
    "section-valid-without-usage": (
        _VMEMMAP,
        replaced("section_deactivate", "ms->section_mem_map &= ~SECTION_HAS_MEM_MAP;", ""),
        _BLOCK,
        "a section is valid while its usage map is freed",
    ),
    "section-stays-marked": (
        _VMEMMAP,
        replaced("section_deactivate", "ms->section_mem_map = (unsigned long)NULL;", ";"),
        _BLOCK,
        "a section has no memory, and is marked as if it had",
    ),
    "section-not-marked": (
        _VMEMMAP,
        replaced("sparse_add_section", "__section_mark_present(ms, section_nr);", ""),
        _BLOCK,
        "a section with memory is not marked as present",
    ),
    "memmap-of-section-elsewhere": (
        _VMEMMAP,
        replaced("sparse_add_section", "memmap = pfn_to_page(section_nr_to_pfn(section_nr));", ";"),
        _PAGES,
        "the memmap of a section is said to be elsewhere",
    ),
    "first-subsection-for-all": (
        "include/linux/mmzone.h",
        lambda text: text.replace("test_bit(idx, usage->subsection_map)", "test_bit(0, usage->subsection_map)"),
        _PAGES,
        "memory that is there is not valid",
    ),
    "usage-map-too-small": (
        "mm/sparse.c",
        replaced("mem_section_usage_size", "+ usemap_size()", ""),
        _BLOCK,
        "the pageblock flags of a section do not fit into its usage map",
    ),
}


@pytest.mark.newest_tree
@pytest.mark.parametrize(("file", "edit", "sequence", "warning"), _BROKEN.values(), ids=_BROKEN)
def test_locks_and_sections_mistake_is_a_warning(
    file: str, edit: Edit, sequence: Sequence, warning: str, tree: Tree, copy_of: CopyOf
) -> None:
    """The tree itself makes no such mistake; one that does gets a warning, as lockdep or a debug kernel would give."""
    source = source_of(tree, "x86")
    with source.machine(source.geometry(64)) as machine:
        assert check(machine, sequence) is None
    with edited(copy_of("x86"), {file: edit}) as broken:
        source = open_source(broken, "x86", 12)
        with source.machine(source.geometry(64), Variant.PARTS) as machine:
            finding = check(machine, sequence)
    assert finding is not None
    problems = [problem.because for one in finding.violations for problem in one.problems]
    assert any(warning in because for because in problems), problems


@pytest.mark.newest_tree
def test_direct_map_counted_for_memmap_is_a_violation(tree: Tree, copy_of: CopyOf) -> None:
    """What is counted for the direct map does not change with the memmap."""
    with edited(copy_of("x86"), {_X86: replaced("remove_pte_table", "if (direct)", "if (!direct)")}) as broken:
        source = open_source(broken, "x86", 12)
        with source.machine(source.geometry(64), Variant.PARTS) as machine:
            finding = check(machine, _PAGES)
    assert finding is not None
    assert finding.invariant == "counters-balanced"
    assert "direct_pages_count" in finding.violations[0].problems[0].because


@pytest.mark.newest_tree
def test_boot_table_that_is_never_put_is_a_leak(tree: Tree, copy_of: CopyOf) -> None:
    """That a page table from boot stays for want of a second put is by design; that it is not put at all is not."""
    source = source_of(tree, "x86")
    with source.machine(source.geometry(64)) as machine:
        assert check(machine, _BOOT) is None
    edit = within("free_pagetable", renamed("put_page_bootmem", "(void)"))
    with edited(copy_of("x86"), {_X86: edit}) as broken:
        source = open_source(broken, "x86", 12)
        with source.machine(source.geometry(64), Variant.PARTS) as machine:
            finding = check(machine, _BOOT)
    assert finding is not None
    assert finding.invariant == "no-leak"


@pytest.mark.newest_tree
def test_subsection_that_stays_marked_is_seen_in_the_digest(copy_of: CopyOf) -> None:
    """No table, no page and no event tells it: where the rest is alike, what is present must tell two steps apart."""
    failing = [(AddDevice(0, 1), AddDevice(1, 1, fault=Fault(FaultKind.NTH, number))) for number in range(1, 9)]
    observed = []
    for pages in (
        "PAGES_PER_SUBSECTION + 1",
        "PAGES_PER_SUBSECTION",
    ):  # the same code at the same addresses, which does it the second time
        undone = "section_deactivate(pfn, nr_pages, altmap, pgmap);"
        stays = f"{undone} if (ms->usage && nr_pages == {pages}) fill_subsection_map(pfn, nr_pages);"
        with edited(copy_of("x86"), {_VMEMMAP: replaced("section_activate", undone, stays)}) as tree:
            source = open_source(tree, "x86", 12)
            with source.machine(source.geometry(64), Variant.PARTS) as machine:
                # The first ones fail before the section is touched.
                sequence = next(one for one in failing if SectionCall in map(type, machine.run(one)[-1].events))
                observed.append((machine.run(sequence)[-1], machine.records(sequence)))
    (right, records), (wrong, others) = observed
    assert right.state.present != wrong.state.present
    assert replace(right.state, present=()) == replace(wrong.state, present=())
    assert (right.returned, list(right.events)) == (wrong.returned, list(wrong.events))
    assert records[0] == others[0]
    assert records[1] != others[1]


_GUARDED = """
    static spinlock_t own;
    static DEFINE_MUTEX(other);
    void *object __free(kfree) = kzalloc(8, GFP_KERNEL);
    guard(mutex)(&other);
    scoped_guard(spinlock_irqsave, &own) {
        void *page = (void *)__get_free_page(GFP_NOWAIT);
        assert_spin_locked(&own);
        free_page((unsigned long)page);
        if (end == start + PAGE_SIZE)
            return;
    }
    guard(rcu)();
    scoped_guard(preempt) {
        guard(irqsave)();
    }
    WARN_ON(spin_is_locked(&own) || !mutex_is_locked(&other));
""".replace("\n", " ")


@pytest.mark.newest_tree
def test_locks_that_guards_give_back_at_the_end_of_their_scope_are_no_mistake(tree: Tree, copy_of: CopyOf) -> None:
    """On every way out; what does not wait for memory is allowed under each."""
    with edited(copy_of("x86"), {_X86: begun("vmemmap_free", _GUARDED)}) as guarded:
        source = open_source(guarded, "x86", 12)
        with source.machine(source.geometry(64), Variant.PARTS) as machine:
            assert check(machine, _PAGES) is None
            assert check(machine, _BLOCK) is None
