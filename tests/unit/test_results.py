# SPDX-License-Identifier: GPL-2.0-or-later
"""Which results of jobs are believed again, and that they come back as they were."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from tests.negative.variants import VARIANTS
from tests.unit.check_results import DECLARED, cell
from vmemcheck import results
from vmemcheck.bulk import bulk_search
from vmemcheck.check import CellResult, Job
from vmemcheck.errors import BuildError
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Finding, Kind, Verdict, Violation
from vmemcheck.kernel.machine import Traits
from vmemcheck.operation import AddMemory, Remove
from vmemcheck.reference import ReferenceMachine
from vmemcheck.results import run_known
from vmemcheck.scope import Scope
from vmemcheck.sub_page import SubPageCount, SubPagePath

_BAD = "no C"
_PATH = SubPagePath("arch/x86/mm/init_64.c", 10, 20)
_OTHER = Violation("memmap-mapped", ())
_JOB = Job(cell("x86_64", "4K", 64), "int x;", "linux-1.2.3 x86", Traits(never_met=frozenset("abc")), Scope(), 10, 0)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Job]:
    """Return the jobs that are run, with an empty cache."""
    jobs: list[Job] = []

    def run_job(job: Job, _: tuple[Finding, ...]) -> CellResult:
        jobs.append(job)
        verdict = Verdict.NO_VERDICT if job.text == _BAD else Verdict.HOLDS
        return CellResult(job.cell, verdict, sequences=job.examples)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(results, "run_job", run_job)
    return jobs


def test_job_that_is_equal_is_run_once(run: list[Job]) -> None:
    """Its name, and whether it can occur, decide nothing; the result is that of the cell that is asked for."""
    other = replace(_JOB, name="linux-1.2.4 x86", cell=replace(_JOB.cell, reachable=False))
    assert [CellResult(job.cell, Verdict.HOLDS, sequences=10, cached=job is other) for job in (_JOB, other)] == [
        run_known(job) for job in (_JOB, other)
    ]
    assert [_JOB] == run


@pytest.mark.parametrize(
    "other",
    [
        replace(_JOB, text="int y;"),
        replace(_JOB, cell=replace(_JOB.cell, geometry=Geometry(struct_page_bytes=56))),
        replace(_JOB, traits=Traits()),
        replace(_JOB, traits=replace(_JOB.traits, boot_stays=True)),
        replace(_JOB, traits=replace(_JOB.traits, counts=False)),
        replace(_JOB, scope=Scope(faults=False)),
        replace(_JOB, sub_page=_PATH),
        replace(_JOB, examples=11),
        replace(_JOB, seed=1),
    ],
)
def test_job_that_differs_is_run(other: Job, run: list[Job]) -> None:
    """All that decides a result tells it from others: the text, the sizes, the traits, the sequences."""
    assert [False, False] == [run_known(job).cached for job in (_JOB, other)]
    assert [_JOB, other] == run


def test_job_that_begins_with_other_findings_is_run(run: list[Job]) -> None:
    """What another machine violated decides what is looked for: its kinds, and their sequences."""
    first = Finding((AddMemory(0, 1),), (Violation("no-leak", ()),), ())
    others = ((), (first,), (replace(first, sequence=(AddMemory(1, 1),)),), (replace(first, violations=(_OTHER,)),))
    assert [False] * 4 == [run_known(_JOB, before).cached for before in others]
    assert [True] * 4 == [run_known(_JOB, before).cached for before in others]
    assert [_JOB] * 4 == run
    assert Kind("memmap-mapped", "", "") == others[3][0].kind


def test_job_without_a_verdict_is_run_again(run: list[Job]) -> None:
    """What went wrong may have been the machine's fault."""
    job = replace(_JOB, text=_BAD)
    assert [False, False] == [run_known(job).cached for _ in range(2)]
    assert [job, job] == run


def test_result_that_is_known_is_the_one_that_was_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All of it comes back: the findings, which are played again, what is meant so, and what was counted."""
    variant = next(one for one in VARIANTS if one.invariant == "no-leak")
    machine = variant.machine(variant.geometry)
    findings = tuple(bulk_search(machine, variant.scope, 100, 0).findings)
    declared = replace(DECLARED, name="another")
    job = replace(
        _JOB,
        cell=replace(_JOB.cell, geometry=variant.geometry),
        traits=Traits(by_design=(DECLARED, declared, replace(DECLARED, name="unused"))),
        sub_page=_PATH,
    )
    found = CellResult(
        job.cell,
        Verdict.VIOLATED,
        sequences=90,
        operations=1000,
        met=("pmd-leaf-shared",),
        missing=("add-undone",),
        by_design=(declared, DECLARED),
        findings=findings,
        ended_early=True,
        sub_page=SubPageCount(_PATH, 7, 1, (AddMemory(0, 1), Remove(0))),
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(results, "run_job", lambda *_: found)
    monkeypatch.setattr(results, "machine_of", lambda _: contextlib.nullcontext(machine))
    assert found == run_known(job)
    again = run_known(job)
    assert [(one.sequence, one.violations) for one in findings] == [
        (one.sequence, one.violations) for one in again.findings
    ]
    assert replace(found, cached=True) == replace(again, findings=findings)
    # Findings that do not come again are not believed.
    monkeypatch.setattr(results, "machine_of", lambda _: contextlib.nullcontext(ReferenceMachine(variant.geometry)))
    assert found == run_known(job)


@pytest.mark.parametrize("broken", ["[]", "{", "{}", '{"findings": ["no geometry"]}'])
def test_result_that_is_damaged_is_found_again(broken: str, run: list[Job], tmp_path: Path) -> None:
    """Nothing of it is believed, and nobody hears of it."""
    run_known(_JOB)
    (entry,) = tmp_path.rglob("judged/*.json")
    entry.write_text(broken)
    assert not run_known(_JOB).cached
    assert [_JOB] * 2 == run
    assert run_known(_JOB).cached


def test_findings_that_cannot_be_played_again_are_searched_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The machine that could be built before may not be built now: the search tells why."""
    finding = Finding((AddMemory(0, 1),), (_OTHER,), ())
    told = iter(
        (CellResult(_JOB.cell, Verdict.VIOLATED, findings=(finding,)), CellResult(_JOB.cell, Verdict.NO_VERDICT))
    )

    def refused(_: Job) -> NoReturn:
        raise BuildError("the compiler is gone")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(results, "run_job", lambda *_: next(told))
    monkeypatch.setattr(results, "machine_of", refused)
    assert [Verdict.VIOLATED, Verdict.NO_VERDICT] == [run_known(_JOB).verdict for _ in range(2)]
