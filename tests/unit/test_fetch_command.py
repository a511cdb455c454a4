# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck fetch`` of one and of several versions, without a network."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from vmemcheck.cli import main
from vmemcheck.commands import fetch as command
from vmemcheck.errors import FetchError, UnreachableError


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
