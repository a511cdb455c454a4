# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck explore`` on real trees: one section to its fixpoint, known bugs, states that are the same."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from tests.trees.broken import Edit, begun, copied, edited
from tests.trees.sources import EVERY_MACHINE, machine_source, source_of
from vmemcheck import exploration
from vmemcheck.arches import Architecture, find
from vmemcheck.cli import main
from vmemcheck.exploration import explore_cell
from vmemcheck.explore_scope import ExploreScope, parse
from vmemcheck.kernel import build
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.operation import AddDevice, Initialise, Operation, Remove
from vmemcheck.selection import Target, Wishes, cells

SCHEMA = Path(__file__).parents[2] / "reports" / "explore.schema.json"
_X86 = ("--arch", "x86_64", "--format", "json", "--scope")


def _explored(tree: Tree, capsys: pytest.CaptureFixture[str], scope: str, size: int = 64) -> tuple[int, str]:
    code = main(["explore", "--tree", str(tree.root), *_X86, scope, "--struct-page", str(size)])
    return code, capsys.readouterr().out


@pytest.mark.newest_tree
def test_explore_x86_64_is_complete_and_the_same_on_every_run(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    """All states of one section are visited without a violation; equal runs give equal bytes."""
    code, text = _explored(tree, capsys, "sections=1,altmaps,devices=2")
    (cell,) = json.loads(text)["cells"]
    assert (code, cell["verdict"], cell["complete"], cell["findings"]) == (0, "holds", True, [])
    assert cell["states"] > 100
    assert cell["free_memory"] == {"told_apart": False, "read_by": []}
    jsonschema.validate(json.loads(text), json.loads(SCHEMA.read_text()))
    assert _explored(tree, capsys, "sections=1,altmaps,devices=2") == (code, text)


def test_explore_x86_56_of_5_10_finds_the_leak_in_two_operations(
    tree_of: Callable[[str], Tree], capsys: pytest.CaptureFixture[str]
) -> None:
    """The partly used leaf of a section stays when the section is removed: shown at full size."""
    code, text = _explored(tree_of("5.10"), capsys, "sections=1", 56)
    (cell,) = json.loads(text)["cells"]
    (finding,) = cell["findings"]
    assert (code, finding["invariant"], finding["at_full_size"]) == (1, "no-leak", True)
    assert len(finding["replay"]["sequence"]) == 2
    # Whether the rest of the leaf reads as unused depends on what its last user left there.
    assert cell["free_memory"] == {"told_apart": True, "read_by": ["arch/x86/mm/init_64.c: remove_pmd_table()"]}


def test_explore_finding_is_saved_and_shown_again_by_replay(
    tree_of: Callable[[str], Tree], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command that the report names runs the sequence again, and ends with the same violation."""
    tree = tree_of("5.10")
    options = ("--arch", "x86_64", "--struct-page", "56", "--scope", "sections=1", "--replays", str(tmp_path))
    assert main(["explore", "--tree", str(tree.root), *options]) == 1
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("replay "))
    assert main(shlex.split(line)[2:]) == 1
    assert "violated  no-leak" in capsys.readouterr().out


@pytest.mark.newest_tree
def test_explore_code_that_reads_what_was_left_in_free_memory_is_told(
    tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the rest of a leaf is not marked as unused, what was left there decides: then states are told apart."""
    copy = copied(tree, "x86", tmp_path)
    edits: tuple[dict[str, Edit], ...] = ({}, {"arch/x86/mm/init_64.c": begun("vmemmap_use_new_sub_pmd", "return;")})
    found = []
    for edit in edits:
        with edited(copy, edit):
            _, text = _explored(copy, capsys, "sections=1", 56)
        (cell,) = json.loads(text)["cells"]
        found.append(cell["free_memory"])
    assert [one["told_apart"] for one in found] == [False, True]
    assert [one.partition(":")[0] for one in found[1]["read_by"]] == ["arch/x86/mm/init_64.c"]


@pytest.mark.newest_tree
def test_explore_with_any_number_of_jobs_gives_equal_bytes(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    """What several processes visit is what one visits: the same states, in a report of the same bytes."""
    options = ("explore", "--tree", str(tree.root), *_X86, "sections=1,devices=2,altmaps,refusals", "--jobs")
    reports = []
    for jobs in ("1", "3"):
        assert main([*options, jobs]) == 0
        reports.append(capsys.readouterr().out)
    assert reports[0] == reports[1]


@pytest.mark.parametrize(("architecture", "page_shift"), EVERY_MACHINE)
def test_explore_every_architecture_page_size_and_levels_is_complete(
    tree: Tree, architecture: Architecture, page_shift: int
) -> None:
    """Whatever check can run is also explored: the scaled code is built, and all states of a section are visited."""
    source = machine_source(tree, architecture, page_shift)
    scope = parse("sections=1,subsections=2")
    for cell in cells(source, Target(architecture, page_shift), Wishes(struct_page_bytes=(64,))):
        found = explore_cell(source, cell, scope, 1000)
        assert found.is_complete
        assert (found.scaled.table_shift, found.scaled.subsections_per_section) == (5, 2)
        assert found.states > 5


@pytest.mark.newest_tree
def test_explore_stopped_early_has_no_verdict(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    """With too few states allowed, nothing is claimed."""
    code = main(["explore", "--tree", str(tree.root), "--arch", "x86", "--max-states", "20"])
    assert code == 2
    assert "stopped after 20 states, nothing violated, not complete" in capsys.readouterr().out


@pytest.mark.newest_tree
def test_explore_number_of_states_does_not_depend_on_how_the_code_is_compiled(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is only printed is no part of a state, whether the compiler keeps it or leaves it out."""
    source = source_of(tree, "x86")
    (cell,) = cells(source, Target(find("x86"), 12), Wishes(struct_page_bytes=(64,), levels=(4,)))
    monkeypatch.setattr(build, "_COMMON", (*build._COMMON, "-DVMC_EXPLORES=1"))
    found = []
    for variant in (Variant.EXPLORING, Variant.MUTANTS):
        monkeypatch.setattr(exploration, "Variant", SimpleNamespace(EXPLORING=variant))
        one = exploration.explore_cell(source, cell, parse("sections=1"), 1000)
        found.append((one.states, one.transitions, one.depth))
    assert found[0] == found[1]


@pytest.mark.newest_tree
def test_explore_state_that_takes_several_operations_is_found(
    tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What goes wrong at the third vmemmap_free() only is found: a variable of the kernel is a part of the state."""
    copy = copied(tree, "x86", tmp_path)
    broken = begun("vmemmap_free", "static int calls_before; if (calls_before < 3 && ++calls_before == 3) return;")
    with edited(copy, {"arch/x86/mm/init_64.c": broken}):
        _, text = _explored(copy, capsys, "sections=1")
    (cell,) = json.loads(text)["cells"]
    operations = [one["operation"] for one in cell["findings"][0]["replay"]["sequence"]]
    assert operations.count("remove") == 3


@pytest.mark.newest_tree
def test_machine_state_reached_in_different_ways_has_the_same_futures(tree: Tree) -> None:
    """Other pages, another order: the same number, and the same numbers after each further operation."""
    source = source_of(tree, "x86")
    first: tuple[Operation, ...] = (AddDevice(0, 1), AddDevice(2, 1))
    second: tuple[Operation, ...] = (AddDevice(2, 1), AddDevice(1, 1), Remove(1), AddDevice(0, 1))
    further: tuple[Operation, ...] = (AddDevice(1, 1), AddDevice(4, 4), AddDevice(0, 4))
    with source.machine(ExploreScope().geometry(source.geometry(64)), Variant.EXPLORING) as machine:
        states = [machine.successors(one[:-1], one[-1:], details=False)[0].state for one in (first, second)]
        futures = [machine.successors(one, further, details=False) for one in (first, second)]
        assert states[0] == states[1]
        assert futures[0] == futures[1]
        alive = machine.successors(first, (Initialise(0), Initialise(1)), details=False)
        assert len({states[0], *(one.state for one in alive)}) == 3
