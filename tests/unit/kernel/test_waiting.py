# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for a process."""

import os
import subprocess
import sys

import pytest

from vmemcheck.kernel.waiting import wait


def _process(code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code])


@pytest.mark.parametrize("has_pidfd", [True, False])
def test_process_that_ends_gives_its_exit_code(has_pidfd: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the system does not lend a file to wait for."""
    if not has_pidfd:
        monkeypatch.setattr(os, "pidfd_open", _forbidden)
    with _process("raise SystemExit(3)") as process:
        assert wait(process, 60) == 3


def test_process_that_does_not_end_in_time_is_told() -> None:
    """It is for the caller to end it."""
    with _process("import time; time.sleep(60)") as process:
        with pytest.raises(subprocess.TimeoutExpired):
            wait(process, 0.1)
        process.kill()


def _forbidden(_: int) -> int:
    raise PermissionError
