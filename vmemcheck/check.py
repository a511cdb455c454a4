# SPDX-License-Identifier: GPL-2.0-or-later
"""Check one kernel tree: every architecture, page size and size of struct page, each a cell of one table.

A cell is an independent job: it is built and searched in a process of its own, from the text
of its program. What comes out is data; ``vmemcheck.reports`` makes text of it.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass

from vmemcheck.bulk import bulk_search
from vmemcheck.by_design import ByDesign
from vmemcheck.engine import applicable
from vmemcheck.errors import VmemcheckError
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Finding, Kind, Verdict
from vmemcheck.kernel.build import build, build_first
from vmemcheck.kernel.coverage import COUNTING
from vmemcheck.kernel.machine import KernelMachine, Traits
from vmemcheck.kernel.memory_model import MemoryModel
from vmemcheck.kernel.source import KernelSource
from vmemcheck.kernel.variant import Variant
from vmemcheck.operation import AddDevice
from vmemcheck.scope import Scope
from vmemcheck.sub_page import SubPageCount, SubPagePath, SubPageRun, sub_page_path


@dataclass(frozen=True, slots=True)
class Cell:
    """One geometry of one architecture of a tree.

    :param arch: canonical name, for example ``x86_64``
    :param reachable: whether some configuration of the tree gives struct page this size
    :param memory_model: where it is not sparse vmemmap alone: ``classic sparse``, or with DEBUG_VM
    """

    arch: str
    geometry: Geometry
    reachable: bool
    memory_model: str = ""

    @property
    def is_classic(self) -> bool:
        """Whether there is no vmemmap."""
        return self.memory_model == MemoryModel.CLASSIC.value


@dataclass(frozen=True, slots=True)
class Job:
    """All that a process needs to check one cell.

    :param text: C of the program
    :param name: of the tree and the architecture, for messages
    :param sub_page: where the tree has the sub-page path, if it has it
    :param variant: how the program is compiled
    """

    cell: Cell
    text: str
    name: str
    traits: Traits
    scope: Scope
    examples: int
    seed: int
    sub_page: SubPagePath | None = None
    variant: Variant = Variant.FAST


@dataclass(frozen=True, slots=True)
class CellResult:
    """What came of one cell.

    :param sequences: sequences that were run to their end
    :param operations: operations that were applied
    :param met: names of the marks that were met, in report order
    :param missing: names of the marks that could be met and were not
    :param by_design: declarations that were used
    :param findings: the shortest sequence of each kind of violation
    :param error: why there is no verdict; empty when there is one
    :param ended_early: that many kinds were found that more were not looked for
    :param sub_page: what was counted on the sub-page path, where the tree has it
    :param cached: it was known from an earlier run
    """

    cell: Cell
    verdict: Verdict
    sequences: int = 0
    operations: int = 0
    met: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    by_design: tuple[ByDesign, ...] = ()
    findings: tuple[Finding, ...] = ()
    error: str = ""
    ended_early: bool = False
    sub_page: SubPageCount | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Cause:
    """One kind of violation on one architecture, in all cells where it was found.

    :param cells: in report order
    :param finding: the shortest sequence, from a cell that can occur where there is one
    :param reachable: whether any of the cells can occur
    :param by_device: the shortest sequence needs a device range
    """

    arch: str
    kind: Kind
    cells: tuple[Cell, ...]
    finding: Finding
    reachable: bool
    by_device: bool


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of a tree.

    :param tree: name, for example ``linux-6.12.117``
    :param origin: where the tree is from
    :param skipped: architectures or page sizes that were left out, each with the reason
    :param confined: what the sliced code could not do while it ran
    :param unconfined: what could not be taken from it, on this machine or on another that ran a row
    """

    tree: str
    origin: str
    scope: Scope
    examples: int
    seed: int
    cells: tuple[CellResult, ...]
    causes: tuple[Cause, ...]
    skipped: tuple[str, ...] = ()
    confined: tuple[str, ...] = ()
    unconfined: tuple[str, ...] = ()

    def exit_code(self, *, latent: bool) -> int:
        """Return 1 when there is a finding, 2 when a cell has no verdict or met too little, else 0.

        :param latent: cells that cannot occur count too
        """
        counted = [one for one in self.cells if latent or one.cell.reachable]
        codes = {one.verdict.exit_code for one in counted}
        if not counted:
            return Verdict.NO_VERDICT.exit_code
        return 1 if 1 in codes else max(codes)


