# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the sequences of findings are saved, and which of them stay."""

import os
import time
from pathlib import Path

import pytest

from tests.unit.check_results import MIXED
from vmemcheck.commands import replays as module
from vmemcheck.commands.replays import save
from vmemcheck.reports.check_words import shown_cell
from vmemcheck.reports.finding_json import replay_of

_DAY = 24 * 3600


def _saved(folder: Path | None) -> list[str]:
    replays = ((cause, replay_of(MIXED.tree, shown_cell(cause), cause.finding)) for cause in MIXED.causes)
    return list(save(replays, folder).values())


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
