# SPDX-License-Identifier: GPL-2.0-or-later
"""A signal ends a process also where Python drops the exception that it raises: behind fork(), in a finalizer."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import pytest

from vmemcheck.cli import main
from vmemcheck.commands import replay
from vmemcheck.commands.workers import Workers
from vmemcheck.errors import ExecutorError
from vmemcheck.interruptions import none_lost

_LONG_SECONDS = 30
"""More than it takes to be interrupted."""
_SHORT_SECONDS = 0.05
"""More than it takes until one that was dropped comes."""


class _Finalized:
    """Calls a function where exceptions are dropped."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call

    def __del__(self) -> None:
        self.call()


def _interrupted_in_a_finalizer() -> None:
    # Not by its signal: what a shell starts in the background, tests as well, ignores that.
    _Finalized(_interrupt)
    time.sleep(_LONG_SECONDS)


def _interrupted_and_failing() -> None:
    _Finalized(_interrupt)
    raise ExecutorError("a process of this run was ended from outside")


def _interrupt() -> None:
    raise KeyboardInterrupt


def _ended_behind_a_fork() -> None:
    def come() -> None:
        signal.raise_signal(signal.SIGTERM)

    os.register_at_fork(after_in_parent=come)
    subprocess.run(["true"], preexec_fn=int, check=True)
    time.sleep(_LONG_SECONDS)


def test_interruption_in_a_finalizer_is_raised_behind_it() -> None:
    """And what was there before hears nothing of it."""
    with pytest.raises(KeyboardInterrupt), none_lost():
        _interrupted_in_a_finalizer()


def test_command_interrupted_in_a_finalizer_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it does anywhere else, with one line."""
    monkeypatch.setattr(replay, "run", lambda _: _interrupted_in_a_finalizer())
    assert main(["replay", "some.json"]) == 130
    assert capsys.readouterr().err == "interrupted: no verdict\n"


def test_interruption_that_was_dropped_comes_before_the_error_behind_it() -> None:
    """Ctrl-C ends the workers as well, and that they are gone is no error of its own."""
    with pytest.raises(KeyboardInterrupt), none_lost():
        _interrupted_and_failing()
    time.sleep(_SHORT_SECONDS)  # and it does not come again


def test_worker_ended_behind_a_fork_ends() -> None:
    """Where it starts a program: it does not go on with what nobody waits for."""
    ended = pytest.raises(ExecutorError, match=r"^a process of this run was ended from outside")
    with ended, none_lost(), Workers(1) as workers:
        workers.executor.submit(_ended_behind_a_fork).result(_LONG_SECONDS)


def test_signals_wait_while_workers_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has just been made would answer in the words of the command, or with a traceback."""
    masks: list[set[signal.Signals]] = []
    monkeypatch.setattr(ProcessPoolExecutor, "submit", lambda *_: masks.append(_blocked()))
    Workers(1).executor.submit(int)
    assert {signal.SIGINT, signal.SIGTERM} <= masks[0]
    assert {signal.SIGINT, signal.SIGTERM}.isdisjoint(_blocked())


def _blocked() -> set[signal.Signals]:
    return {signal.Signals(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())}


def test_other_exceptions_in_a_finalizer_are_told_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the block by whoever told them, and behind it nothing is left of it."""
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_type))
    before = sys.unraisablehook
    with none_lost():
        _Finalized(lambda: 1 // 0)
    assert [ZeroDivisionError] == told
    assert before is sys.unraisablehook
