# SPDX-License-Identifier: GPL-2.0-or-later
"""Who expands the states of a cell: this process, or several, each with a machine of its own.

How the work is cut has no influence on what is found: the search itself, in ``vmemcheck.explore``, takes what comes
of each state in the order of the states.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from multiprocessing.util import Finalize

from vmemcheck.explore import Batch, Expand, Expander, Node, Rules
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.build import Program
from vmemcheck.kernel.machine import KernelMachine, Traits

_MOST_NODES = 64
_BATCHES_FOR_EACH = 4
"""Batches of a layer for each process, so that none waits long for the others."""


@dataclass(frozen=True, slots=True)
class Setting:
    """All that a process needs to expand states.

    :param name: of the tree and the architecture, for messages
    :param with_free: states that differ only in free memory are different states
    """

    program: Program
    geometry: Geometry
    name: str
    traits: Traits
    rules: Rules
    with_free: bool

    def machine(self) -> KernelMachine:
        """Return a machine that tells states apart as it is to be done here."""
        return KernelMachine(self.program, self.geometry, self.name, self.traits, with_free=self.with_free)


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes that work at the same time.

    :param executor: runs functions in them
    :param jobs: how many they are
    """

    executor: Executor
    jobs: int


def expand_with(setting: Setting, machine: KernelMachine, processes: Processes | None) -> Expand:
    """Return what expands states: in this process on ``machine``, or in others on machines of their own."""
    expander = Expander(machine, setting.rules)

    def here(nodes: list[Node]) -> Iterator[Batch]:
        return (expander.batch(batch) for batch in _batches(nodes, 1))

    def elsewhere(nodes: list[Node]) -> Iterator[Batch]:
        assert processes is not None
        futures = [processes.executor.submit(_expanded, setting, batch) for batch in _batches(nodes, processes.jobs)]
        return (future.result() for future in futures)

    return elsewhere if processes else here


def _batches(nodes: list[Node], jobs: int) -> Iterator[list[Node]]:
    size = min(_MOST_NODES, -(-len(nodes) // (_BATCHES_FOR_EACH * jobs)))
    return (nodes[start : start + size] for start in range(0, len(nodes), size))


_expanders: dict[Setting, Expander] = {}
"""Of a process: a machine is started once, since it takes longer than to expand a state."""


def _expanded(setting: Setting, nodes: list[Node]) -> Batch:
    """Expand states in a process that does nothing else."""
    if setting not in _expanders:
        machine = setting.machine()
        Finalize(None, machine.close, exitpriority=1)
        _expanders.clear()
        _expanders[setting] = Expander(machine, setting.rules)
    return _expanders[setting].batch(nodes)
