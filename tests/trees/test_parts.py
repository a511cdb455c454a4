# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that is compiled in two parts does what it does as a whole, and a change to a C file makes one part new."""

import pytest

from tests.trees.broken import WALKERS, CopyOf, begun, edited
from tests.trees.sources import machine_source
from vmemcheck.arches import find
from vmemcheck.bulk import random_sequences
from vmemcheck.errors import BuildError
from vmemcheck.kernel import build as module
from vmemcheck.kernel.build import Variant
from vmemcheck.kernel.memory_model import MemoryModel
from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.scope import Scope

_SEQUENCES = 20


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is compiled: the ways of whole programs, and the defines of parts."""
    done: list[str] = []
    whole, part = module._compile, module._object

    def _whole(arguments: list[str], *rest: object) -> None:
        done.append("whole")
        whole(arguments, *rest)  # type: ignore[arg-type]  # they are passed on

    def _part(text: str, arguments: list[str], *rest: object) -> object:
        done.append(arguments[-1])
        return part(text, arguments, *rest)  # type: ignore[arg-type]  # they are passed on

    monkeypatch.setattr(module, "_compile", _whole)
    monkeypatch.setattr(module, "_object", _part)
    return done


def _same(source: KernelSource, scope: Scope) -> None:
    geometry = source.geometry(64)
    with source.machine(geometry) as whole, source.machine(geometry, Variant.PARTS) as parts:
        for sequence in random_sequences(geometry, scope, _SEQUENCES, 5):
            assert whole.run(sequence) == parts.run(sequence)


@pytest.mark.parametrize("arch", ["x86", "arm64", "riscv", "loongarch"])
def test_program_in_parts_observes_what_the_whole_one_does(tree: Tree, arch: str, compiled: list[str]) -> None:
    """Events, their functions and lines, and the state."""
    source = machine_source(tree, find(arch), 14 if arch == "loongarch" else 12)
    source.machine(source.geometry(64)).close()
    compiled.clear()
    _same(source, Scope())
    assert "whole" not in compiled


@pytest.mark.newest_tree
def test_program_in_parts_with_debug_vm_observes_what_the_whole_one_does(tree: Tree, compiled: list[str]) -> None:
    """So does one whose memmap is poisoned."""
    source = open_source(tree, "x86", 12, MemoryModel.DEBUG_VM)
    source.machine(source.geometry(64)).close()
    compiled.clear()
    _same(source, Scope())
    assert "whole" not in compiled


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
    assert ["-DVMC_ONLY_KERNEL"] == compiled
    messages = []
    with edited(tree, {file: begun(function, "addr = *addr;")}):
        source = open_source(tree, "x86", 12)
        for variant in (Variant.FAST, Variant.PARTS):
            with pytest.raises(BuildError) as caught:
                source.program(source.geometry(64), variant)
            messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert file in messages[0]
