# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot memory in the tables of a search, and the marks that speak of it."""

from dataclasses import replace

import pytest

from tests.negative.variants import SUB_PMD, WHOLE_PMD
from vmemcheck.engine import steps
from vmemcheck.geometry import Geometry
from vmemcheck.judgement import violations_of
from vmemcheck.marks import MARKS
from vmemcheck.observation import Freed
from vmemcheck.operation import AddDevice, AddMemory, Boot, Remove, Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.scope import Scope, operations
from vmemcheck.shrink import shrink
from vmemcheck.weights import weighted_boots

_FULL = Geometry(80)


def test_boot_memory_of_a_scope_starts_and_ends_at_each_edge() -> None:
    """Whole sections come first; then the parts of each, also those that end where a PMD leaf does."""
    boots = [one for one in operations(_FULL, Scope()) if isinstance(one, Boot)]
    assert [Boot(0, 0, 64), Boot(1, 0, 64)] == boots[:2]
    assert {Boot(0, 0, 1), Boot(0, 2, 61), Boot(1, 0, 38), Boot(0, 51, 13), Boot(1, 63, 1)} <= set(boots)
    assert len(boots) == len(set(boots))
    whole_only = [one for one in operations(Geometry(64, subsection_shift=27), Scope()) if isinstance(one, Boot)]
    assert [Boot(0, 0, 1), Boot(1, 0, 1)] == whole_only


def test_boot_memory_drawn_is_whole_in_half_of_the_cases() -> None:
    """One section or two of them; with two, neighbours, each of them whole or a part, in many combinations."""
    drawn = weighted_boots(_FULL, Scope())
    singles = [one for one in drawn if len(one) == 1]
    pairs = [one for one in drawn if len(one) == 2]
    assert len(singles) == len(pairs) == len(drawn) // 4
    for position in range(2):
        whole = [pair for pair in pairs if pair[position] == Boot(position, 0, 64)]
        assert 0.4 < len(whole) / len(pairs) < 0.6
    assert len(set(pairs)) > len(singles) // 2


def test_boot_memory_shrinks_to_a_whole_section_where_that_fails_too() -> None:
    """A part of a section is kept only where nothing else will do; few others are tried."""
    table = operations(_FULL, Scope())
    tried: list[Sequence] = []

    def fails(sequence: Sequence) -> bool:
        tried.append(sequence)
        return any(isinstance(one, Boot) for one in sequence)

    assert (Boot(0, 0, 64),) == shrink((Boot(1, 3, 60), AddDevice(70, 1)), table, fails)
    assert len(tried) < 20
    part = (Boot(1, 3, 60),)
    assert part == shrink(part, table, lambda sequence: sequence == part)


_MARKED: tuple[tuple[Sequence, Geometry, frozenset[str]], ...] = (
    ((Boot(0, 0, 2), AddDevice(2, 1)), WHOLE_PMD, frozenset({"early-section-filled"})),
    ((Boot(0, 0, 2), AddDevice(4, 1)), WHOLE_PMD, frozenset()),
    ((Boot(0, 0, 2), AddDevice(2, 1), Remove(1)), WHOLE_PMD, frozenset({"early-section-kept"})),
    ((Boot(0, 0, 4), Remove(0)), WHOLE_PMD, frozenset({"early-section-freed"})),
    ((Boot(0, 0, 4), Remove(0), AddMemory(0, 1)), WHOLE_PMD, frozenset({"boot-memory-readded"})),
    ((Boot(0, 0, 4), AddMemory(1, 1)), WHOLE_PMD, frozenset()),
    ((Boot(0, 0, 4), AddMemory(1, 1)), SUB_PMD, frozenset({"boot-leaf-shared"})),
    ((Boot(1, 0, 4), AddMemory(0, 1)), SUB_PMD, frozenset({"boot-leaf-shared"})),
    ((AddMemory(0, 1), AddMemory(1, 1)), SUB_PMD, frozenset()),
)


@pytest.mark.parametrize(("sequence", "geometry", "expected"), _MARKED)
def test_marks_of_boot_memory_are_met_by_just_these_steps(
    sequence: Sequence, geometry: Geometry, expected: frozenset[str]
) -> None:
    """The last step of each sequence meets these marks about boot memory and no others."""
    *_, step = steps(ReferenceMachine(geometry), sequence)
    assert step is not None
    names = [mark for mark in MARKS if "boot" in mark.needs and mark.applies(geometry)]
    assert expected == {mark.name for mark in names if mark.met(step)}
    # The same request, refused, meets none of them.
    refused = replace(step, observation=replace(step.observation, returned=-17))
    assert set() == {mark.name for mark in names if mark.met(refused)} - {"early-section-kept", "early-section-freed"}


def test_freed_once_page_that_was_not_put_is_a_violation() -> None:
    """Boot memory that is given back while the kernel counts users of it is named, with their number."""
    *_, step = steps(ReferenceMachine(WHOLE_PMD), (Boot(0, 0, 4), Remove(0)))
    assert step is not None
    assert [] == list(violations_of(step))
    freed = next(event for event in step.observation.events if isinstance(event, Freed))
    events = tuple(replace(one, users=2) if one is freed else one for one in step.observation.events)
    (violation,) = violations_of(replace(step, observation=replace(step.observation, events=events)))
    assert violation.invariant == "freed-once"
    assert "counted 2 more users of it than put_page_bootmem()" in violation.problems[0].because
    assert violation.where == freed.where


def test_shrink_takes_a_whole_section_for_a_part_that_is_in_no_table() -> None:
    """Of boot memory there are many parts, and a whole section stands for any of them."""

    def fails(sequence: Sequence) -> bool:
        return [Boot, Remove] == [type(operation) for operation in sequence]

    table = operations(WHOLE_PMD, Scope())
    whole = Boot(0, 0, WHOLE_PMD.subsections_per_section)
    assert (whole, Remove(0)) == shrink((Boot(1, 3, 5), Remove(0)), table, fails)
