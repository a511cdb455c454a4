# SPDX-License-Identifier: GPL-2.0-or-later
"""The processes of a command. What they work on is the command's.

Ctrl-C ends them all, and lets each clean up before it goes.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from types import FrameType, TracebackType
from typing import ParamSpec, Self, TypeVar

from vmemcheck.errors import ExecutorError
from vmemcheck.kernel.confinement import end_with_parent

_GRACE_SECONDS = 3
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_P = ParamSpec("_P")
_T = TypeVar("_T")


class _Pool(ProcessPoolExecutor):
    """Runs each function so that a signal lets it clean up, and ends its process."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        # The first call starts the processes. Until one knows what to do with a signal, it is not told of any.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            return super().submit(partial(_run_or_leave, fn, *args, **kwargs))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Workers:
    """A pool of processes that is gone when the block ends, also by Ctrl-C."""

    def __init__(self, jobs: int) -> None:
        self.executor = _Pool(jobs, multiprocessing.get_context("fork"), _start_worker, (os.getpid(),))

    def __enter__(self) -> Self:
        return self

    def start(self) -> None:
        """Start all processes now: before this one has threads, of which a process must not be made a copy."""
        self.executor.submit(int).result()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.executor.shutdown()
            return
        self.executor.shutdown(wait=False, cancel_futures=True)
        children = multiprocessing.active_children()
        for child in children:
            child.terminate()
        end = time.monotonic() + _GRACE_SECONDS
        for child in children:
            child.join(max(0.0, end - time.monotonic()))
            child.kill()
        if isinstance(error, BrokenProcessPool):
            raise ExecutorError(
                "a process of this run was ended from outside",
                to_fix="look for a lack of memory (dmesg); use fewer --jobs",
            ) from None


def _start_worker(command: int) -> None:
    # A command that is killed cannot end its processes: a CI system that cancels a job gives it no time.
    end_with_parent(command)
    # On Ctrl-C the worker goes without a word; the command says what there is to say.
    _on_signal(signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _run_or_leave(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    try:
        _on_signal(_leave)
        try:
            return function(*args, **kwargs)
        finally:
            _on_signal(signal.SIG_DFL)
    except SystemExit:  # half-written files are gone by now; the pool itself would go on with the next function
        os._exit(130)


def _leave(*_: object) -> None:
    _on_signal(lambda *_: None)  # SIG_IGN makes Python complain about a signal that has already come
    raise SystemExit


def _on_signal(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in _SIGNALS:
        signal.signal(number, handler)
