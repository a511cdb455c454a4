# SPDX-License-Identifier: GPL-2.0-or-later
"""Which counts of lines are believed again."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.check_results import cell
from vmemcheck.check import Job
from vmemcheck.gate import counted
from vmemcheck.gate.counted import counts_of
from vmemcheck.kernel.coverage import LineCounts
from vmemcheck.kernel.machine import Traits
from vmemcheck.scope import Scope

_JOB = Job(cell("x86_64", "4K", 64), "int x;", "linux-1.2.3 x86", Traits(), Scope(), 10, 0)
_DYING = replace(_JOB, text="int y;")
_COUNTS: LineCounts = {"mm/a.c": {3: 0, 10: 7}, "mm/b.c": {}}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Job]:
    """Return the jobs whose lines are counted, with an empty cache."""
    jobs: list[Job] = []

    def count(job: Job) -> tuple[LineCounts, bool]:
        jobs.append(job)
        return _COUNTS, job is not _DYING

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(counted, "_counted", count)
    return jobs


def test_counts_of_an_equal_job_are_made_once(run: list[Job]) -> None:
    """What is read back is what was made, with numbers for lines; another seed runs other lines."""
    other = replace(_JOB, seed=1)
    assert [_COUNTS] * 3 == [counts_of(job) for job in (_JOB, replace(_JOB, name="linux-1.2.4 x86"), other)]
    assert [_JOB, other] == run


@pytest.mark.parametrize("damaged", ["", "[]", '{"mm/a.c": {"x": 1}}', '{"mm/a.c": 1}'])
def test_counts_that_are_damaged_are_made_again(damaged: str, run: list[Job], tmp_path: Path) -> None:
    """A disk that was full, or another hand, is no error."""
    counts_of(_JOB)
    (path,) = (tmp_path / "vmemcheck" / "counted").iterdir()
    path.write_text(damaged)
    assert counts_of(_JOB) == _COUNTS
    assert [_JOB, _JOB] == run


def test_counts_without_all_sequences_are_made_again(run: list[Job]) -> None:
    """That a program died may have been the machine's fault."""
    assert [_COUNTS, _COUNTS] == [counts_of(_DYING) for _ in range(2)]
    assert [_DYING, _DYING] == run
