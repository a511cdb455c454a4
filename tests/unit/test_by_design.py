# SPDX-License-Identifier: GPL-2.0-or-later
"""What architectures do on purpose: it covers what it says, and nothing else."""

from dataclasses import replace

from tests.negative.variants import VARIANTS
from vmemcheck.arches import ARCHES
from vmemcheck.by_design import ByDesign, covering
from vmemcheck.engine import steps
from vmemcheck.invariant import Invariant, Problem
from vmemcheck.invariants import INVARIANTS
from vmemcheck.judgement import violations_of
from vmemcheck.marks import MARKS
from vmemcheck.observation import BOOT, BUDDY, Block, LeafKind, Location, Mapping, Table, Warned
from vmemcheck.operation import AddDevice
from vmemcheck.reference import ReferenceMachine

LEAF = Mapping(0, 4096, LeafKind.PTE, 7)
TABLE = Table(0, 0, 2 << 20, 8)
KEEPS = ByDesign("stays", ("no-leak",), "says", "source", keeps_memmap=True)


def test_by_design_memmap_that_stays_covers_leaves_and_tables_and_no_lost_block() -> None:
    """What nothing maps is a leak all the same."""
    assert covering((KEEPS,), "no-leak", LEAF, 4) is KEEPS
    assert covering((KEEPS,), "no-leak", TABLE, 4) is KEEPS
    assert covering((KEEPS,), "no-leak", Block(7, 0, BUDDY), 4) is None
    assert covering((KEEPS,), "no-leak", None, 4) is None
    assert covering((KEEPS,), "memmap-mapped", LEAF, 4) is None


def test_by_design_boot_tables_are_no_leaves_and_no_other_blocks() -> None:
    """Each flag stands for one kind of thing."""
    boot = replace(KEEPS, keeps_memmap=False, keeps_boot_tables=True)
    assert boot.covers("no-leak", Block(7, 0, BOOT, is_table=True), 4)
    assert not boot.covers("no-leak", Block(7, 0, BUDDY, is_table=True), 4)
    assert not boot.covers("no-leak", LEAF, 4)


def test_by_design_applies_to_its_page_sizes_as_long_as_the_code_matches() -> None:
    """A declaration with a pattern ends when a patch changes the code that it speaks of."""
    declared = replace(KEEPS, page_shifts=(14,), code=r"\bfree\(\)\s*\{\s*\}")
    assert declared.applies(14, "void free()\n{\n}")
    assert not declared.applies(12, "void free()\n{\n}")
    assert not declared.applies(14, "void free()\n{\n\twork();\n}")
    assert KEEPS.applies(12, "anything")


def test_by_design_of_all_architectures_names_invariants_and_marks_that_exist() -> None:
    """A name that is misspelt would cover nothing, or leave out nothing."""
    declared = [one for architecture in ARCHES for one in architecture.by_design]
    assert declared
    assert {name for one in declared for name in one.invariants} <= {invariant.name for invariant in INVARIANTS}
    assert {name for one in declared for name in one.never_met} <= {mark.name for mark in MARKS}


def test_by_design_flush_of_tlbs_that_comes_late_is_no_flush_that_never_comes() -> None:
    """Memory that is given back early is about a block; a flush that never comes is about none."""
    early = ByDesign("one flush", ("tlb-flushed",), "says", "source", frees_before_flush=True)
    assert early.covers("tlb-flushed", Block(7, 0, BUDDY), 4)
    assert not early.covers("tlb-flushed", None, 4)


def test_by_design_warning_is_meant_in_the_functions_that_are_named() -> None:
    """Another function's warning is none of them, and neither is an access that goes wrong in the same function."""
    declared = ByDesign("warns", ("no-warning",), "says", "source", warns_in=("add_pages",))
    assert declared.covers("no-warning", Warned("WARN_ON_ONCE(ret)", Location("init_64.c", 7, "add_pages")), 4)
    assert not declared.covers("no-warning", Warned("WARN_ON_ONCE(ret)", Location("init_64.c", 7, "other")), 4)
    assert not declared.covers("no-warning", None, 4)
    assert not KEEPS.covers("no-warning", Warned("WARN_ON_ONCE(ret)", Location("init_64.c", 7, "add_pages")), 4)


def test_by_design_covers_what_stands_before_an_objection_that_is_told_alone() -> None:
    """Sections that stay are not hidden behind memmap that stays on purpose; behind what does not, they are."""
    rest, sections = Problem("a leaf stays", subject=LEAF), Problem("sections stay", alone=True)
    invariant = Invariant("no-leak", "says", lambda _: iter((rest, sections)))
    geometry = VARIANTS[0].geometry
    (step,) = (one for one in steps(ReferenceMachine(geometry), (AddDevice(0, 1),)) if one)
    (violation,) = violations_of(step, (invariant,))
    assert (rest,) == violation.problems
    (violation,) = violations_of(step, (invariant,), (KEEPS,))
    assert (sections,) == violation.problems
