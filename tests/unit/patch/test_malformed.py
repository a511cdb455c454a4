# SPDX-License-Identifier: GPL-2.0-or-later
"""Malformed and hostile series: each is one clear line and exit code 2, and nothing is written."""

import contextlib
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from tests.unit.patch.malformed import MALFORMED, mail
from vmemcheck.cli import main
from vmemcheck.errors import PatchError
from vmemcheck.patch.mail import read_series

_WORDS = st.sampled_from(
    ("''", '"', "%80", "%00", "\0", "\x80", "=?utf-8?q?x?=", "/", "<", "@", "[", ":", "a", "utf-8", " ")
)
_TEXT = st.lists(_WORDS, max_size=4).map("".join)
_PARAMETER = st.tuples(
    st.sampled_from(("; charset", "; filename", "; boundary")), st.sampled_from(("=", "*=", "*0*=", "*1=")), _TEXT
).map("".join)
_VALUE = st.tuples(
    st.sampled_from(("text/plain", "multipart/mixed", "attachment", "base64", "/", "<", "")),
    st.lists(st.one_of(_PARAMETER, _TEXT), max_size=3).map("".join),
).map("".join)
_NAMES = ("Subject", "From", "Message-ID", "Content-Type", "Content-Disposition", "Content-Transfer-Encoding")
_HEADERS = st.lists(st.tuples(st.sampled_from(_NAMES), _VALUE), min_size=1, max_size=4)


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


@settings(max_examples=500)
@drawn(_HEADERS)
def test_series_with_any_headers_is_read_or_refused(headers: list[tuple[str, str]]) -> None:
    """Whatever the headers of a mail are, there are patches or there is one message."""
    given = mail("[PATCH] x", headers="".join(f"{name}: {value}\n" for name, value in headers))
    with contextlib.suppress(PatchError):
        assert read_series([("series", given)])


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
