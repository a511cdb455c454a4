# SPDX-License-Identifier: GPL-2.0-or-later
"""What a search and a check are made of, without kernel trees: tables, draws, shrinking, grouping, declarations."""

from dataclasses import replace

import pytest

from tests.negative.variants import VARIANTS, FreesLeafUnasked, with_part
from tests.unit.check_results import SCOPE, cell, holds
from vmemcheck import bulk
from vmemcheck.bulk import random_sequences
from vmemcheck.by_design import ByDesign, covering
from vmemcheck.check import CellResult, CheckResult, causes_of
from vmemcheck.engine import check
from vmemcheck.errors import SequenceError, UsageError
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Finding, Verdict
from vmemcheck.model import Model, Outcome, requested_ranges
from vmemcheck.observation import BOOT, BUDDY, Block, Table
from vmemcheck.operation import (
    MOST_ALLOCATIONS,
    AddDevice,
    AddMemory,
    Boot,
    Fault,
    FaultKind,
    Initialise,
    Operation,
    Remove,
    Second,
    Sequence,
)
from vmemcheck.reference import ReferenceMachine
from vmemcheck.reports.check_words import shown_cell
from vmemcheck.reports.finding_json import replay_of
from vmemcheck.scope import Scope, operations
from vmemcheck.selection import targets
from vmemcheck.shrink import plainer, shrink
from vmemcheck.strategies import scaled
from vmemcheck.weights import weighted_boots, weighted_operations, weighted_turns

_DECLARED = ByDesign("tables stay", ("no-leak",), "stays", "file.c: f()", keeps_top_tables=True)


@pytest.mark.parametrize(
    ("declared", "invariant", "subject", "expected"),
    [
        (_DECLARED, "no-leak", Table(2, 0, 1, 0), True),
        (_DECLARED, "no-leak", Table(1, 0, 1, 0), False),
        (_DECLARED, "freed-once", Table(2, 0, 1, 0), False),
        (_DECLARED, "no-leak", None, False),
        (_DECLARED, "no-leak", Block(0, 0, BOOT, is_table=True), False),
        (replace(_DECLARED, keeps_boot_tables=True), "no-leak", Block(0, 0, BOOT, is_table=True), True),
        (replace(_DECLARED, keeps_boot_tables=True), "no-leak", Block(0, 0, BUDDY, is_table=True), False),
        (replace(_DECLARED, keeps_boot_tables=True), "no-leak", Block(0, 0, BOOT), False),
    ],
)
def test_by_design_covers_only_what_it_declares(
    declared: ByDesign, invariant: str, subject: Table | Block | None, expected: bool
) -> None:
    """With four levels the tables below the top one are of level 2; boot tables are of boot memory."""
    assert expected == (covering([declared], invariant, subject, 4) is declared)


def test_random_sequences_depend_on_the_seed_alone() -> None:
    """The same seed gives the same sequences, another one others, and fewer are the first of more."""
    geometry = Geometry(56)
    first = list(random_sequences(geometry, SCOPE, 50, 7))
    assert first == list(random_sequences(geometry, SCOPE, 50, 7))
    assert first[:10] == list(random_sequences(geometry, SCOPE, 10, 7))
    assert first != list(random_sequences(geometry, SCOPE, 50, 8))


def test_search_does_not_end_by_kinds_that_it_begins_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many new ones are looked for as without them."""
    variant = next(one for one in VARIANTS if one.invariant == "no-leak")
    machine = variant.machine(variant.geometry)
    first, *_ = bulk.bulk_search(machine, variant.scope, 100, 0).findings
    monkeypatch.setattr(bulk, "MOST_KINDS", 1)
    found = bulk.bulk_search(machine, variant.scope, 100, 0, before=(first, first))
    assert first.kind == found.findings[0].kind
    assert found.ended_early == (len(found.findings) == 2)


@pytest.mark.parametrize("most", [1, 8])
def test_search_that_ends_at_its_last_kind_says_so(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer kinds than that are all that the sequences met."""
    monkeypatch.setattr(bulk, "MOST_KINDS", most)
    variant = next(one for one in VARIANTS if one.invariant == "no-leak")
    found = bulk.bulk_search(variant.machine(variant.geometry), variant.scope, 40, 0)
    assert 1 <= len(found.findings) <= most
    assert (most == 1) == found.ended_early == (found.coverage.sequences + len(found.findings) < 40)


