# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutants of real trees: number 0 is the tree, a known mistake is killed, and a known harmless change is not."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.trees.sources import source_of
from vmemcheck.bulk import random_sequences
from vmemcheck.geometry import Geometry, scaled
from vmemcheck.kernel.build import build, program_text
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.source import KernelSource
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.mutation.result import Fate, MutantResult
from vmemcheck.mutation.run import mutants_of, run
from vmemcheck.scope import Scope

_EXAMPLES = 40


def _judged(source: KernelSource, geometry: Geometry, *functions: str) -> dict[tuple[str, str], MutantResult]:
    """Return what came of each mutant, by function and text."""
    with ThreadPoolExecutor(1) as executor:
        result = run(source, mutants_of(source, functions), (geometry,), _EXAMPLES, 0, executor)
    return {(one.mutant.function, one.mutant.text): one for one in result.mutants}


@pytest.mark.newest_tree
@pytest.mark.parametrize("arch", ["x86", "arm64", "riscv"])
def test_mutant_0_observes_what_the_tree_does(arch: str, tree: Tree) -> None:
    """The program that holds all mutants, with none chosen, does the same as the one that is checked."""
    source = source_of(tree, arch)
    geometry = scaled(source.geometry(64))
    made = mutants_of(source)
    program = build(program_text(made.slice, source.shim, geometry, source.native), Variant.MUTANTS, source.name)
    with (
        source.machine(geometry) as plain,
        KernelMachine(program, geometry, source.name, source.traits) as mutable,
    ):
        for sequence in random_sequences(geometry, Scope(), _EXAMPLES, 0):
            for one, other in zip(plain.run(sequence), mutable.run(sequence), strict=True):
                assert (one.applied, one.pfns, one.returned) == (other.applied, other.pfns, other.returned)
                assert one.state == other.state


@pytest.mark.newest_tree
def test_mutant_that_forgets_to_free_is_killed_and_one_that_forgets_a_message_is_not(tree: Tree) -> None:
    """Memory that is not given back is a leak; what only prints makes no difference, and says so."""
    source = source_of(tree, "arm64")
    judged = _judged(source, scaled(source.geometry(64)), "free_hotplug_page_range", "vmemmap_verify")
    (freed,) = (one for (_, text), one in judged.items() if text.startswith(("free_pages(", "__free_pages(")))
    assert (freed.fate, freed.why) == (Fate.KILLED, "no-leak")
    harmless = [one for (function, _), one in judged.items() if function == "vmemmap_verify"]
    assert harmless
    assert {one.fate for one in harmless} == {Fate.EQUIVALENT}


@pytest.mark.newest_tree
def test_mutant_that_copies_no_top_level_entry_is_killed_with_five_levels(tree: Tree) -> None:
    """Where an entry of the top table maps more than all that is added, it is seen too."""
    source = source_of(tree, "x86")
    judged = _judged(source, source.geometry(64, 5), "sync_global_pgds")
    assert judged["sync_global_pgds", "sync_global_pgds_l5(start, end);"].why == "tables-sound"


@pytest.mark.newest_tree
def test_mutant_that_keeps_a_freed_usage_map_is_killed(tree: Tree) -> None:
    """The map of a section is poisoned when it is freed, and missed when it is not."""
    source = source_of(tree, "x86")
    judged = _judged(source, scaled(source.geometry(64)), "section_deactivate")
    texts = ("!PageReserved(virt_to_page(ms->usage))", "kfree_rcu(ms->usage, rcu);", "WRITE_ONCE(ms->usage, NULL);")
    assert [judged["section_deactivate", text].fate for text in texts] == [Fate.KILLED] * 3


@pytest.mark.newest_tree
def test_mutant_that_does_not_count_what_an_altmap_skips_is_killed_where_only_leaves_are_taken(tree: Tree) -> None:
    """Each leaf is aligned anew, so that no page is given twice before a single one is asked for: the counters tell."""
    source = source_of(tree, "riscv")
    judged = _judged(source, scaled(source.geometry(64)), "altmap_alloc_block_buf")
    assert judged["altmap_alloc_block_buf", "altmap->align += nr_align;"].why == "altmap-balanced"
