# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck fetch`` of one and of several versions, without a network."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from vmemcheck.cli import main
from vmemcheck.commands import fetch as command
from vmemcheck.errors import FetchError, UnreachableError
from vmemcheck.kernel.unpack import layout_digest


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Replace the archive: it has 6.12, has no 4.0, and does not answer for 5.10. Return what it was asked."""
    calls: list[tuple[str, bool]] = []

    def fake(version: str, _say: object, _refresh: bool, ask: bool = True) -> SimpleNamespace:
        calls.append((version, ask))
        if version == "5.10":
            raise UnreachableError("linux 5.10 is not cached", where="W: no answer", to_fix="check the network")
        if version == "4.0":
            raise FetchError("no suite has linux 4.0", where="all lists were read")
        return SimpleNamespace(root=Path("/trees") / version)

    monkeypatch.setattr(command, "fetch", fake)
    return calls


def test_fetch_several_names_each_that_is_left_out(
    asked: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are fetched, each that is not has a line with the reason, and the exit code says so."""
    assert main(["fetch", "4.0", "6.12", "4.0"]) == 2
    shown = capsys.readouterr()
    assert shown.out == "/trees/6.12\n"
    assert shown.err == "no tree 4.0: no suite has linux 4.0; all lists were read\n"
    assert asked == [("4.0", True), ("6.12", True)]


def test_fetch_several_asks_no_archive_that_does_not_answer_twice(
    asked: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    """After the first silence only what is cached is looked for."""
    assert main(["fetch", "5.10", "6.12", "newest"]) == 2
    assert asked == [("5.10", True), ("6.12", False), ("newest", False)]
    assert capsys.readouterr().out == "/trees/6.12\n/trees/newest\n"


def test_fetch_one_that_fails_is_an_error_with_its_remedy(
    asked: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A single version that cannot be had ends as every error does."""
    assert main(["fetch", "5.10"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: linux 5.10 is not cached\n")
    assert "to fix   check the network" in shown.err
    assert asked == [("5.10", True)]


def test_fetch_names_what_another_choice_of_files_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command to remove it; nothing is removed, since another vmemcheck may be reading it. Others are not named."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    trees = tmp_path / "vmemcheck/trees"
    new, old = (f"linux-source-9.8_9.8.7-1.{layout}" for layout in (layout_digest(), "0123abcd"))
    others = ("linux-source-9.8_9.8.7-12.0123abcd", "linux-source-9.7_9.7.7-1.0123abcd", f"{new}.txt")
    for name in (new, old, *others):
        for file in ("mm/sparse-vmemmap.c", "mm/memory_hotplug.c", "include/linux/mmzone.h", "arch/Kconfig"):
            (trees / name / file).parent.mkdir(parents=True, exist_ok=True)
            (trees / name / file).touch()
        (trees / name / "Makefile").write_text("VERSION = 9\nPATCHLEVEL = 8\nSUBLEVEL = 7\n")
    assert main(["fetch", "9.8.7"]) == 0
    shown = capsys.readouterr()
    assert f"{trees / new}\n" == shown.out
    (line,) = [line for line in shown.err.splitlines() if "another vmemcheck" in line]
    assert line.endswith(f"rm -r {trees / old}")
    assert {new, old, *others} == {path.name for path in trees.iterdir()}