def job_of(source: KernelSource, cell: Cell, scope: Scope, examples: int, seed: int) -> Job:
    """Return the job that checks one cell.

    :raises ShimGapError: when the tree passes parameters that are not known
    """
    return Job(
        cell=cell,
        text=source.text(cell.geometry),
        name=source.name,
        traits=source.traits,
        scope=scope,
        examples=examples,
        seed=seed,
        sub_page=sub_page_path(source.slice.cut),
    )


def machine_of(job: Job) -> KernelMachine:
    """Build the machine of a job.

    :raises ShimGapError: when a name is neither in the tree nor in the shim
    :raises BuildError: when the code does not compile
    """
    return KernelMachine(build(job.text, job.variant, job.name), job.cell.geometry, job.name, job.traits)


def run_job(job: Job, before: Iterable[Finding] = ()) -> CellResult:
    """Build and search one cell; an error becomes a result without a verdict.

    :param before: found on another machine; what this one violates too is not searched for
    """
    try:
        with machine_of(job) as machine:
            found = bulk_search(machine, job.scope, job.examples, job.seed, before=before)
            names = [mark.name for mark in applicable(machine, job.scope)]
        sub_page = _sub_page(job)
    except VmemcheckError as error:
        return CellResult(job.cell, Verdict.NO_VERDICT, error=str(error))
    missing = tuple(name for name in names if name not in found.coverage.marks)
    verdict = Verdict.VIOLATED if found.findings else Verdict.VACUOUS if missing else Verdict.HOLDS
    return CellResult(
        cell=job.cell,
        verdict=verdict,
        sequences=found.coverage.sequences,
        operations=found.coverage.operations,
        met=tuple(name for name in names if name in found.coverage.marks),
        missing=missing,
        by_design=tuple(sorted(found.coverage.by_design, key=lambda one: one.name)),
        findings=tuple(found.findings),
        ended_early=found.ended_early,
        sub_page=sub_page,
    )


def _sub_page(job: Job) -> SubPageCount | None:
    if job.sub_page is None:
        return None
    program = build_first(job.text, COUNTING, job.name)
    run = SubPageRun(program, job.cell.geometry, job.traits, job.sub_page)
    return run.count(job.scope, job.examples, job.seed)


def run_jobs(
    jobs: Iterable[Job],
    executor: Executor,
    progress: Callable[[CellResult], None] = lambda _: None,
    run: Callable[[Job], CellResult] = run_job,
) -> tuple[CellResult, ...]:
    """Run jobs on an executor; the results are in the order of the jobs.

    :param progress: called with each result as it comes
    :param run: what runs a job
    """
    futures = {executor.submit(run, job): number for number, job in enumerate(jobs)}
    results: dict[int, CellResult] = {}
    for future in as_completed(futures):
        results[futures[future]] = future.result()
        progress(future.result())
    return tuple(results[number] for number in sorted(results))


def causes_of(results: Iterable[CellResult]) -> tuple[Cause, ...]:
    """Group the findings of all cells; those that can occur come first.

    One kind on one architecture, with a vmemmap or without, is one cause. Of cells that differ only in DEBUG_VM, the
    one without it shows it.
    """
    found: dict[tuple[str, bool, Kind], list[tuple[Cell, Finding]]] = {}
    for result in results:
        for finding in result.findings:
            key = (result.cell.arch, result.cell.is_classic, finding.kind)
            found.setdefault(key, []).append((result.cell, finding))
    causes = []
    for (arch, _, kind), pairs in found.items():
        best = min(pairs, key=lambda pair: (not pair[0].reachable, pair[0].memory_model, len(pair[1].sequence)))
        causes.append(
            Cause(
                arch=arch,
                kind=kind,
                cells=tuple(cell for cell, _ in pairs),
                finding=best[1],
                reachable=best[0].reachable,
                by_device=any(isinstance(operation, AddDevice) for operation in best[1].sequence),
            )
        )
    return tuple(sorted(causes, key=lambda cause: not cause.reachable))
