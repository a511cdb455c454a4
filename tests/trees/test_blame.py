# SPDX-License-Identifier: GPL-2.0-or-later
"""A report names the function of the kernel that did it, however its code was compiled."""

import pytest

from tests.trees.broken import CopyOf, edited
from tests.trees.sources import machine_source
from vmemcheck.arches import find
from vmemcheck.kernel.build import Program, build
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.observation import Unmapped, Warned
from vmemcheck.operation import AddDevice, AddMemory, Altmap, Boot, Remove

_BYTES = 64


def _blamed(program: Program, source: KernelSource) -> list[set[tuple[str, str]]]:
    """Return the functions that unmapped something, for each step of a sequence."""
    sequence = (Boot(0, 0, 8), AddMemory(1, 1), AddMemory(2, 1), AddDevice(192, 1), Remove(1), Remove(1), Remove(1))
    with KernelMachine(program, source.geometry(_BYTES), source.name, source.traits) as machine:
        places = [
            {(one.where.file, one.where.function) for one in step.events if isinstance(one, Unmapped)}
            for step in machine.run(sequence)
        ]
    assert any(places)
    return places


@pytest.mark.parametrize("alias", ["x86", "arm64", "riscv"])
def test_machine_blames_the_function_that_did_it(tree: Tree, alias: str) -> None:
    """An optimising compiler may not tell what one function does at the line of another that does the same."""
    source = machine_source(tree, find(alias), 12)
    text = source.text(source.geometry(_BYTES))
    fast, plain = (build(text, variant, source.name) for variant in (Variant.FAST, Variant.CHECKED))
    assert _blamed(plain, source) == _blamed(fast, source)


@pytest.mark.newest_tree
def test_machine_tells_a_warning_at_the_end_of_a_function_there(tree: Tree, copy_of: CopyOf) -> None:
    """A compiler that turns the last call into a jump takes the function off the stack."""
    with edited(copy_of("x86"), {"include/linux/mm.h": lambda text: text.replace("alloc -= ", "alloc += ")}) as broken:
        source = open_source(broken, "x86", 12)
        with source.machine(source.geometry(_BYTES), Variant.PARTS) as machine:
            *_, removed = machine.run((AddDevice(0, 64, Altmap(0, 1024)), Remove(0)))
    places = [(one.where.file, one.where.function) for one in removed.events if isinstance(one, Warned)]
    assert ("mm/memremap.c", "memunmap_pages") in places
