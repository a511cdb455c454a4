# SPDX-License-Identifier: GPL-2.0-or-later
"""Each thing that an invariant objects to, put by hand into what a correct machine reported."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.negative.variants import SUB_PMD, WHOLE_PMD
from vmemcheck.by_design import ByDesign
from vmemcheck.engine import steps
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Step
from vmemcheck.judgement import violations_of
from vmemcheck.marks import MARKS
from vmemcheck.model import Outcome
from vmemcheck.observation import (
    BUDDY,
    AltmapReleased,
    AltmapState,
    Block,
    Call,
    Constructed,
    Content,
    Destructed,
    Event,
    Extent,
    Faulted,
    Freed,
    LeafKind,
    Location,
    Mapping,
    State,
    Synced,
    TopLinked,
    Touched,
    Unflushed,
    Unmapped,
    Warned,
)
from vmemcheck.operation import AddDevice, AddMemory, Altmap, Boot, Fault, FaultKind, Initialise, Remove, Sequence
from vmemcheck.reference import ReferenceMachine

HERE = Location("some/file.c", 12, "some_function")
ADDED: Sequence = (AddMemory(0, 1), Initialise(0), AddDevice(4, 1))


def step_of(sequence: Sequence, geometry: Geometry = WHOLE_PMD) -> Step:
    """Return the last step of a sequence on the reference machine."""
    *_, step = steps(ReferenceMachine(geometry), sequence)
    assert step is not None
    return step


def with_events(step: Step, *events: Event) -> Step:
    """Return the step with more events at its end."""
    return replace(step, observation=replace(step.observation, events=(*step.observation.events, *events)))


def with_state(step: Step, change: Callable[[State], State]) -> Step:
    """Return the step with another state after it."""
    return replace(step, observation=replace(step.observation, state=change(step.state)))


def first(step: Step) -> tuple[str, str]:
    """Return the name and the first reason of the first violation."""
    violation = next(violations_of(step))
    return violation.invariant, violation.problems[0].because


def _says(found: tuple[str, str], because: str) -> tuple[str, bool]:
    return found[0], because in found[1]


def _last_mapping(step: Step) -> Mapping:
    return step.state.mappings[-1]


EVENTS = {
    "an end within a page": (
        Call("vmemmap_free", 0, 0x1001),
        "ranges-aligned",
        "vmemmap_free(0x0, 0x1001) is not aligned",
    ),
    "a warning": (Warned("something is odd", HERE), "no-warning", "something is odd"),
    "a fault": (Faulted(0x123000, HERE), "no-warning", "0x123000, which is not mapped"),
    "a free of what nobody has": (
        Freed(Block(7, 0, BUDDY), HERE),
        "freed-once",
        "pfn 0x7 of order 0 was freed to buddy",
    ),
    "a constructor without destructor": (Constructed(99), "counters-balanced", "is gone, but its destructor"),
    "a destructor for nothing": (Destructed(99), "counters-balanced", "whose constructor did not run"),
    "an altmap that is not empty": (
        AltmapReleased(AltmapState(0x800, 0, 8, 0, 3)),
        "altmap-balanced",
        "went away with 3 pages",
    ),
    "an entry that stays in TLBs": (
        Unflushed(0, 0x1000),
        "tlb-flushed",
        "[0x0, 0x1000) was unmapped, but never flushed",
    ),
    "a top-level entry that is not copied": (TopLinked(0, 1 << 27), "tables-sound", "was never copied"),
}


@pytest.mark.parametrize(("event", "name", "says"), EVENTS.values(), ids=EVENTS.keys())
def test_event_that_must_not_happen_is_a_violation(event: Event, name: str, says: str) -> None:
    """One event more in a correct step makes the invariant object, and say why."""
    step = step_of(ADDED)
    assert [] == list(violations_of(step))
    found, because = first(with_events(step, event))
    assert name == found
    assert says in because


def test_refused_request_that_leaves_memmap_is_named_by_its_first_leaf() -> None:
    """The same one in each run, whatever order a set has."""
    refused = step_of((*ADDED, AddMemory(0, 1)))
    assert refused.expectation.outcome is Outcome.REFUSED
    end = _last_mapping(refused).end
    leaves = tuple(Mapping(end + n * 4096, end + (n + 1) * 4096, LeafKind.PTE, 0x9000 + n) for n in range(32))
    left = with_state(refused, lambda state: replace(state, mappings=(*state.mappings, *leaves)))
    (problem,) = next(one for one in violations_of(left) if one.invariant == "refusals").problems
    assert leaves[0] == problem.subject


def test_tlb_flushed_memory_given_back_too_early_is_a_violation() -> None:
    """The block is named, since an architecture may do that on purpose."""
    step = step_of((*ADDED, Remove(0)))
    freed = next(event for event in step.observation.events if isinstance(event, Freed))
    events = tuple(replace(one, unflushed=True) if one is freed else one for one in step.observation.events)
    early = replace(step, observation=replace(step.observation, events=events))
    (violation,) = violations_of(early)
    assert violation.invariant == "tlb-flushed"
    assert violation.problems[0].subject == freed.block
    assert "was given back while TLBs" in violation.problems[0].because


def test_freed_once_page_that_is_freed_twice_is_a_violation() -> None:
    """The second time it is not allocated, also where all that happened to memory was that it was freed."""
    step = step_of((*ADDED, Remove(0)))
    freed = next(event for event in step.observation.events if isinstance(event, Freed))
    assert all(move.is_freed for move in step.events.moves)
    assert ("freed-once", True) == _says(first(with_events(step, freed)), "but is not allocated")


def test_freed_once_page_that_still_has_users_is_a_violation() -> None:
    """A page is freed by who put it, also where all that happened to memory was that it was freed."""
    step = step_of((*ADDED, Remove(0)))
    events = tuple(replace(one, users=2) if isinstance(one, Freed) else one for one in step.observation.events)
    in_use = replace(step, observation=replace(step.observation, events=events))
    assert ("freed-once", True) == _says(first(in_use), "counted 2 more users")


def test_counters_constructor_that_runs_twice_is_a_violation() -> None:
    """A page-table page is constructed once in its life."""
    step = step_of(ADDED)
    assert "the constructor ran twice" in first(with_events(step, Constructed(step.previous.constructed[0])))[1]


def test_tables_sound_use_before_copy_is_a_violation() -> None:
    """A top-level entry may be copied late, but not after the first use of what it maps."""
    step = step_of(ADDED)
    linked, touched, synced = TopLinked(0, 1 << 27), Touched(0x1000, 0x2000), Synced(0, 1 << 27)
    assert [] == list(violations_of(with_events(step, linked, synced, touched)))
    assert "was used before" in first(with_events(step, linked, touched, synced))[1]


def test_memmap_mapped_entry_cleared_for_a_time_is_a_violation() -> None:
    """Present memmap must be mapped at all times, also within an operation."""
    step = step_of(ADDED)
    name, because = first(with_events(step, Unmapped(step.state.mappings[0], HERE)))
    assert name == "memmap-mapped"
    assert "cleared for a time" in because


def test_memmap_mapped_names_the_place_that_unmapped() -> None:
    """Where an entry went away in this very step, the reason says who cleared it."""
    step = step_of(ADDED)
    gone = _last_mapping(step)
    holed = with_state(step, lambda state: replace(state, mappings=state.mappings[:-1]))
    violation = next(violations_of(with_events(holed, Unmapped(gone, HERE))))
    assert (HERE, "memmap-mapped") == (violation.problems[0].where, violation.invariant)


def test_memmap_mapped_names_an_early_section() -> None:
    """The memmap of an early section must be there where no range is."""
    step = step_of((Boot(0, 0, 1),), SUB_PMD)
    state = State(mappings=(Mapping(0, 0x7000, step.state.mappings[0].kind, step.state.mappings[0].pfn),))
    assert "an early section" in first(with_state(step, lambda _: state))[1]


STATES: dict[str, tuple[Callable[[State], State], str, str]] = {
    "memory that is not allocated": (
        lambda s: replace(s, blocks=s.blocks[1:]),
        "memmap-backed",
        "which is not allocated",
    ),
    "memory that is a page table": (
        lambda s: replace(s, mappings=(*s.mappings[:-1], replace(s.mappings[-1], pfn=s.tables[0].pfn))),
        "memmap-backed",
        "in which is a page-table page",
    ),
    "memory that is another's": (
        lambda s: replace(s, mappings=(*s.mappings[:-1], replace(s.mappings[-1], pfn=s.mappings[-2].pfn))),
        "memmap-backed",
        "are backed by the same page",
    ),
    "struct pages overwritten": (
        lambda s: replace(s, contents=(Extent(0, 0x20000, Content.UNUSED), *s.contents[1:])),
        "memmap-intact",
        "now holds PAGE_UNUSED",
    ),
    "struct pages of others": (
        lambda s: replace(s, contents=(Extent(0, 0x20000, Content.LIVE, 0x40), *s.contents[1:])),
        "memmap-intact",
        "now holds the struct pages of vmemmap 0x40",
    ),
    "a mapping for nothing": (
        lambda s: replace(s, mappings=(*s.mappings, replace(s.mappings[-1], start=0x60000, end=0x61000, pfn=5))),
        "no-leak",
        "0x60000 is mapped, but no memmap",
    ),
    "a table for nothing": (
        lambda s: replace(s, tables=(*s.tables, replace(s.tables[0], start=0x60000, end=0x80000))),
        "no-leak",
        "the page-table page of level 0",
    ),
    "a block for nothing": (
        lambda s: replace(s, blocks=(*s.blocks, Block(1 << 50, 3, BUDDY))),
        "no-leak",
        "block of order 3",
    ),
    "a block for nothing, on no multiple of its size": (
        lambda s: replace(s, blocks=(*s.blocks, Block((1 << 50) + 1, 1, BUDDY))),
        "no-leak",
        "block of order 1",
    ),
}


@pytest.mark.parametrize(("change", "name", "says"), STATES.values(), ids=STATES.keys())
def test_state_that_must_not_be_is_a_violation(change: Callable[[State], State], name: str, says: str) -> None:
    """One thing wrong in a correct state makes the invariant object, and say why."""
    step = with_state(step_of(ADDED), change)
    found, because = first(step)
    assert (name, True) == (found, says in because), because


def test_altmap_count_that_is_not_what_was_given_is_a_violation() -> None:
    """The altmap's own count must be that of the blocks that it gave."""
    step = step_of((AddDevice(0, 1, Altmap(0, 8)),))
    wrong = with_state(step, lambda s: replace(s, altmaps=(replace(s.altmaps[0], alloc=7),)))
    assert first(wrong) == ("altmap-balanced", "the altmap of pfn 0x0 counts 7 pages as allocated, but 8 are")


