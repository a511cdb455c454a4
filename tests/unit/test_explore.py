# SPDX-License-Identifier: GPL-2.0-or-later
"""The exhaustive search itself, on a machine of a few lines; the scope, and the way to full size."""

from collections.abc import Iterator

import pytest

from vmemcheck.engine import Coverage
from vmemcheck.errors import UsageError
from vmemcheck.explore import Batch, Edge, Expansion, Exploration, Node, Symptom, Violated, explore
from vmemcheck.explore_scope import ExploreScope, parse
from vmemcheck.full_size import candidates
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Kind
from vmemcheck.model import Model
from vmemcheck.operation import AddDevice, AddMemory, Altmap, Boot, Operation, Remove, Second

GEOMETRY = Geometry(section_shift=23, table_shift=5)
FULL = Geometry()
ADDS: tuple[Operation, ...] = (AddDevice(0, 1), AddDevice(2, 1), AddDevice(5, 2))


def _expansion(node: Node, forbidden: int) -> Expansion:
    """All sets of three ranges; as many as ``forbidden`` at once are a violation."""
    edges, violated = [], []
    live = len(node.model.ranges)
    tried = [*(Remove(victim) for victim in range(live)), *ADDS]
    for operation in tried:
        expectation = node.model.expect(operation)
        if expectation.after == node.model:
            continue
        after = node.after(operation, expectation, 7, succeeded=True)
        if len(after.model.ranges) == forbidden:
            violated.append(Violated(operation, ((Symptom(Kind("no-leak", "", "")), False),)))
        else:
            edges.append(Edge(operation, after.key, 7, succeeded=True))
    return Expansion(len(tried), tuple(edges), tuple(violated))


def _explored(forbidden: int = 9, size: int = 1, most: int = 100) -> Exploration:
    def expand(nodes: list[Node]) -> Iterator[Batch]:
        for start in range(0, len(nodes), size):
            expansions = tuple(_expansion(node, forbidden) for node in nodes[start : start + size])
            yield Batch(expansions, Coverage())

    return explore(Node((), Model(GEOMETRY)), expand, most)


def test_explore_symmetric_states_merge_and_the_fixpoint_is_reached() -> None:
    """Three ranges in any order: eight sets, and the empty machine before anything ran; three operations deep."""
    found = _explored()
    assert (found.states, found.depth, found.is_complete, found.found) == (9, 3, True, {})


def test_explore_counts_the_same_in_batches_of_any_size() -> None:
    """How the work is cut has no influence on what is found."""
    assert _explored(size=1) == _explored(size=64)


def test_explore_violation_is_found_by_a_shortest_sequence_and_not_looked_beyond() -> None:
    """Two ranges at once are forbidden: two adds show it, and no state has more than one."""
    found = _explored(forbidden=2)
    assert {symptom.kind.invariant: len(sequence) for symptom, sequence in found.found.items()} == {"no-leak": 2}
    assert found.states == 5


def test_explore_with_too_few_states_is_not_complete() -> None:
    """A search that was stopped says so."""
    found = _explored(most=4)
    assert (found.states, found.is_complete) == (4, False)


def test_scope_words_are_read() -> None:
    """Numbers and flags go to their fields; what is not named is off."""
    found = parse("sections=1, devices=2,altmaps,entries=64,subsections=8,free-memory")
    assert (found.scope.sections, found.devices, found.scope.altmaps, found.scope.faults) == (1, 2, True, False)
    assert (found.entries, found.subsections, found.free_memory, found.uninitialised) == (64, 8, True, False)
    assert parse("") == ExploreScope()


@pytest.mark.parametrize("text", ["sectoins=2", "altmaps=1", "sections", "sections=0", "entries=33", "devices=x"])
def test_scope_that_makes_no_sense_gives_one_line(text: str) -> None:
    """The message names the option and is one line."""
    with pytest.raises(UsageError) as error:
        parse(text)
    assert str(error.value).startswith("--scope: ")
    assert "\n" not in str(error.value)


def test_scope_geometry_keeps_the_ratio_of_memmap_to_leaf() -> None:
    """A section's memmap is the same share of a PMD leaf as at full size."""
    small = ExploreScope().geometry(FULL)
    assert small.section_memmap_bytes * FULL.pmd_bytes == FULL.section_memmap_bytes * small.pmd_bytes


def test_scope_geometry_with_large_pages_shares_a_page_between_two_subsections_not_sections() -> None:
    """With 64K pages 32 subsections share a page of the vmemmap: here two do, and sections begin at a page."""
    small = ExploreScope().geometry(Geometry(page_shift=16, section_shift=29, table_shift=13, levels=3))
    assert small.subsection_memmap_bytes * 2 == small.page_bytes
    assert small.section_memmap_bytes % small.page_bytes == 0


def test_candidates_of_larger_subsections_keep_the_distance_in_bytes() -> None:
    """A border in the middle of a page of the vmemmap is there at full size too."""
    full = Geometry(page_shift=16, section_shift=29, table_shift=13, levels=3)
    found = list(candidates((AddDevice(1, 2),), ExploreScope().geometry(full), full))
    assert (AddDevice(16, 32),) in found
    assert (AddDevice(1, 254),) in found


def test_candidates_keep_sections_and_scale_borders_within_them() -> None:
    """The first candidate scales in proportion; others keep the distance to the start or end of the section."""
    sequence = (Boot(1, 0, 2), AddMemory(0, 1), AddDevice(0, 5), Remove(0))
    first, *others = candidates(sequence, GEOMETRY, FULL)
    assert first == (Boot(1, 0, 32), AddMemory(0, 1), AddDevice(0, 80), Remove(0))
    assert (Boot(1, 0, 2), AddMemory(0, 1), AddDevice(0, 65), Remove(0)) in others


def test_candidates_altmap_is_as_generous_and_a_section_stays_a_compound_page() -> None:
    """What is plenty for the small range is plenty for the large one; a section is one compound page in both."""
    section = GEOMETRY.section_shift - GEOMETRY.page_shift
    sequence = (AddDevice(0, 4, altmap=Altmap(1, 64)), AddDevice(4, 4, vmemmap_shift=section))
    first, *_ = candidates(sequence, GEOMETRY, FULL)
    altmap, compound = first
    assert isinstance(altmap, AddDevice)
    assert isinstance(compound, AddDevice)
    pages = FULL.section_memmap_bytes // FULL.page_bytes
    assert altmap.altmap is not None
    assert (altmap.altmap.reserve_pages, altmap.altmap.free_pages >= pages) == (1, True)
    assert compound.vmemmap_shift == FULL.section_shift - FULL.page_shift


def test_candidates_keep_both_ranges_of_a_device() -> None:
    """Each border goes where it would go for a device of one range."""
    first, *_ = candidates((AddDevice(6, 2, second=Second(0, 4)),), GEOMETRY, FULL)
    assert (AddDevice(96, 32, second=Second(0, 64)),) == first


def test_candidates_altmap_that_lacks_a_page_lacks_one_at_full_size() -> None:
    """What fails at the last page fails at the last page; it is not given plenty."""
    first, *_ = candidates((AddDevice(0, 4, altmap=Altmap(0, 31)),), GEOMETRY, FULL)
    assert first == (AddDevice(0, 64, altmap=Altmap(0, 511)),)