def test_search_begins_with_what_another_machine_violated_too() -> None:
    """It stands there as it was found, is not shortened again, and the rest is searched."""
    variant = next(one for one in VARIANTS if one.invariant == "no-leak")
    bad, good = variant.machine(variant.geometry), ReferenceMachine(variant.geometry)
    findings = bulk.bulk_search(bad, variant.scope, 100, 0).findings
    longer = replace(findings[0], sequence=(Remove(0), *findings[0].sequence))
    (there, *others) = bulk.bulk_search(bad, variant.scope, 100, 0, before=(longer,)).findings
    assert (findings[0].kind, longer.sequence) == (there.kind, there.sequence)
    assert [one.kind for one in findings[1:]] == [one.kind for one in others]
    assert [] == bulk.bulk_search(good, variant.scope, 100, 0, before=findings).findings
    assert [] == list(bulk.still_violated(good, findings))
    assert findings == list(bulk.still_violated(bad, findings))


def test_finding_that_is_of_another_kind_on_this_machine_is_searched() -> None:
    """Its sequence is as short as the other machine needs it."""
    leaking, other = (next(one for one in VARIANTS if one.invariant == name) for name in ("no-leak", "memmap-mapped"))
    findings = bulk.bulk_search(other.machine(other.geometry), other.scope, 100, 0).findings
    machine = leaking.machine(leaking.geometry)
    assert any(check(machine, one.sequence) for one in findings)
    assert [] == list(bulk.still_violated(machine, findings))


@pytest.mark.parametrize(("struct_page_bytes", "expected"), [(56, 10), (64, 0), (80, 10)])
def test_random_sequences_are_of_memory_blocks_alone_where_sections_share_leaves(
    struct_page_bytes: int, expected: int
) -> None:
    """One in ten, in a section more than the others; where a section has leaves of its own, none."""
    drawn = list(random_sequences(Geometry(struct_page_bytes), SCOPE, 100, 0))
    alone = [one for one in drawn[4::5] if {type(operation) for operation in one} <= {AddMemory, Remove, Initialise}]
    assert expected == len(alone)
    assert (expected > 0) == any(AddMemory(2, 1) in one for one in alone)


def test_weighted_operations_have_each_kind_and_no_boot_memory() -> None:
    """Boot memory comes from its own table, half of whose entries are nothing."""
    geometry = scaled(Geometry(64))
    table = weighted_operations(geometry, SCOPE)
    assert {AddDevice, AddMemory, Remove, Initialise} <= {type(operation) for operation in table}
    assert not any(isinstance(operation, Boot) for operation in table)
    boots = weighted_boots(geometry, SCOPE)
    assert 2 * boots.count(()) == len(boots)
    assert ((),) == weighted_boots(geometry, replace(SCOPE, boot=False))


def test_weighted_operations_without_faults_have_none_that_fail_half_way() -> None:
    """Only the fallback to base pages is left."""
    table = weighted_operations(scaled(Geometry(64)), SCOPE)
    faults = {operation.fault for operation in table if isinstance(operation, AddMemory | AddDevice)}
    assert {None, Fault(FaultKind.ORDER, 1)} == faults


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ((AddDevice(3, 1), AddDevice(5, 2)), (AddDevice(0, 1), AddDevice(2, 2))),
        ((AddDevice(9, 1, second=Second(5, 2)), Remove(1)), (AddDevice(4, 1, second=Second(0, 2)), Remove(0))),
        ((Boot(0, 0, 64), Remove(3)), (AddMemory(0, 1), Remove(0))),
        ((Boot(1, 0, 32), Remove(0)), (AddDevice(0, 32), Remove(0))),
        ((AddDevice(0, 65),), (AddMemory(0, 2),)),
    ],
)
def test_plainer_best_comes_first(sequence: tuple[Operation, ...], expected: tuple[Operation, ...]) -> None:
    """Hot-added memory at the start of memory, and victims by their number, are what a reader sees first."""
    others = list(plainer(Geometry(64), sequence))
    assert expected == others[0]
    assert sequence not in others