def test_failed_add_that_takes_something_away_is_a_violation() -> None:
    """A failed add must not remove what was there either."""
    failing = AddDevice(6, 1, fault=Fault(FaultKind.ORDER, 0))
    step = step_of((*ADDED, failing))
    assert step.failed
    # A neighbour that nobody needs, so that no other invariant speaks first.
    step = replace(step, previous=replace(step.previous, present=(*step.previous.present, range(9000, 9512))))
    assert first(step) == (
        "failed-add-undone",
        "the add failed, but of present memory this is gone: pfns [0x2328, 0x2528)",
    )


def test_counters_that_do_not_come_back_are_a_violation() -> None:
    """With all ranges gone, the statistics must be what they were when boot was over."""
    step = step_of((Boot(0, 0, 4), AddDevice(4, 1), Remove(1)))
    wrong = with_state(step, lambda s: replace(s, counters=(("nr_memmap_pages", 31),)))
    assert first(wrong) == (
        "counters-balanced",
        "nr_memmap_pages is 31; it was 32 when the same memory was present before",
    )


def test_counters_that_are_left_when_no_memory_is_are_a_violation() -> None:
    """Also where nothing is known of what came before, as in an exhaustive search."""
    step = replace(step_of((Boot(0, 0, 4), Remove(0))), alike=None)
    assert [] == list(violations_of(step))
    wrong = with_state(step, lambda s: replace(s, counters=(("nr_memmap_boot_pages", 32),)))
    assert first(wrong) == ("counters-balanced", "nr_memmap_boot_pages is 32 though no memory is left")


