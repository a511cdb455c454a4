# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of checks, put together by hand, for the tests of their reports; the findings in them are real ones."""

from dataclasses import replace

from tests.negative.variants import (
    FreesLeafUnasked,
    FreesNeighboursPage,
    KeepsEarlyMemmap,
    NoRollBack,
    with_part,
)
from vmemcheck.arches import find
from vmemcheck.by_design import ByDesign
from vmemcheck.check import Cause, Cell, CellResult, CheckResult, causes_of
from vmemcheck.engine import check
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Finding, Verdict
from vmemcheck.marks import MARKS
from vmemcheck.operation import AddDevice, AddMemory, Boot, Fault, FaultKind, Remove, Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.scope import Scope

NAMES = tuple(mark.name for mark in MARKS)
DECLARED = ByDesign(
    name="top-level tables stay",
    invariants=("no-leak", "failed-add-undone"),
    says="a page-table page that the top table leads to is never freed: the entry was copied elsewhere",
    source="arch/x86/mm/init_64.c: remove_p4d_table()",
)
ERROR = "arm64: the slice needs pagetable_pte_dtor()\n  used by  arch/arm64/mm/mmu.c\n  to fix   add it to stubs.h"
SKIPPED = "riscv64 4K: linux-1.2.3 cannot remove memory on riscv: it has no vmemmap_free()"
SCOPE = Scope(faults=False)


def geometry(arch: str, page: str, size: int) -> Geometry:
    """Return the geometry of an architecture."""
    return next(one for one in find(arch).page_sizes if one.name == page).geometry(size)


def cell(arch: str, page: str, size: int, *, reachable: bool = True, **sizes: int) -> Cell:
    """Return a cell."""
    return Cell(arch, geometry(arch, page, size).changed(**sizes), reachable)


def holds(one: Cell) -> CellResult:
    """Return the result of a cell that holds."""
    return CellResult(one, Verdict.HOLDS, sequences=300, operations=2000, met=NAMES, by_design=(DECLARED,))


def found(machine: type[ReferenceMachine], one: Cell, *sequences: Sequence) -> CellResult:
    """Return the result of a cell in which sequences were found."""
    findings = tuple(finding for sequence in sequences if (finding := check(machine(one.geometry), sequence)))
    assert len(findings) == len(sequences)
    return CellResult(one, Verdict.VIOLATED, 290, 1900, NAMES, findings=findings)


def result(*cells: CellResult, skipped: tuple[str, ...] = (), scope: Scope = SCOPE) -> CheckResult:
    """Return what came of a tree."""
    return CheckResult("linux-1.2.3", "/trees/linux-1.2.3", scope, 300, 7, cells, causes_of(cells), skipped)


def vacuous(one: Cell, missing: tuple[str, ...] = ("pmd-leaf-shared", "add-undone")) -> CellResult:
    """Return the result of a cell that missed marks."""
    met = tuple(name for name in NAMES if name not in missing)
    return CellResult(one, Verdict.VACUOUS, sequences=300, operations=2000, met=met, missing=missing)


def without_verdict(one: Cell, error: str = ERROR) -> CellResult:
    """Return the result of a cell that could not be run."""
    return CellResult(one, Verdict.NO_VERDICT, error=error)


LEAF = with_part(FreesLeafUnasked)
BLOCKS: Sequence = (AddMemory(0, 1), AddMemory(1, 1), Remove(1))
DEVICES: Sequence = (AddDevice(0, 1), AddDevice(1, 1), Remove(0))
FAILING: Sequence = (AddDevice(0, 65, fault=Fault(FaultKind.NTH, 5)),)
BOOTED: Sequence = (Boot(0, 0, 64), Remove(0))

HOLDING = result(
    holds(cell("x86_64", "4K", 64)),
    holds(cell("x86_64", "4K", 64, levels=5)),
    holds(replace(cell("x86_64", "4K", 64), memory_model="sparse vmemmap, DEBUG_VM")),
    holds(cell("arm64", "64K", 64)),
    skipped=(SKIPPED,),
)
LATENT = result(
    holds(cell("x86_64", "4K", 64)),
    found(LEAF, cell("x86_64", "4K", 56, reachable=False), BLOCKS),
    scope=Scope(),
)
MIXED = result(
    replace(found(LEAF, cell("x86_64", "4K", 56, reachable=False), BLOCKS), ended_early=True),
    holds(cell("x86_64", "4K", 64)),
    holds(replace(cell("x86_64", "4K", 64, subsection_shift=27), memory_model="classic sparse")),
    found(FreesNeighboursPage, cell("arm64", "64K", 64, reachable=True), DEVICES),
    found(FreesNeighboursPage, cell("arm64", "64K", 72, reachable=False), DEVICES),
    vacuous(cell("arm64", "16K", 64)),
    without_verdict(cell("arm64", "16K", 80)),
    skipped=(SKIPPED,),
)
MIXED = replace(MIXED, confined=("no network", "no core dump"), unconfined=("host: other files",))
FAILED_ADD = result(found(NoRollBack, cell("x86_64", "4K", 64), FAILING))
OF_BOOT = result(found(KeepsEarlyMemmap, cell("x86_64", "4K", 64), BOOTED))
VACUOUS = result(vacuous(cell("x86_64", "4K", 64)), holds(cell("x86_64", "4K", 80)))
NO_VERDICT = result(without_verdict(cell("arm64", "4K", 64)), vacuous(cell("arm64", "4K", 80)))
UNREACHABLE = result(
    vacuous(cell("x86_64", "4K", 56, reachable=False)), without_verdict(cell("x86_64", "4K", 72, reachable=False))
)
BENT = result(
    holds(cell("x86_64", "4K", 64)),
    found(LEAF, cell("x86_64", "4K", 56, reachable=False, subsection_shift=20), BLOCKS),
)
EMPTY = result(skipped=(SKIPPED,))

RESULTS = {
    "holds": HOLDING,
    "latent": LATENT,
    "mixed": MIXED,
    "failed add": FAILED_ADD,
    "boot": OF_BOOT,
    "vacuous": VACUOUS,
    "no verdict": NO_VERDICT,
    "unreachable": UNREACHABLE,
    "bent": BENT,
    "empty": EMPTY,
}


def hostile(text: str) -> CheckResult:
    """Return a result with a text in every place that takes text from outside."""
    (failing, *others) = OF_BOOT.cells[0].findings
    violation = failing.violations[0]
    problem = replace(violation.problems[0], because=text)
    finding: Finding = replace(failing, violations=(replace(violation, problems=(problem,)),))
    assert not others
    cells = (replace(OF_BOOT.cells[0], findings=(finding,)), without_verdict(cell("arm64", "4K", 64), text))
    return CheckResult(text, text, SCOPE, 300, 7, cells, causes_of(cells), (text,), (text,), (text,))


def replays(checked: CheckResult) -> dict[Cause, str]:
    """Return where the sequences were saved."""
    return {cause: f"replays/{number}.json" for number, cause in enumerate(checked.causes, start=1)}