def test_plainer_failing_add_of_a_device_is_tried_as_memory_blocks() -> None:
    """Whichever allocation has to fail there."""
    others = list(plainer(Geometry(64), (AddDevice(0, 65, fault=Fault(FaultKind.NTH, 7)),)))
    blocks = {other[0] for other in others if len(other) == 1 and isinstance(other[0], AddMemory)}
    assert {AddMemory(0, 2, fault=Fault(FaultKind.NTH, number)) for number in range(1, MOST_ALLOCATIONS + 1)} == blocks


@pytest.mark.parametrize("geometry", [Geometry(64), Geometry(56), scaled(Geometry(64))])
def test_operations_of_a_scope_are_such_that_some_caller_asks_for(geometry: Geometry) -> None:
    """No add is skipped: altmaps lie in their device and leave a page of it, devmaps are whole compound pages."""
    adds = [operation for operation in operations(geometry, Scope()) if isinstance(operation, AddMemory | AddDevice)]
    skipped = [add for add in adds if Model(geometry).expect(add).outcome is Outcome.SKIPPED]
    assert [] == skipped


def test_shrink_device_of_two_ranges_loses_the_one_that_does_not_matter() -> None:
    """A failure that needs one subsection is shown with a device of one range, whichever of the two has it."""

    def fails(sequence: Sequence) -> bool:
        adds = [operation for operation in sequence if isinstance(operation, AddDevice)]
        return any(live.start_pfn == 7 * 512 for add in adds for live in requested_ranges(Geometry(64), add))

    for add in (AddDevice(7, 1, second=Second(0, 1)), AddDevice(0, 1, second=Second(7, 1))):
        assert (AddDevice(7, 1),) == shrink((add,), (), fails)


def test_weighted_turns_have_a_second_try_behind_half_of_the_adds_that_may_fail() -> None:
    """The same add without the failure; nothing is tried twice where nothing fails."""
    geometry = scaled(Geometry(64))
    turns = weighted_turns(geometry, Scope(altmaps=False))
    twice = [turn for turn in turns if len(turn) == 2]
    adds = [turn[0] for turn in turns if isinstance(turn[0], AddMemory | AddDevice)]
    failing = [one for one in adds if one.fault and one.fault != Fault(FaultKind.ORDER, 1)]
    assert (len(failing) + 1) // 2 == len(twice)
    for first, second in twice:
        assert isinstance(first, AddMemory | AddDevice)
        assert replace(first, fault=None) == second
    assert {1} == {len(turn) for turn in weighted_turns(geometry, SCOPE)}


def test_weighted_turns_second_try_of_a_small_altmap_has_none() -> None:
    """An altmap that is too small stays too small: the second try takes memory from elsewhere."""
    turns = weighted_turns(scaled(Geometry(64)), Scope())
    pairs = [(turn[0], turn[1]) for turn in turns if len(turn) == 2 and isinstance(turn[0], AddDevice)]
    small = [(first, second) for first, second in pairs if first.altmap and not first.fault]
    assert small
    assert all(replace(first, altmap=None) == second for first, second in small)


def test_plainer_of_the_plainest_is_nothing() -> None:
    """What cannot be said in a plainer way is left alone."""
    assert [] == list(plainer(Geometry(64), (AddMemory(0, 1), Remove(0))))


@pytest.mark.parametrize(
    ("names", "shifts", "says"),
    [(("vax",), (), "unknown architecture 'vax'"), (("x86_64",), (16,), "x86_64 has 4K"), ((), (13,), "arm64 has 4K")],
)
def test_targets_that_do_not_exist_are_refused(names: tuple[str, ...], shifts: tuple[int, ...], says: str) -> None:
    """The message names what there is."""
    with pytest.raises((UsageError, SequenceError), match=says):
        targets(names, shifts)


