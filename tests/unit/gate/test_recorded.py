# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a base is not asked of a program again."""

import hashlib
import itertools
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.check_results import cell
from vmemcheck.check import Job
from vmemcheck.gate import recorded as module
from vmemcheck.gate.recorded import Recorded
from vmemcheck.kernel.machine import Traits
from vmemcheck.kernel.protocol import DIGEST_BYTES
from vmemcheck.operation import Sequence
from vmemcheck.scope import Scope

_JOB = Job(cell("x86_64", "4K", 64), "text", "name", Traits(), Scope(), 4, 0)


class _Program:
    """Notes what it is asked, and answers with it."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def request(self, sequence: Sequence) -> bytes:
        return repr(sequence).encode()

    def digest(self, request: bytes) -> bytes:
        self.asked.append(request)
        return hashlib.blake2b(request, digest_size=DIGEST_BYTES).digest()

    def close(self) -> None:
        pass


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Program:
    """Return what is started."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    started = _Program()
    monkeypatch.setattr(module, "machine_of", lambda _: started)
    return started


def _answers(job: Job, number: int = 4) -> list[tuple[bytes, bytes]]:
    with Recorded(job) as recorded:
        return list(itertools.islice(recorded.answers(), number))


def _requests(job: Job) -> list[bytes]:
    return [repr(one).encode() for one in Recorded(job).sequences()]


def test_recorded_sequences_are_asked_for_once(program: _Program) -> None:
    """What was asked for is known; what comes behind it is asked for, and known the next time."""
    first = _answers(_JOB, 2)
    whole = _answers(_JOB)
    assert _requests(_JOB) == program.asked == [request for request, _ in whole]
    assert first == whole[:2]
    assert whole == _answers(_JOB)
    assert 4 == len(program.asked)
    assert first == _answers(replace(_JOB, examples=2))


def test_recorded_digests_are_those_of_one_program_and_search(program: _Program) -> None:
    """Another code, another scope and another seed are other ones."""
    others = [replace(_JOB, text="other"), replace(_JOB, scope=Scope(sections=1)), replace(_JOB, seed=1)]
    for job in (_JOB, *others):
        assert _requests(job)[:1] == [request for request, _ in _answers(job, 1)]
    assert 4 == len(program.asked)


@pytest.mark.parametrize("whole", [True, False], ids=["cut-short-before", "cut-short"])
def test_recorded_file_that_was_cut_short_is_no_answer(program: _Program, tmp_path: Path, whole: bool) -> None:
    """Half of an answer is none, nor is what cannot be unpacked."""
    answers = _answers(_JOB)
    (file,) = (tmp_path / "vmemcheck/recorded").iterdir()
    content = file.read_bytes()
    file.write_bytes(zlib.compress(zlib.decompress(content)[:-1]) if whole else content[:-9])
    assert answers == _answers(_JOB)
    assert (4 + 1 if whole else 4 + 4) == len(program.asked)
