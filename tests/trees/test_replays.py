# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands whose sequences cannot be saved: before the search that is an error, after it the report is printed."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trees.gate_patches import FOLDER
from vmemcheck.cli import main
from vmemcheck.commands import check, explore, gate, replays
from vmemcheck.kernel.tree import Tree

_SIZE = ("--arch", "x86_64", "--levels", "4", "--jobs", "1", "--quiet", "--struct-page")
# Each with a tree on which it finds a violation, and the name by which its module calls what searches.
COMMANDS = {
    "check": ("5.10", (*_SIZE, "56", "--examples", "20", "--latent"), check, "run_jobs"),
    "explore": ("5.10", (*_SIZE, "56", "--scope", "sections=1", "--latent"), explore, "explore_cell"),
    "gate": (
        "7.2",
        (*_SIZE, "64", "--budget", "quick", str(FOLDER / "7.2-x86-pte-page-kept.patch")),
        gate,
        "judge",
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_replays_on_a_full_disk_do_not_lose_the_report(
    command: str,
    tree_of: Callable[[str], Tree],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The violation is told on standard output, what happened in one line behind it; the exit code is 1."""

    def fail(path: Path, _: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(replays, "write_whole", fail)
    version, options, *_ = COMMANDS[command]
    assert main([command, "--tree", str(tree_of(version).root), "--replays", str(tmp_path), *options]) == 1
    shown = capsys.readouterr()
    assert "violated" in shown.out
    assert "vmemcheck replay" not in shown.out
    assert shown.err.startswith(f"error: No space left on device: {tmp_path}/")
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_replays_folder_that_cannot_be_is_an_error_before_the_search(
    command: str,
    tree_of: Callable[[str], Tree],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line, exit code 2, and nothing was searched."""
    version, options, module, searches = COMMANDS[command]
    monkeypatch.setattr(module, searches, None)
    assert main([command, "--tree", str(tree_of(version).root), "--replays", "/dev/null/x", *options]) == 2
    assert ("", "error: Not a directory: /dev/null/x\n") == tuple(capsys.readouterr())
