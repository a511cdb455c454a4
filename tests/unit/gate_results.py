# SPDX-License-Identifier: GPL-2.0-or-later
"""Judgements of the gate, put together by hand, for the tests of their reports; the findings in them are real ones."""

from dataclasses import replace

from tests.negative.variants import FreesNeighboursPage, KeepsEarlyMemmap, NoRollBack
from tests.unit.check_results import BLOCKS, BOOTED, DEVICES, FAILING, LEAF, cell
from vmemcheck.check import Cell
from vmemcheck.engine import check
from vmemcheck.gate.result import (
    Change,
    ChangedLine,
    FactChange,
    GateResult,
    Hunk,
    JudgedCell,
    LineUse,
    PatchHead,
    Standing,
    Unbuilt,
)
from vmemcheck.invariant import Finding, Problem, Verdict
from vmemcheck.observation import Location
from vmemcheck.operation import AddDevice, Sequence
from vmemcheck.reference import ReferenceMachine

FILE, OTHER = "arch/x86/mm/init_64.c", "mm/sparse-vmemmap.c"
SERIES = (
    PatchHead(
        1,
        "mm/sparse-vmemmap: name the end",
        "A. Developer <a@example.org>",
        "1@example.org",
        (OTHER,),
        "[PATCH v3 1/2]",
    ),
    PatchHead(
        2, "x86/mm: free the leaf at once", "A. Developer <a@example.org>", "2@example.org", (FILE,), "[PATCH v3 2/2]"
    ),
)
HUNKS = (
    Hunk(1, OTHER, 40, 40, (" {", "-\tunsigned long a;", "+\tunsigned long end;", " ")),
    Hunk(
        2, FILE, 1100, 1100, (" \t\tif (pmd_leaf(*pmd)) {", "+\t\t\tfree_hugepage_table(pmd_page(*pmd), altmap);", " ")
    ),
)
LINES = (
    ChangedLine(1, OTHER, 41, "\tunsigned long end;", LineUse.NO_CODE, ("x86_64", "arm64")),
    ChangedLine(2, FILE, 1101, "\t\t\tfree_hugepage_table(pmd_page(*pmd), altmap);", LineUse.EXECUTED, ("x86_64",)),
)
CELL, OTHER_CELL, UNREACHABLE_CELL = (
    cell("x86_64", "4K", 64),
    cell("arm64", "64K", 64),
    cell("x86_64", "4K", 56, reachable=False),
)


def judged(
    one: Cell, base: Verdict = Verdict.HOLDS, patched: Verdict = Verdict.HOLDS, missing: tuple[str, ...] = ()
) -> JudgedCell:
    """Return a cell that was run on both sides."""
    return JudgedCell(one, base, patched, 300, missing)


def change(
    standing: Standing,
    machine: type[ReferenceMachine],
    sequence: Sequence,
    *cells: Cell,
    patch: int = 0,
    where: Location | None = None,
) -> Change:
    """Return a violation that a machine shows in the first of the cells.

    :param where: the place in the kernel that did it
    """
    finding = check(machine(cells[0].geometry), sequence)
    assert finding
    if where:
        finding = placed(finding, where)
    device = any(isinstance(operation, AddDevice) for operation in sequence)
    reachable = any(one.reachable for one in cells)
    return Change(standing, cells[0].arch, finding.kind, cells, finding, reachable, device, patch)


def placed(finding: Finding, where: Location) -> Finding:
    """Return a finding that was found at a place in the kernel."""
    (first, *others), (violation, *rest) = finding.violations[0].problems, finding.violations
    problems = (Problem(first.because, where, first.subject), *others)
    return replace(finding, violations=(replace(violation, problems=problems), *rest))


NEW = change(Standing.BREAKS, LEAF, BLOCKS, UNREACHABLE_CELL, patch=2, where=Location(FILE, 1101, "remove_pmd_table"))
POSSIBLE = change(
    Standing.BREAKS, FreesNeighboursPage, DEVICES, OTHER_CELL, patch=2, where=Location(FILE, 1101, "remove_pmd_table")
)
OLD = change(Standing.ALREADY_THERE, KeepsEarlyMemmap, BOOTED, CELL, where=Location(FILE, 1234, "free_pagetable"))
FIXED = change(Standing.FIXES, NoRollBack, FAILING, CELL, patch=1, where=Location(OTHER, 77, "section_activate"))

