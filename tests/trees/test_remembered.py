# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that has decoded much reports what one reports that starts with nothing."""

import pytest

from vmemcheck.bulk import random_sequences
from vmemcheck.kernel import decode
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.observation import Observation
from vmemcheck.scope import Scope

_SCOPE = Scope()
SEQUENCES = 25


def _machine(tree: Tree, arch: str, size: int) -> KernelMachine:
    source = open_source(tree, arch, 12)
    return source.machine(source.geometry(size))


def _plain(observations: tuple[Observation, ...]) -> list[tuple[object, ...]]:
    return [(one.applied, one.pfns, one.returned, tuple(one.events), one.state) for one in observations]


@pytest.mark.newest_tree
@pytest.mark.parametrize(("arch", "size"), [("x86", 56), ("arm64", 64)])
def test_observations_decoded_before_are_those_that_are_decoded_anew(
    arch: str, size: int, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sequence is observed in the same way on a machine of its own, and on one that ran all of them twice."""
    with _machine(tree, arch, size) as machine:
        drawn = list(random_sequences(machine.geometry, _SCOPE, SEQUENCES, 5))
        first = [_plain(machine.run(sequence)) for sequence in drawn]
        again = [_plain(machine.run(sequence)) for sequence in drawn]
    monkeypatch.setattr(decode, "_MOST_BYTES", -1)  # forgets all each time
    with _machine(tree, arch, size) as machine:
        alone = [_plain(machine.run(sequence)) for sequence in drawn]
    assert first == again == alone


@pytest.mark.newest_tree
def test_state_met_again_is_one_object(tree: Tree) -> None:
    """What is not decoded twice is the same object, which the engine knows again."""
    with _machine(tree, "x86", 64) as machine:
        (sequence,) = random_sequences(machine.geometry, _SCOPE, 1, 5)
        one, other = machine.run(sequence), machine.run(sequence)
    assert [id(each.state) for each in one] == [id(each.state) for each in other]
    assert [id(each.events) for each in one] == [id(each.events) for each in other]
