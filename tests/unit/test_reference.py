# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of the reference machine."""

import pytest

from tests.negative.variants import SUB_PMD, WHOLE_PMD
from vmemcheck.observation import BUDDY, Content, LeafKind, Location, Owner, OwnerKind, State
from vmemcheck.operation import AddDevice, AddMemory, Altmap, Boot, Fault, FaultKind, Initialise, Remove, Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.reference.contents import Contents, Run
from vmemcheck.reference.ledger import Ledger, OutOfMemoryError

HERE = Location("test", 0, "test")


def last(sequence: Sequence, geometry: object = WHOLE_PMD) -> State:
    """Return the state after a sequence."""
    assert geometry in (WHOLE_PMD, SUB_PMD)
    return ReferenceMachine(WHOLE_PMD if geometry is WHOLE_PMD else SUB_PMD).run(sequence)[-1].state


def test_contents_writes_split_and_merge_runs() -> None:
    """Writes cut what was there; equal neighbours become one run."""
    contents = Contents(100)
    contents.write(10, 30, Content.ZERO)
    contents.write(20, 25, Content.LIVE, shift=7)
    assert [
        Run(0, 10, Content.STALE),
        Run(10, 20, Content.ZERO),
        Run(20, 25, Content.LIVE, 7),
        Run(25, 30, Content.ZERO),
        Run(30, 100, Content.STALE),
    ] == list(contents.read(0, 100))
    contents.write(20, 25, Content.ZERO)
    assert [Run(12, 30, Content.ZERO), Run(30, 40, Content.STALE)] == list(contents.read(12, 40))
    contents.write(0, 100, Content.UNUSED)
    assert contents.holds_only(Content.UNUSED)


def test_ledger_recycles_last_in_first_out_and_zeroes_nothing() -> None:
    """The block freed last is handed out first, with what its last user left in it."""
    ledger = Ledger(4096, [])
    first, second = ledger.allocate(0), ledger.allocate(0)
    ledger.contents(first).write(0, 4096, Content.UNUSED)
    ledger.free(second, HERE)
    ledger.free(first, HERE)
    assert [first, second] == [ledger.allocate(0), ledger.allocate(0)]
    assert ledger.contents(first).holds_only(Content.UNUSED)


def test_ledger_recycled_block_holds_live_struct_pages_no_longer() -> None:
    """Of what the last user left, struct pages and entries are stale; all other bytes are what they were."""
    ledger = Ledger(4096, [])
    pfn = ledger.allocate(0)
    contents = ledger.contents(pfn)
    contents.write(0, 8, Content.ZERO)
    contents.write(8, 72, Content.LIVE, shift=0x1000)
    contents.write(72, 80, Content.TABLE)
    contents.write(80, 96, Content.POISON)
    ledger.free(pfn, HERE)
    assert pfn == ledger.allocate(0)
    expected = [
        Run(0, 8, Content.ZERO),
        Run(8, 80, Content.STALE),
        Run(80, 96, Content.POISON),
        Run(96, 4096, Content.STALE),
    ]
    assert expected == list(contents.read(0, 4096))


def test_ledger_altmap_page_given_again_holds_what_it_held() -> None:
    """An altmap that is opened again has the memory that it had, with what stands in it."""
    ledger = Ledger(4096, [])
    owner = Owner(OwnerKind.ALTMAP, 0)
    ledger.open_altmap(0, Altmap(0, 4))
    pfn = ledger.allocate(0, owner)
    ledger.contents(pfn).write(0, 4096, Content.UNUSED)
    ledger.free(pfn, HERE)
    ledger.open_altmap(0, Altmap(0, 4))
    assert pfn == ledger.allocate(0, owner)
    assert ledger.contents(pfn).holds_only(Content.UNUSED)


def test_ledger_shared_block_is_freed_with_its_last_user() -> None:
    """A block that two mappings use is given back once."""
    ledger = Ledger(4096, [])
    pfn = ledger.allocate(0)
    ledger.share(pfn)
    ledger.free(pfn, HERE)
    assert pfn in ledger.blocks
    ledger.free(pfn, HERE)
    assert pfn not in ledger.blocks


@pytest.mark.parametrize(
    ("fault", "works"),
    [
        (Fault(FaultKind.NTH, 2), [True, False, True]),
        (Fault(FaultKind.FROM, 2), [True, False, False]),
        (Fault(FaultKind.ORDER, 1), [True, True, False]),
        (Fault(FaultKind.ORDER, 0), [False, False, False]),
        (None, [True, True, True]),
    ],
)
def test_ledger_faults_fail_the_allocations_they_name(fault: Fault | None, works: list[bool]) -> None:
    """The n-th allocation fails, or that and all after it, or all from an order upward."""
    ledger = Ledger(4096, [])
    ledger.start_operation(fault)
    assert works == [_allocates(ledger, order, BUDDY) for order in (0, 0, 5)]