def test_counters_a_destructor_for_nothing_is_another_kind_than_a_wrong_statistic() -> None:
    """One that is known, and met again and again, hides no statistic that is wrong somewhere else."""
    step = step_of((AddDevice(4, 1),))
    (destructed,) = violations_of(with_events(step, Destructed(99, HERE)))
    (counted,) = violations_of(with_state(step, lambda s: replace(s, counters=(("nr_memmap_pages", 7),))))
    assert (destructed.invariant, destructed.kind.function) == ("counters-balanced", "some_function")
    assert (counted.invariant, counted.kind.function) == ("counters-balanced", "")


RETRIED: Sequence = (AddDevice(0, 5, fault=Fault(FaultKind.NTH, 4)), AddDevice(0, 5))


def test_failed_add_tried_again_is_compared_with_a_first_add() -> None:
    """An add that is tried again has the state of the same add without the failure before, and no violation."""
    step = step_of(RETRIED)
    assert step.is_retry
    assert step_of(RETRIED[1:]).state.present == (step.first and step.first.present)
    assert [] == list(violations_of(step))


def test_failed_add_tried_again_in_vain_is_a_violation() -> None:
    """An add that failed for want of memory, and is refused when there is some, was not undone."""
    step = step_of(RETRIED)
    refused = replace(step, observation=replace(step.observation, returned=-17), after=step.before, first=None)
    said = [
        problem.because
        for violation in violations_of(refused)
        if violation.invariant == "failed-add-undone"
        for problem in violation.problems
    ]
    assert ["the add failed for want of memory; tried again with memory, it returns -17"] == said


