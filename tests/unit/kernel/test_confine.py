# SPDX-License-Identifier: GPL-2.0-or-later
"""What a confined process cannot do: each attempt is made, and fails."""

import subprocess
import sys
from pathlib import Path

import pytest

from vmemcheck.kernel import confine

_ATTEMPTS = {
    "socket": "socket.socket()",
    "fork": "os.fork()",
    "write": "open('new', 'w')",
    "overwrite": "open('there', 'r+')",
    "remove": "os.remove('there')",
    "rename": "os.rename('there', 'gone')",
    "folder-link": "os.symlink('/etc', 'link')",
    "kill": "os.kill(os.getppid(), 0)",
    "mode": "os.chmod('there', 0o777)",
}


def _tried(attempt: str, folder: Path, *, may_write: bool) -> str:
    code = f"import os, socket\ntry: {attempt}\nexcept PermissionError: print('denied')\nelse: print('done')"
    # Not the command by that name, which may be a script that starts others.
    command = [str(Path(sys.executable).resolve()), "-I", "-S", "-c", code]
    confine.prepare()
    return subprocess.run(
        command,
        cwd=folder,
        preexec_fn=lambda: confine.confine(may_write=may_write),
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()


@pytest.mark.parametrize("attempt", _ATTEMPTS.values(), ids=_ATTEMPTS)
def test_confined_process_attempt_is_denied(attempt: str, tmp_path: Path) -> None:
    """No network, no other processes, no files changed."""
    if not confine.has_filter():
        pytest.skip("this host has no seccomp filters that are known here; x86-64 Linux has")
    (tmp_path / "there").write_text("x")
    assert _tried(attempt, tmp_path, may_write=False) == "denied"
    assert (tmp_path / "there").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_confined_process_reads_and_counting_process_writes(tmp_path: Path) -> None:
    """What is needed to run goes on: files are read, and the counts of lines are written where that is asked for."""
    (tmp_path / "there").write_text("x")
    assert _tried("open('there').read()", tmp_path, may_write=False) == "done"
    assert _tried("open('new', 'w')", tmp_path, may_write=True) == "done"
    if confine.has_filter():
        assert _tried("os.fork()", tmp_path, may_write=True) == "denied"