def test_ledger_altmap_gives_aligned_pages_until_exhausted() -> None:
    """As vmem_altmap_alloc(): natural alignment costs pages, and the count goes back when they do."""
    ledger = Ledger(4096, [])
    ledger.open_altmap(0x1000, Altmap(1, 12))
    owner = Owner(OwnerKind.ALTMAP, 0x1000)
    assert ledger.allocate(2, owner) == 0x1004
    assert (ledger.altmaps[0x1000].align, ledger.altmaps[0x1000].alloc) == (3, 4)
    assert [_allocates(ledger, order, owner) for order in (2, 2, 0)] == [True, False, True]
    ledger.free(0x1004, HERE)
    assert ledger.altmaps[0x1000].alloc == 5


def _allocates(ledger: Ledger, order: int, owner: Owner) -> bool:
    try:
        ledger.allocate(order, owner)
    except OutOfMemoryError:
        return False
    return True


def test_machine_maps_whole_sections_with_leaves_and_others_with_pages() -> None:
    """A section gets a PMD leaf, a subsection PTE pages."""
    whole = last((AddMemory(0, 1),))
    assert [(m.kind, m.start, m.end) for m in whole.mappings] == [(LeafKind.PMD, 0, 0x20000)]
    part = last((AddDevice(0, 1),))
    assert [mapping.kind for mapping in part.mappings] == [LeafKind.PTE] * 8


def test_machine_falls_back_to_base_pages() -> None:
    """Without a block of the order of a leaf, a section is mapped with PTE pages."""
    state = last((AddMemory(0, 1, fault=Fault(FaultKind.ORDER, 1)),))
    assert [mapping.kind for mapping in state.mappings] == [LeafKind.PTE] * 32


def test_machine_shares_a_leaf_between_sections_that_do_not_fill_it() -> None:
    """At 56 bytes two sections meet in one leaf, which goes away with the second of them."""
    both = (AddMemory(0, 1), AddMemory(1, 1))
    assert [mapping.start for mapping in last(both, SUB_PMD).mappings] == [0, 0x20000]
    assert [mapping.start for mapping in last((*both, Remove(0)), SUB_PMD).mappings] == [0, 0x20000]
    assert [mapping.start for mapping in last((*both, Remove(1)), SUB_PMD).mappings] == [0]
    assert last((*both, Remove(1), Remove(0)), SUB_PMD).mappings == ()


def test_machine_compound_devmap_shares_its_tail_pages() -> None:
    """A compound page of eight vmemmap pages has a head page, a tail page, and six that share it."""
    mappings = last((AddDevice(0, 1, vmemmap_shift=9),)).mappings
    pfns = [mapping.pfn for mapping in mappings]
    assert len(pfns) == 8
    assert pfns[0] != pfns[1]
    assert {pfns[1]} == set(pfns[1:])


def test_machine_compound_page_of_two_sections_has_two_pages_of_memmap() -> None:
    """The second section takes the tail page of the first, and both are gone with the device."""
    shift = WHOLE_PMD.section_shift - WHOLE_PMD.page_shift + 1
    added = AddDevice(0, 2 * WHOLE_PMD.subsections_per_section, vmemmap_shift=shift)
    assert len({mapping.pfn for mapping in last((added,)).mappings}) == 2
    assert last((added, Remove(0))).blocks == ()


def test_machine_takes_memmap_from_the_altmap() -> None:
    """With an altmap the memmap lies in the device itself."""
    state = last((AddDevice(0, 1, Altmap(2, 8)),))
    assert list(range(2, 10)) == [mapping.pfn for mapping in state.mappings]
    assert [altmap.alloc for altmap in state.altmaps] == [8]


def test_machine_memmap_is_uninitialised_until_brought_to_life() -> None:
    """New memmap holds poison, or what its memory held before; live struct pages come with init."""
    added = (AddDevice(0, 1),)
    assert [extent.content for extent in last(added).contents] == [Content.POISON]
    assert [extent.content for extent in last((*added, Initialise(0))).contents] == [Content.LIVE]
    unpoisoned = ReferenceMachine(WHOLE_PMD, poison=False).run((*added, Initialise(0), Remove(0), *added))[-1].state
    assert Content.POISON not in {extent.content for extent in unpoisoned.contents}


def test_machine_early_section_keeps_its_memmap_until_it_is_empty() -> None:
    """The memmap of an early section is whole while any page of it is present."""
    half = (Boot(0, 0, 2), AddDevice(2, 1))
    assert [(m.start, m.end) for m in last((*half, Remove(0))).mappings] == [(0, 0x20000)]
    assert last((*half, Remove(0), Remove(0))).mappings == ()