def test_failed_add_tried_again_with_another_result_is_a_violation() -> None:
    """A retry that lacks a counter's value of the first add is a violation of failed-add-undone."""
    step = step_of(RETRIED)
    assert step.first is not None
    other = replace(step, first=replace(step.first, counters=(("nr_memmap_pages", 7),)))
    name, because = first(other)
    assert name == "failed-add-undone"
    assert "counters" in because


def test_add_that_follows_another_add_is_no_retry() -> None:
    """Only the same add right behind the failure counts as a retry."""
    assert not step_of((RETRIED[0], AddDevice(0, 4))).is_retry
    assert not step_of((RETRIED[0], AddDevice(6, 1), RETRIED[1])).is_retry


def test_marks_of_a_retry_are_those_that_look_back() -> None:
    """Just the marks that look back are lost where a step does not know what came before it."""
    step = step_of(RETRIED)
    alone = replace(step, alike=None, is_retry=False, first=None)
    lost = [mark.name for mark in MARKS if mark.met(step) and not mark.met(alone)]
    assert [mark.name for mark in MARKS if mark.looks_back] == lost


def test_counters_of_memory_that_a_failed_add_left_behind_are_no_second_finding() -> None:
    """What stays present is counted rightly, and is one finding; a count without memory is another one."""
    step = step_of((AddDevice(0, 5, fault=Fault(FaultKind.ORDER, 0)),))
    assert step.failed
    counted = with_state(step, lambda s: replace(s, counters=(("nr_memmap_pages", 32),)))
    assert ["counters-balanced"] == [violation.invariant for violation in violations_of(counted)]
    stayed = with_state(counted, lambda s: replace(s, present=(range(2048),)))
    assert ["failed-add-undone"] == [violation.invariant for violation in violations_of(stayed)]


@pytest.mark.parametrize("number", [1, 3, 4, 5, 6, 40])
def test_leak_of_pages_side_by_side_is_told_by_the_first_and_counted_to_the_last(number: int) -> None:
    """Whether pages lie side by side or apart, the first four are told, and the others are counted."""
    page, empty = WHOLE_PMD.page_bytes, step_of((AddMemory(0, 1), Remove(0)))
    found = []
    for apart in (1, 3):
        places = [apart * index for index in range(number)]
        left = tuple(Mapping(at * page, (at + 1) * page, LeafKind.PTE, 500 + at) for at in places)
        blocks = tuple(Block(leaf.pfn, 0, BUDDY) for leaf in left)
        step = with_state(empty, lambda s, left=left, blocks=blocks: replace(s, mappings=left, blocks=blocks))  # type: ignore[misc]  # mypy knows no types of defaults
        violation = next(one for one in violations_of(step) if one.invariant == "no-leak")
        found.append((violation.problems, violation.more))
        assert list(left[:4]) == [problem.subject for problem in violation.problems]
    assert [max(0, number - 4)] * 2 == [more for _, more in found]
    declared = ByDesign("keeps", ("no-leak",), "says", "source", keeps_memmap=True)
    assert "no-leak" not in {one.invariant for one in violations_of(step, by_design=(declared,))}
