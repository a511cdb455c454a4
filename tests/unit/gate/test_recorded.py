# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a base is not asked of a program again."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.check_results import cell
from vmemcheck.check import Job
from vmemcheck.gate import recorded as module
from vmemcheck.gate.recorded import Recorded
from vmemcheck.kernel.machine import Traits
from vmemcheck.kernel.protocol import DIGEST_BYTES
from vmemcheck.operation import AddMemory, Sequence
from vmemcheck.scope import Scope

_SEQUENCES: list[Sequence] = [(AddMemory(block, 1),) for block in range(4)]
_JOB = Job(cell("x86_64", "4K", 64), "text", "name", Traits(), Scope(), 4, 0)


class _Program:
    """Notes what it is asked, and answers with it."""

    def __init__(self) -> None:
        self.asked: list[Sequence] = []

    def digest(self, sequence: Sequence) -> bytes:
        self.asked.append(sequence)
        return repr(sequence).encode()[:DIGEST_BYTES].ljust(DIGEST_BYTES)

    def close(self) -> None:
        pass


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Program:
    """Return what is started."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    started = _Program()
    monkeypatch.setattr(module, "machine_of", lambda _: started)
    return started


def _digests(job: Job, sequences: Iterable[Sequence]) -> list[bytes]:
    with Recorded(job) as recorded:
        return [recorded.digest(one) for one in sequences]


def test_recorded_digests_are_asked_once(program: _Program) -> None:
    """What was asked before is known; what comes behind it is asked, and known the next time."""
    first = _digests(_JOB, _SEQUENCES[:2])
    whole = _digests(_JOB, _SEQUENCES)
    assert _SEQUENCES == program.asked
    assert first == whole[:2]
    assert whole == _digests(_JOB, _SEQUENCES)
    assert _SEQUENCES == program.asked


def test_recorded_digests_are_those_of_one_program_and_search(program: _Program) -> None:
    """Another code, another scope and another seed are other ones."""
    others = [replace(_JOB, text="other"), replace(_JOB, scope=Scope(sections=1)), replace(_JOB, seed=1)]
    for job in (_JOB, *others):
        _digests(job, _SEQUENCES[:1])
    assert 4 == len(program.asked)


def test_recorded_digests_of_a_file_that_was_cut_short_are_asked_again(program: _Program, tmp_path: Path) -> None:
    """Half of a digest is none."""
    whole = _digests(_JOB, _SEQUENCES)
    (file,) = (tmp_path / "vmemcheck/recorded").iterdir()
    file.write_bytes(file.read_bytes()[: -DIGEST_BYTES // 2])
    assert whole == _digests(_JOB, _SEQUENCES)
    assert [*_SEQUENCES, _SEQUENCES[-1]] == program.asked