BASE = GateResult("linux-1.2.3", "/trees/linux-1.2.3", SERIES, "ci", 7, HUNKS, LINES)
UNCHANGED = replace(BASE, cells=(judged(CELL), judged(OTHER_CELL)), confined=("no network",))
BREAKS = replace(
    BASE,
    cells=(
        judged(UNREACHABLE_CELL, patched=Verdict.VIOLATED),
        judged(CELL, Verdict.VIOLATED, Verdict.VIOLATED),
        judged(OTHER_CELL, patched=Verdict.VIOLATED),
    ),
    changes=(POSSIBLE, NEW, OLD, FIXED),
    skipped=("riscv64 4K: linux-1.2.3 cannot remove memory on riscv: it has no vmemmap_free()",),
    confined=("no network", "no new privileges"),
    unconfined=("namespaces: this machine does not allow them",),
    cached=2,
)
FIXES = replace(BASE, cells=(judged(CELL, base=Verdict.VIOLATED),), changes=(FIXED,))
LATENT = replace(BASE, cells=(judged(UNREACHABLE_CELL, patched=Verdict.VIOLATED),), changes=(NEW,))
ALREADY = replace(BASE, cells=(judged(CELL, Verdict.VIOLATED, Verdict.VIOLATED),), changes=(OLD,))
TOUCHED = replace(ALREADY, changes=(replace(OLD, touched=True),))
NOT_EXERCISED = replace(
    UNCHANGED,
    lines=(
        *LINES,
        ChangedLine(2, FILE, 1102, "\t\t\treturn;", LineUse.NOT_EXECUTED, ("x86_64",)),
        ChangedLine(2, "mm/page_alloc.c", 7, "\treturn NULL;", LineUse.NOT_SLICED),
        ChangedLine(2, "mm/shmem.c", 8, "\treturn;", LineUse.OUTSIDE),
    ),
)
MARKS = replace(UNCHANGED, cells=(judged(CELL, missing=("pmd-leaf-shared", "add-undone")), judged(OTHER_CELL)))
IDENTICAL = replace(BASE, lines=LINES[:1], identical=(CELL, OTHER_CELL))
NO_VERDICT = replace(
    UNCHANGED,
    unbuilt=(
        Unbuilt("x86_64", "4K", "'frob' undeclared (first use in this function)", f"{FILE}:1101", True, 2),
        Unbuilt("arm64", "64K", "the slice needs pagetable_pte_dtor()\n  to fix   add it to stubs.h"),
    ),
)
FACTS = replace(
    UNCHANGED,
    facts=(
        FactChange("x86_64", "SUBSECTION_SHIFT", "21", "15", True, "page-multiple no longer holds", 1),
        FactChange("arm64", "sizeof(struct page)", "64", "64 80", says="80 is new", patch=2),
    ),
)
HALTS = (
    Unbuilt("x86_64", "4K", "'frob' undeclared (first use in this function)", f"{FILE}:1101", True, 1, 2),
    Unbuilt("arm64", "64K", "the slice needs pagetable_pte_dtor()\n  to fix   add it to stubs.h", patch=1),
)
BETWEEN = replace(UNCHANGED, between=HALTS)
MENDED = replace(UNCHANGED, changes=(replace(POSSIBLE, patch=1, mended=2), OLD))
NOT_APPLICABLE = replace(
    BASE, series=SERIES[:1], hunks=(), lines=(), reason="the series touches nothing that is run: net/core/dev.c"
)
BARE = replace(UNCHANGED, series=(PatchHead(1, "change.diff", files=(FILE,)),))

RESULTS = {
    "breaks": BREAKS,
    "fixes": FIXES,
    "unchanged": UNCHANGED,
    "latent": LATENT,
    "already there": ALREADY,
    "touched": TOUCHED,
    "not exercised": NOT_EXERCISED,
    "marks": MARKS,
    "identical": IDENTICAL,
    "no verdict": NO_VERDICT,
    "facts": FACTS,
    "mended": MENDED,
    "between": BETWEEN,
    "not applicable": NOT_APPLICABLE,
    "bare diff": BARE,
}


def hostile(text: str) -> GateResult:
    """Return a judgement with a text in every place that takes text from outside."""
    where = Location(text, 3, text)
    heads = (PatchHead(1, text, text, text, (text,), text), PatchHead(2, text, text, text))
    bad = replace(NEW, finding=placed(NEW.finding, where), patch=1, reachable=True)
    problem = replace(bad.finding.violations[0].problems[0], because=text)
    violation = replace(bad.finding.violations[0], problems=(problem,))
    bad = replace(bad, finding=replace(bad.finding, violations=(violation,)), kind=violation.kind)
    return GateResult(
        tree=text,
        origin=text,
        series=heads,
        budget=text,
        seed=7,
        hunks=(Hunk(1, text, 1, 1, (f" {text}", f"+{text}")),),
        lines=(ChangedLine(1, text, 2, text, LineUse.NOT_EXECUTED, (text,)),),
        cells=BREAKS.cells,
        changes=(bad, OLD),
        facts=(FactChange(text, text, text, text, True, text, 1),),
        unbuilt=(Unbuilt(text, text, text, text, True, 1),),
        between=(Unbuilt(text, text, text, text, False, 1, 2),),
        skipped=(text,),
        reason=text,
        confined=(text,),
        unconfined=(text,),
    )


def replays(result: GateResult) -> dict[Change, str]:
    """Return where the sequences were saved."""
    return {one: f"replays/{number}.json" for number, one in enumerate(result.changes, start=1)}
