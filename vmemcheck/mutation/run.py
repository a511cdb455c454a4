# SPDX-License-Identifier: GPL-2.0-or-later
"""A mutation run: which geometries and scopes, and who is judged where. How one mutant is judged is in ``judge``.

What is left of the mutants goes from one geometry and scope to the next; those that nothing kills are looked at
once more.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from typing import TypeVar

from vmemcheck.geometry import Geometry
from vmemcheck.kernel.build import Program, build, program_text
from vmemcheck.kernel.compiler import complaints
from vmemcheck.kernel.machine import KernelMachine, Traits
from vmemcheck.kernel.slicer import Slice
from vmemcheck.kernel.source import KernelSource
from vmemcheck.kernel.variant import Variant
from vmemcheck.mutation.equivalence import is_same_code
from vmemcheck.mutation.judge import Judgement, Original, judge, original
from vmemcheck.mutation.mutant import Mutant
from vmemcheck.mutation.reasons import reason_for
from vmemcheck.mutation.result import Fate, MutantResult, MutationResult
from vmemcheck.mutation.schemata import Schemata, schemata
from vmemcheck.scope import Scope

SCOPES = (Scope(faults=False), Scope())
"""As ``vmemcheck check`` does with ``--no-faults``, and by default."""
_CHUNK = 12
_FIRST = 4
"""Sequences that killed a mutant are tried first on its neighbours: so many of them."""
_About = TypeVar("_About")
_Result = TypeVar("_Result")
Progress = Callable[[float], None]
"""Called with the share of the work that is done."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One geometry and scope in which mutants are judged.

    :param text: of the program that holds all mutants
    :param name: of the tree and the target, for messages
    :param replaced: names that the shim replaces by nothing
    """

    text: str
    name: str
    traits: Traits
    replaced: frozenset[str]
    geometry: Geometry
    scope: Scope
    examples: int
    seed: int

    def machine(self, program: Program, mutant: int = 0) -> KernelMachine:
        """Return the machine of one mutant; 0 is the code as it is."""
        return KernelMachine(program, self.geometry, self.name, self.traits, mutant=mutant)


@dataclass(frozen=True, slots=True)
class Leftover:
    """What is known of mutants that nothing killed.

    :param cells: in which they were judged
    :param reached: numbers of those that some sequence gets to
    :param differed: numbers of those that did something else than the code as it is
    :param arch: the folder below ``arch/``
    """

    cells: tuple[Cell, ...]
    reached: frozenset[int]
    differed: frozenset[int]
    arch: str


def mutants_of(source: KernelSource, functions: Iterable[str] = ()) -> Schemata:
    """Make the mutants of a tree and architecture.

    :param functions: only of these, if any
    """
    geometry = source.geometry(64)

    def refused(found: Slice) -> str:
        return complaints(program_text(found, source.shim, geometry, source.native))

    return schemata(source.slice.cut, refused, functions)


def run(
    source: KernelSource,
    made: Schemata,
    geometries: Iterable[Geometry],
    examples: int,
    seed: int,
    executor: Executor,
    progress: Progress = lambda *_: None,
) -> MutationResult:
    """Judge all mutants.

    :raises BuildError: when a program does not compile
    :raises ExecutorError: when the code as it is cannot be run
    """
    cells = tuple(
        Cell(
            text=program_text(made.slice, source.shim, geometry, source.native),
            name=source.name,
            traits=source.traits,
            replaced=frozenset(name for name, file in source.shim.origins.items() if file == "stubs.h"),
            geometry=geometry,
            scope=scope,
            examples=examples,
            seed=seed,
        )
        for geometry in geometries
        for scope in SCOPES
    )
    results: dict[int, MutantResult] = {}
    differed: dict[int, int] = {}
    reached: set[int] = set()
    left = list(made.mutants)
    for number, cell in enumerate(cells):
        report = _part(progress, number, len(cells) + 1)
        for mutant, one in _spread(executor, _judged, cell, left, report):
            differed[mutant.number] = differed.get(mutant.number, 0) + one.differed
            if one.reached:
                reached.add(mutant.number)
            if one.killed_by:
                results[mutant.number] = MutantResult(
                    mutant, Fate.KILLED, one.killed_by, cell.geometry, one.sequence, differed[mutant.number]
                )
        left = [mutant for mutant in left if mutant.number not in results]
    last = _part(progress, len(cells), len(cells) + 1)
    changed = frozenset(number for number, times in differed.items() if times)
    about = Leftover(cells, frozenset(reached), changed, source.arch)
    for mutant, (fate, why) in _spread(executor, _explained, about, left, last):
        results[mutant.number] = MutantResult(mutant, fate, why, differed=differed[mutant.number])
    return MutationResult(
        tree=source.tree.name,
        origin=source.tree.origin,
        arch=source.arch,
        refused=made.refused,
        geometries=tuple(dict.fromkeys(cell.geometry for cell in cells)),
        scopes=SCOPES,
        examples=examples,
        seed=seed,
        mutants=tuple(results[number] for number in sorted(results)),
        paths=made.paths,
    )


def _part(progress: Progress, number: int, parts: int) -> Callable[[int, int], None]:
    """Return what reports how much of one of several equal parts is done."""
    return lambda done, whole: progress((number + done / whole) / parts)


def _spread(
    executor: Executor,
    function: Callable[[_About, Sequence[Mutant]], list[_Result]],
    about: _About,
    mutants: Sequence[Mutant],
    report: Callable[[int, int], None],
) -> Iterator[tuple[Mutant, _Result]]:
    """Yield what a function returns for each mutant, in the order of the mutants."""
    parts = [mutants[at : at + _CHUNK] for at in range(0, len(mutants), _CHUNK)]
    futures = [executor.submit(function, about, part) for part in parts]
    for number, _ in enumerate(as_completed(futures), 1):
        report(number, len(parts))
    for part, future in zip(parts, futures, strict=True):
        yield from zip(part, future.result(), strict=True)


def _judged(cell: Cell, mutants: Sequence[Mutant]) -> list[Judgement]:
    program, code = _as_it_is(cell)
    found: list[Judgement] = []
    first: list[int] = []
    for mutant in mutants:
        with cell.machine(program, mutant.number) as machine:
            one = judge(machine, mutant.number, code, first)
        if one.at is not None:
            first = [one.at, *(at for at in first if at != one.at)][:_FIRST]
        found.append(one)
    return found


@functools.lru_cache(maxsize=2)
def _as_it_is(cell: Cell) -> tuple[Program, Original]:
    program = build(cell.text, Variant.MUTANTS, cell.name)
    reaching = build(cell.text, Variant.REACHING, cell.name)
    with cell.machine(program) as machine, cell.machine(reaching) as noting:
        return program, original(machine, noting, cell.scope, cell.examples, cell.seed)


def _explained(about: Leftover, mutants: Sequence[Mutant]) -> list[tuple[Fate, str]]:
    return [_fate(about, mutant) for mutant in mutants]


def _fate(about: Leftover, mutant: Mutant) -> tuple[Fate, str]:
    """Say why a mutant survived, as far as that can be told."""
    cells, is_reached = about.cells, mutant.number in about.reached
    reason = reason_for(mutant, about.arch, is_reached=is_reached)
    # What no sequence gets to may be what the compiler leaves out, whatever else is to be said of it.
    if reason is not None and (reason.is_equivalent or is_reached):
        return (Fate.EQUIVALENT if reason.is_equivalent else Fate.OUTSIDE), reason.name
    replaced = next((name for name in mutant.calls if name in cells[0].replaced), None)
    if mutant.number not in about.differed:
        texts = dict.fromkeys((cells[0].text, cells[-1].text))  # a scaled geometry, and a full one
        if all(is_same_code(text, mutant.number, cells[0].name) for text in texts):
            return (Fate.OUTSIDE, f"shim: {replaced}()") if replaced else (Fate.EQUIVALENT, "same code")
    if reason is not None:
        return Fate.OUTSIDE, reason.name
    return (Fate.SURVIVED if is_reached else Fate.NOT_REACHED), ""
