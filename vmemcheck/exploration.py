# SPDX-License-Identifier: GPL-2.0-or-later
"""Explore cells of a kernel tree: visit all states of the scaled geometry, then show findings at full size.

What comes out is data; ``vmemcheck.reports`` makes text of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from vmemcheck.by_design import ByDesign
from vmemcheck.check import Cell
from vmemcheck.engine import applicable, check, empty_model
from vmemcheck.errors import MachineError
from vmemcheck.explore import Exploration, Node, Symptom, explore
from vmemcheck.explore_jobs import Processes, Setting, expand_with
from vmemcheck.explore_scope import ExploreScope
from vmemcheck.full_size import candidates
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Finding, Kind, Verdict
from vmemcheck.judgement import are_soft
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.source import KernelSource
from vmemcheck.kernel.statics import statics_of
from vmemcheck.kernel.variant import Variant
from vmemcheck.operation import Sequence
from vmemcheck.shrink import shrink


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One symptom.

    :param scaled: a shortest sequence of the scaled geometry
    :param full: the same at full size; None where no natural candidate shows it
    """

    symptom: Symptom
    scaled: Finding
    full: Finding | None

    @property
    def finding(self) -> Finding:
        """The one to report."""
        return self.full or self.scaled


@dataclass(frozen=True, slots=True)
class CellExploration:
    """What came of one cell.

    :param scaled: the geometry that was visited; that of ``cell`` is the full size
    :param statics: names of the kernel's variables that are a part of the state
    :param with_free: states that differ only in free memory were told apart
    :param left_over: where the code read what the last user of free memory had left, as *kernel file: function()*
    """

    cell: Cell
    scaled: Geometry
    states: int
    transitions: int
    depth: int
    is_complete: bool
    met: tuple[str, ...]
    missing: tuple[str, ...]
    by_design: tuple[ByDesign, ...]
    shown: tuple[Shown, ...]
    statics: tuple[str, ...]
    with_free: bool = False
    left_over: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Violated where a finding is one at full size; no verdict where the search did not get through."""
        if any(one.full for one in self.shown):
            return Verdict.VIOLATED
        if self.shown or not self.is_complete:
            return Verdict.NO_VERDICT
        return Verdict.VACUOUS if self.missing else Verdict.HOLDS

    def exit_code(self, *, latent: bool) -> int:
        """Return the exit code.

        :param latent: what cannot occur, or is seen in the scaled geometry only, counts too
        """
        if latent and self.shown:
            return Verdict.VIOLATED.exit_code
        return self.verdict.exit_code if latent or self.cell.reachable else Verdict.NO_VERDICT.exit_code


@dataclass(frozen=True, slots=True)
class ExploreResult:
    """What came of a tree."""

    tree: str
    origin: str
    scope: ExploreScope
    most_states: int
    cells: tuple[CellExploration, ...]

    def exit_code(self, *, latent: bool) -> int:
        """Return 1 when there is a finding, 2 when a cell that counts has no verdict, else 0."""
        codes = {one.exit_code(latent=latent) for one in self.cells if latent or one.cell.reachable}
        return 1 if 1 in codes else max(codes, default=Verdict.NO_VERDICT.exit_code)


def explore_cell(
    source: KernelSource,
    cell: Cell,
    scope: ExploreScope,
    most_states: int,
    progress: Callable[[int, int], None] = lambda _, __: None,
    processes: Processes | None = None,
) -> CellExploration:
    """Visit all states of one cell.

    :param most_states: the search ends when it knows that many
    :param progress: called now and then with the numbers of states that were expanded, and that are known
    :param processes: that do the work; without any, this one does it
    :raises VmemcheckError: when the code cannot be built or run
    """
    scaled = scope.geometry(cell.geometry)
    program = source.program(scaled, Variant.EXPLORING)
    setting = Setting(program, scaled, source.name, source.traits, scope.rules(scaled), scope.free_memory)
    found = _explored(setting, most_states, progress, processes)
    if found.left_over and not setting.with_free:
        # The states that were taken for one may have different futures.
        setting = replace(setting, with_free=True)
        found = _explored(setting, most_states, progress, processes)
    with setting.machine() as machine:
        shown = tuple(_shown(source, machine, cell.geometry, found))
        names = [mark.name for mark in applicable(machine, scope.scope) if not mark.looks_back]
    return CellExploration(
        cell=cell,
        scaled=scaled,
        states=found.states,
        transitions=found.transitions,
        depth=found.depth,
        is_complete=found.is_complete,
        met=tuple(name for name in names if name in found.coverage.marks),
        missing=tuple(name for name in names if name not in found.coverage.marks),
        by_design=tuple(sorted(found.coverage.by_design, key=lambda one: one.name)),
        shown=shown,
        statics=tuple(sorted(one.name for one in statics_of(program))),
        with_free=setting.with_free,
        left_over=tuple(sorted(found.left_over)),
    )


def _explored(
    setting: Setting, most_states: int, progress: Callable[[int, int], None], processes: Processes | None
) -> Exploration:
    with setting.machine() as machine:
        return explore(Node((), empty_model(machine)), expand_with(setting, machine, processes), most_states, progress)


def _shown(source: KernelSource, small: KernelMachine, full: Geometry, found: Exploration) -> Iterator[Shown]:
    if not found.found:
        return
    with source.machine(full) as machine:
        for symptom, sequence in found.found.items():
            scaled = _shortest(small, symptom, sequence)
            if scaled is None:
                raise MachineError(
                    f"{source.name}: {symptom.kind.invariant} was violated once, but not when the sequence ran again",
                    to_fix="this is a defect of the simulated machine; please report it with the scope",
                )
            tried = (_shortest(machine, symptom, other) for other in candidates(scaled.sequence, small.geometry, full))
            yield Shown(symptom, scaled, next((one for one in tried if one), None))


def _shortest(machine: KernelMachine, symptom: Symptom, sequence: Sequence) -> Finding | None:
    """Return the finding without what can be left out, such as bringing to life; None where there is none."""
    shortest: Finding | None = None

    def fails(other: Sequence) -> bool:
        nonlocal shortest
        finding = _finding(machine, symptom, other)
        shortest = finding or shortest
        return finding is not None

    if fails(sequence):
        shrink(sequence, (), fails, simplify=False)
    return shortest


def _finding(machine: KernelMachine, symptom: Symptom, sequence: Sequence) -> Finding | None:
    """Return the step that violates the invariant of a symptom, in its way; what else is soft is passed over."""
    finding = check(machine, sequence)
    known: set[Kind] = set()
    while finding and not _shows(finding, symptom) and are_soft(finding.violations[:1]):
        known.add(finding.kind)
        finding = check(machine, sequence, known=known)
    return finding if finding and _shows(finding, symptom) else None


def _shows(finding: Finding, symptom: Symptom) -> bool:
    first = Symptom.of(finding.violations[0])
    return (first.kind.invariant, first.subject) == (symptom.kind.invariant, symptom.subject)
