# SPDX-License-Identifier: GPL-2.0-or-later
"""Malformed and hostile series: each is one clear line and exit code 2, and nothing is written."""

import io
import sys
from pathlib import Path

import pytest

from tests.unit.patch.malformed import MALFORMED
from vmemcheck.cli import main


@pytest.mark.parametrize(("given", "says"), [pytest.param(*rest, id=name) for name, *rest in MALFORMED])
def test_gate_malformed_series_is_one_line_and_exit_code_2(
    given: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be judged ends with one line that says why, before a tree is opened."""
    path = tmp_path / "series.patch"
    path.write_bytes(given)
    assert main(["gate", "--tree", str(tmp_path / "no-tree"), str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert says in shown.err
    assert shown.err.rstrip("\n").isprintable()
    assert [one.name for one in tmp_path.iterdir()] == ["series.patch"]


def test_gate_endless_diff_is_refused_while_it_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of ten million lines only as many are read as are needed to refuse them."""

    class Endless(io.BytesIO):
        given = 0

        def read(self, size: int | None = -1) -> bytes:
            assert size
            Endless.given += size
            return (b"+line\n" * (size // 6 + 1))[:size]

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Endless()))
    assert main(["gate", "--tree", str(tmp_path), "-"]) == 2
    assert Endless.given < 10_000_000


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.patch", "no such file"),
        ("folder", "has no patches"),
        ("/dev/zero", "is no file"),
        ("a\0b", "cannot be"),
    ],
)
def test_gate_series_that_cannot_be_opened_is_one_line(
    name: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is not there, a folder without patches and a device are told apart."""
    (tmp_path / "folder").mkdir()
    where = name if name.startswith("/") or "\0" in name else str(tmp_path / name)
    assert main(["gate", "--tree", str(tmp_path), where]) == 2
    assert says in capsys.readouterr().err


def test_gate_folder_with_a_link_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of patches is no way to read other files."""
    (tmp_path / "x.patch").symlink_to("/etc/passwd")
    assert main(["gate", "--tree", str(tmp_path), str(tmp_path)]) == 2
    assert "symbolic link" in capsys.readouterr().err
