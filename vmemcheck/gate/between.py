# SPDX-License-Identifier: GPL-2.0-or-later
"""What a series breaks with one patch and mends with a later one, the build too: git bisect stops between them.

Documentation/process/submitting-patches.rst asks for a kernel that builds and runs after each patch of a series. One
geometry of each architecture is looked at. Runs in a process of its own.
"""

from dataclasses import dataclass, replace

from vmemcheck.check import Cell, Job, machine_of
from vmemcheck.errors import BuildError, ShimGapError, SliceError, VmemcheckError
from vmemcheck.gate.blame import Blame, source_of
from vmemcheck.gate.compare import Compared, Pair, compare, holds
from vmemcheck.gate.text import same_program
from vmemcheck.invariant import Verdict
from vmemcheck.kernel.memory_model import MemoryModel

MOST_TREES = 16
"""How many of the trees between the patches are looked at, the first ones."""


@dataclass(frozen=True, slots=True)
class Between:
    """What is looked at.

    :param blame: the trees
    :param number: of the tree: so many patches are applied
    :param pair: the geometry before and after the whole series
    """

    blame: Blame
    number: int
    pair: Pair


def look_between(asked: Between) -> Compared:
    """Compare a tree between two patches with the base: what breaks there, and not after the whole series.

    A tree that cannot be built is an error in the result.
    """
    cell = asked.pair.patched.cell
    nothing = Compared(cell, Verdict.NO_VERDICT, Verdict.NO_VERDICT)
    base, last = asked.pair.base, asked.pair.patched
    try:
        job = _job(asked, cell)
        if base is None or same_program(job.text, base.text) or same_program(job.text, last.text):
            return nothing
        found = compare(Pair(base, job))
        if not found.breaks:
            return replace(nothing, error=_not_built(found.error), by_series=found.by_series)
        with machine_of(last) as machine:
            mended = tuple(one for one in found.breaks if holds(machine, one.sequence, one.kind))
    except VmemcheckError as error:
        return replace(nothing, error=_not_built(error), by_series=not isinstance(error, ShimGapError))
    return replace(found, breaks=mended, already=(), fixes=())


def _not_built(error: VmemcheckError | None) -> VmemcheckError | None:
    """Return the error if it is that the code does not build: what else ends a search is told of the series only."""
    return error if isinstance(error, BuildError | SliceError | ShimGapError) else None


def _job(asked: Between, cell: Cell) -> Job:
    model = MemoryModel(cell.memory_model) if cell.memory_model else MemoryModel.VMEMMAP
    source = source_of(asked.blame, asked.blame.trees[asked.number], model)
    geometry = source.geometry(cell.geometry.struct_page_bytes, cell.geometry.levels)
    text, traits = source.text(geometry), source.traits
    return replace(
        asked.pair.patched, cell=replace(cell, geometry=geometry), text=text, traits=traits, name=source.name
    )
