# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that is compiled in two parts does what it does as a whole, and a change to a C file makes one part new."""

from pathlib import Path

import pytest

from tests.trees.broken import WALKERS, CopyOf, begun, edited
from vmemcheck.bulk import random_sequences
from vmemcheck.errors import BuildError, ExecutorError
from vmemcheck.kernel import build as module
from vmemcheck.kernel.build import NOTES, build, build_first
from vmemcheck.kernel.coverage import COUNTING, COUNTING_IN_PARTS, CoveredMachine
from vmemcheck.kernel.memory_model import MemoryModel
from vmemcheck.kernel.parts import ONLY_KERNEL, ONLY_MACHINE
from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.operation import AddDevice
from vmemcheck.scope import Scope

_SEQUENCES = 20


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Return what is compiled: the ways of whole programs, and the defines of parts. Nothing is, before."""
    done: list[str] = []
    whole, part = module._compile, module._object

    def _whole(arguments: list[str], *rest: object) -> None:
        done.append("whole")
        whole(arguments, *rest)  # type: ignore[arg-type]  # they are passed on

    def _part(text: str, arguments: list[str], *rest: object) -> object:
        done.append(arguments[-1])
        return part(text, arguments, *rest)  # type: ignore[arg-type]  # they are passed on

    monkeypatch.setattr(module, "cache_folder", tmp_path.joinpath)
    monkeypatch.setattr(module, "_compile", _whole)
    monkeypatch.setattr(module, "_object", _part)
    return done


def _same(source: KernelSource, compiled: list[str]) -> None:
    geometry = source.geometry(64)
    with source.machine(geometry) as whole, source.machine(geometry, Variant.PARTS) as parts:
        assert ["whole", ONLY_MACHINE, ONLY_KERNEL] == compiled
        for sequence in random_sequences(geometry, Scope(), _SEQUENCES, 5):
            assert whole.run(sequence) == parts.run(sequence)


def test_program_in_parts_observes_what_the_whole_one_does(tree: Tree, compiled: list[str]) -> None:
    """Events, their functions and lines, and the state."""
    _same(open_source(tree, "x86", 12), compiled)


@pytest.mark.newest_tree
@pytest.mark.parametrize(
    ("arch", "shift", "model"),
    [
        ("arm64", 12, MemoryModel.VMEMMAP),
        ("riscv", 12, MemoryModel.VMEMMAP),
        ("loongarch", 14, MemoryModel.VMEMMAP),
        ("x86", 12, MemoryModel.DEBUG_VM),
    ],
)
def test_program_in_parts_observes_what_the_whole_one_does_everywhere(
    tree: Tree, arch: str, shift: int, model: MemoryModel, compiled: list[str]
) -> None:
    """So does one of another architecture, and one whose memmap is poisoned."""
    _same(open_source(tree, arch, shift, model), compiled)


@pytest.mark.newest_tree
@pytest.mark.parametrize(("arch", "shift"), [("arm64", 12), ("loongarch", 14)])
def test_program_in_parts_counts_the_lines_that_the_whole_one_counts(
    tree: Tree, arch: str, shift: int, compiled: list[str]
) -> None:
    """Those of headers too, whichever part has them; loongarch asks for names that only code has which cannot run."""
    source = open_source(tree, arch, shift)
    geometry = source.geometry(64)
    whole, parts = (build_first(source.text(geometry), how, arch) for how in (COUNTING, COUNTING_IN_PARTS))
    assert ["whole"] * (2 if whole.variant is Variant.COVERED_LEAN else 1) == [
        one for one in compiled if one == "whole"
    ]
    counts = []
    for program in (whole, parts):
        with CoveredMachine(program, geometry, arch, source.traits) as machine:
            for sequence in random_sequences(geometry, Scope(), _SEQUENCES, 5):
                machine.records(sequence)
            counts.append(machine.lines())
    assert {file: list(lines) for file, lines in counts[0].items()} == {
        file: list(lines) for file, lines in counts[1].items()
    }
    if whole.variant is Variant.COVERED:  # else functions are inlined, and not everywhere alike
        assert counts[0] == counts[1]
    assert (whole.variant.name, parts.variant.name) in {
        ("COVERED", "COVERED_PARTS"),
        ("COVERED_LEAN", "COVERED_LEAN_PARTS"),
    }


@pytest.mark.newest_tree
def test_notes_of_a_part_that_are_damaged_or_gone_are_told(tree: Tree, compiled: list[str]) -> None:
    """What gcov makes of them would be too little, and be kept; they are made again with the program."""
    source = open_source(tree, "x86", 12)
    geometry, text = source.geometry(64), source.text(source.geometry(64))
    notes = build(text, Variant.COVERED_PARTS, "x86").path.with_name(NOTES[1])
    whole = notes.read_bytes()
    of_another_build = whole[:8] + bytes(4) + whole[12:]  # magic, version, stamp
    for damaged in (bytes(8192) + whole[8192:], of_another_build, None):
        notes.unlink()
        if damaged:
            notes.write_bytes(damaged)
        with CoveredMachine(build(text, Variant.COVERED_PARTS, "x86"), geometry, "x86", source.traits) as machine:
            machine.records((AddDevice(0, 1),))
            with pytest.raises(ExecutorError, match=r"gcov does not understand the counts: .*around"):
                machine.lines()
    notes.with_name(NOTES[0]).unlink()
    compiled.clear()
    build(text, Variant.COVERED_PARTS, "x86")
    assert [ONLY_KERNEL] == compiled
    assert whole == notes.read_bytes()


@pytest.mark.newest_tree
def test_change_of_a_c_file_makes_only_the_part_of_the_kernel_new(copy_of: CopyOf, compiled: list[str]) -> None:
    """A statement more, in a line more; what does not compile is told as it is of the whole program."""
    tree, (file, function) = copy_of("x86"), WALKERS["x86"]
    with edited(tree, {file: begun(function, "\naddr += 7 - 7;")}):
        source = open_source(tree, "x86", 12)
        source.program(source.geometry(64), Variant.PARTS)
    compiled.clear()
    with edited(tree, {file: begun(function, "\n\naddr += 8 - 8;")}):
        source = open_source(tree, "x86", 12)
        source.program(source.geometry(64), Variant.PARTS)
    assert [ONLY_KERNEL] == compiled
    messages = []
    with edited(tree, {file: begun(function, "addr = *addr;")}):
        source = open_source(tree, "x86", 12)
        for variant in (Variant.FAST, Variant.PARTS):
            with pytest.raises(BuildError) as caught:
                source.program(source.geometry(64), variant)
            messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert file in messages[0]
