# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutants as text, and the counts and report of a mutation run. No kernel tree is needed here."""

import pytest

from vmemcheck.arches.architecture import Architecture
from vmemcheck.arches.arm64 import ARM64
from vmemcheck.arches.x86_64 import X86_64
from vmemcheck.geometry import Geometry
from vmemcheck.mutation.mutant import Mutant, Operator, Wrap
from vmemcheck.mutation.reasons import reason_for
from vmemcheck.mutation.result import Counts, Fate, MutantResult
from vmemcheck.mutation.schemata import wrapped
from vmemcheck.reports.mutation_text import mutants_text, share


def _mutant(*calls: str) -> Mutant:
    return Mutant(1, Operator.DROP_STATEMENT, "free_it", "mm/it.c", 7, "it();", calls)


def test_wrapped_part_inside_another_keeps_both() -> None:
    """Text around a part stands inside the text around what holds it."""
    assert wrapped("a < b", [Wrap(0, 5, "(", ")"), Wrap(4, 5, "[", "]")]) == "(a < [b])"


def test_wrapped_same_part_first_is_outer() -> None:
    """Of two changes of one part, the first is around the second."""
    assert wrapped("x", [Wrap(0, 1, "(", ")"), Wrap(0, 1, "[", "]")]) == "([x])"


def test_reason_for_dropped_barrier_is_outside_of_the_machine() -> None:
    """A dropped barrier is not called equivalent: only this machine cannot see it."""
    reason = reason_for(_mutant("rcu_read_lock"), "x86")
    assert reason is not None
    assert (reason.name, reason.is_equivalent) == ("one thread", False)


def test_reason_for_dropped_lock_is_none() -> None:
    """The machine sees who holds a lock, so that there is no reason to let one survive."""
    assert reason_for(_mutant("spin_lock"), "x86") is None


def test_reason_for_another_architecture_does_not_fit() -> None:
    """What an architecture does nothing for is no reason where another one flushes."""
    assert reason_for(_mutant("flush_cache_vmap"), "arm64") is not None
    flush = reason_for(_mutant("flush_cache_vmap"), "riscv")
    assert flush is not None
    assert not flush.is_equivalent


@pytest.mark.parametrize("architecture", [X86_64, ARM64], ids=lambda one: one.name)
def test_reason_no_pud_leaf_holds_for_every_section(architecture: Architecture) -> None:
    """With 4K pages the memmap of a section, which is what one call frees, never fills an entry of a PUD table."""
    page = architecture.page_sizes[0]
    geometry = Geometry(128, page.page_shift, page.section_shift, table_shift=page.table_shift)
    assert geometry.section_memmap_bytes < 1 << geometry.entry_shift(2)


def test_reason_for_unknown_call_is_none() -> None:
    """What the table does not name counts as survived."""
    assert reason_for(_mutant("it"), "x86") is None


def test_counts_equivalent_mutants_do_not_count_as_different() -> None:
    """Only equivalent mutants leave the first count, and those outside of the machine the second one."""
    fates = (Fate.KILLED, Fate.EQUIVALENT, Fate.OUTSIDE, Fate.NOT_REACHED, Fate.SURVIVED, Fate.SURVIVED)
    counts = Counts.of(MutantResult(_mutant(), fate) for fate in fates)
    assert (counts.total, counts.different, counts.inside, counts.survived) == (6, 5, 4, 2)


def test_share_of_almost_all_is_rounded_down() -> None:
    """100% means all."""
    assert share(9999, 10000) == "9999 of 10000 (99.9%)"


def test_mutants_text_names_place_and_change() -> None:
    """A line says what is changed, and where."""
    assert mutants_text([_mutant()]) == "   1 mm/it.c:7 free_it(): drop statement: it();"
