# SPDX-License-Identifier: GPL-2.0-or-later
"""A report names the function of the kernel that did it, however its code was compiled."""

import pytest

from tests.trees.sources import machine_source
from vmemcheck.arches import find
from vmemcheck.kernel.build import Program, Variant, build
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.source import KernelSource
from vmemcheck.kernel.tree import Tree
from vmemcheck.observation import Unmapped
from vmemcheck.operation import AddDevice, AddMemory, Boot, Remove

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
