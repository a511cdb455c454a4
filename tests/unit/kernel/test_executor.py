# SPDX-License-Identifier: GPL-2.0-or-later
"""The process of a program: what is left where there is none."""

import tempfile
from pathlib import Path

import pytest

from vmemcheck.errors import ExecutorError
from vmemcheck.kernel.build import Program
from vmemcheck.kernel.executor import Executor
from vmemcheck.kernel.variant import Variant


@pytest.mark.parametrize("variant", [Variant.FAST, Variant.COVERED])
def test_program_that_cannot_be_started_leaves_nothing(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache can be on a file system without programs; no folder and no open file stay."""
    program = tmp_path / "machine"
    program.write_text("no program")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ExecutorError, match="cannot be started: Permission denied"):
        Executor(Program(program, "linux x86", variant), 4).ask(b"")
    assert [] == list((tmp_path / "tmp").iterdir())
    assert before == len(list(Path("/proc/self/fd").iterdir()))
