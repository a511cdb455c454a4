# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the sequences of findings are saved, and which of them stay."""

import errno
import os
import time
from pathlib import Path

import pytest

from tests.unit.check_results import MIXED
from vmemcheck.commands import replays as module
from vmemcheck.commands.replays import Saved, require_folder, save
from vmemcheck.reports.check_words import shown_cell
from vmemcheck.reports.finding_json import replay_of

_DAY = 24 * 3600


def _saved(folder: Path | None) -> list[str]:
    replays = ((cause, replay_of(MIXED.tree, shown_cell(cause), cause.finding)) for cause in MIXED.causes)
    return list(save(replays, folder).names.values())


@pytest.mark.parametrize("in_cache", [True, False])
def test_replays_of_months_ago_go_where_there_are_many_in_the_cache(
    in_cache: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never those that were just printed, nor those of the last weeks; in a folder that was named all stay."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "_MOST", 1)
    folder = tmp_path / "vmemcheck/replays"
    folder.mkdir(parents=True)
    for name, days in (("weeks", 20), ("months", 60)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - days * _DAY,) * 2)
    for _ in range(2):
        files = _saved(None if in_cache else folder)
        assert len(files) == 2
    old = {"weeks"} if in_cache else {"weeks", "months"}
    assert {Path(file).name for file in files} | old == {path.name for path in folder.iterdir()}


def test_replays_that_cannot_be_saved_are_told_and_leave_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was saved before the disk was full has its name; the exit code is that of a violation, else 2."""
    written: list[Path] = []

    def fill(path: Path, _: bytes) -> None:
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)

    monkeypatch.setattr(module, "write_whole", fill)
    replays = ((cause, replay_of(MIXED.tree, shown_cell(cause), cause.finding)) for cause in MIXED.causes)
    saved = save(replays, tmp_path)
    assert list(map(str, written)) == list(saved.names.values())
    assert [1, 2, 2] == [saved.exit_code(verdict) for verdict in (1, 0, 2)]
    said = "error: No space left on device: the sequences of findings; not all sequences are saved\n"
    assert ("", 3 * said) == tuple(capsys.readouterr())


def test_replays_that_are_saved_leave_the_verdict_and_say_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever it is."""
    saved: Saved[None] = save((), tmp_path)
    assert [0, 1, 2] == [saved.exit_code(verdict) for verdict in range(3)]
    assert ("", "") == tuple(capsys.readouterr())


def test_replays_folder_is_made_or_refused_before_there_is_anything_to_save(tmp_path: Path) -> None:
    """Nothing is left in it by trying; the one in the cache is made when it is needed."""
    require_folder(None)
    require_folder(tmp_path / "new" / "folder")
    assert [] == list((tmp_path / "new" / "folder").iterdir())
    for unwritable in (Path("/dev/null/x"), Path("/proc")):
        with pytest.raises(OSError, match=str(unwritable)):
            require_folder(unwritable)