def test_targets_named_twice_are_one() -> None:
    """An alias and a name are the same architecture; the order is that of the command line."""
    names = ("arm64", "x86_64", "arm64", "x86")
    assert ["arm64", "x86_64"] == [one.architecture.name for one in targets(names, (12,))]


def _finding(sequence: tuple[Operation, ...]) -> Finding:
    finding = check(with_part(FreesLeafUnasked)(Geometry(56)), sequence)
    assert finding is not None
    return finding


_SHORT = (AddMemory(0, 1), AddMemory(1, 1), Remove(1))
_LONG = (AddMemory(0, 1), Initialise(0), AddMemory(1, 1), Remove(1))


def test_causes_are_grouped_by_architecture_and_kind() -> None:
    """The cell that can occur gives the sequence, though it is longer; causes that can occur come first."""
    latent, real = cell("x86_64", "4K", 56, reachable=False), cell("x86_64", "4K", 72)
    other = cell("arm64", "4K", 56, reachable=False)
    causes = causes_of(
        [
            CellResult(other, Verdict.VIOLATED, findings=(_finding(_SHORT),)),
            CellResult(latent, Verdict.VIOLATED, findings=(_finding(_SHORT),)),
            CellResult(real, Verdict.VIOLATED, findings=(_finding(_LONG),)),
        ]
    )
    assert [("x86_64", True), ("arm64", False)] == [(cause.arch, cause.reachable) for cause in causes]
    assert (latent, real) == causes[0].cells
    assert _LONG == causes[0].finding.sequence
    assert not causes[0].by_device


def test_causes_of_another_memory_model_are_others() -> None:
    """The same invariant without a vmemmap is violated by other code."""
    usual = cell("x86_64", "4K", 56)
    classic = replace(usual, memory_model="classic sparse")
    results = [CellResult(one, Verdict.VIOLATED, findings=(_finding(_SHORT),)) for one in (usual, classic)]
    assert [(usual,), (classic,)] == [cause.cells for cause in causes_of(results)]


def test_causes_with_debug_vm_and_without_are_one() -> None:
    """What is found in both is shown as it is without DEBUG_VM, also where that takes more operations."""
    usual = cell("x86_64", "4K", 64)
    debugged = replace(usual, memory_model="sparse vmemmap, DEBUG_VM")
    long, short = _finding(_LONG), _finding(_SHORT)
    results = [
        CellResult(debugged, Verdict.VIOLATED, findings=(short,)),
        CellResult(usual, Verdict.VIOLATED, findings=(long,)),
    ]
    (cause,) = causes_of(results)
    assert ((debugged, usual), long) == (cause.cells, cause.finding)
    (alone,) = causes_of(results[:1])
    assert "sparse vmemmap, DEBUG_VM" == replay_of("linux", shown_cell(alone), alone.finding).memory_model


def _result(*cells: CellResult) -> CheckResult:
    return CheckResult("linux-1.2.3", "here", SCOPE, 1, 0, cells, ())


@pytest.mark.parametrize(
    ("verdicts", "code", "latent_code"),
    [
        ([(Verdict.HOLDS, True)], 0, 0),
        ([(Verdict.HOLDS, True), (Verdict.VIOLATED, False)], 0, 1),
        ([(Verdict.VACUOUS, True), (Verdict.VIOLATED, True)], 1, 1),
        ([(Verdict.VACUOUS, True), (Verdict.HOLDS, True)], 2, 2),
        ([(Verdict.NO_VERDICT, False), (Verdict.HOLDS, True)], 0, 2),
        ([(Verdict.HOLDS, False)], 2, 0),
        ([], 2, 2),
    ],
)
def test_exit_code_counts_cells_that_can_occur(
    verdicts: list[tuple[Verdict, bool]], code: int, latent_code: int
) -> None:
    """A violation is 1 whatever else there is, too little is 2, and nothing at all is no verdict."""
    cells = [replace(holds(cell("x86_64", "4K", 64, reachable=real)), verdict=verdict) for verdict, real in verdicts]
    assert (code, latent_code) == tuple(_result(*cells).exit_code(latent=latent) for latent in (False, True))
