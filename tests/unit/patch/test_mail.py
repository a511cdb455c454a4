# SPDX-License-Identifier: GPL-2.0-or-later
"""What is read of mail, mailboxes, folders and bare diffs."""

import base64
import quopri
import subprocess
from pathlib import Path

import pytest

from tests.unit.patch.malformed import GOOD, mail
from vmemcheck.patch.mail import read_series
from vmemcheck.patch.series import Patch
from vmemcheck.patch.source import read_source

_NAMES = "diff --git a/mm/{0} b/mm/{0}\n--- a/mm/{0}\n+++ b/mm/{0}\n@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n"
_HUNK = ((1, 2, 1, 2, (b" one", b"-two", b"+TWO")),)


def _read(content: bytes) -> tuple[Patch, ...]:
    return read_series([("series", content)])


def _hunks(patch: Patch) -> tuple[tuple[int, int, int, int, tuple[bytes, ...]], ...]:
    return tuple(
        (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count, hunk.lines)
        for file in patch.files
        for hunk in file.hunks
    )


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        b"Some words before.\n\n" + GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        mail("[PATCH] x"),
        mail("[PATCH] x").replace(b"\n", b"\r\n"),
        mail("[PATCH] x").partition(b"\n")[2],
        mail("[PATCH] x", headers="Content-Type: text/plain; charset=no-such-charset\n"),
        mail("[PATCH] x", headers="From: =?broken?q?\nReferences: <<<>\n"),
        GOOD.replace(b"a/mm", b"mm").replace(b"b/mm", b"mm"),
        GOOD.replace(b"a/mm", b"linux.orig/mm").replace(b"b/mm", b"linux/mm"),
        GOOD.replace(b"--- a/mm/sparse.c", b"--- a/mm/sparse.c\t2026-01-01 00:00:00"),
    ],
)
def test_series_in_each_form_is_the_same_patch(content: bytes) -> None:
    """A diff means the same with and without mail around it, and however it was sent."""
    (patch,) = _read(content)
    assert [file.names for file in patch.files] == [("mm/sparse.c",)]
    assert _hunks(patch) == _HUNK


@pytest.mark.parametrize(
    ("encoding", "encoded"),
    [("base64", base64.encodebytes(GOOD)), ("quoted-printable", quopri.encodestring(GOOD.replace(b"TWO", b"T=O")))],
)
def test_series_encoded_for_mail_is_decoded(encoding: str, encoded: bytes) -> None:
    """Base64 and quoted-printable bodies come out as they were."""
    head = f"From: A <a@example.org>\nSubject: [PATCH] x\nContent-Transfer-Encoding: {encoding}\n\n"
    (patch,) = _read(head.encode() + encoded)
    assert _hunks(patch)[0][4] in (_HUNK[0][4], (b" one", b"-two", b"+T=O"))


def test_series_in_latin_1_becomes_that_of_the_files() -> None:
    """A body in another charset is in UTF-8 afterwards; one that lies about its charset stays as it is."""
    body = GOOD.replace(b"TWO", "Jörg".encode("latin-1"))
    (patch,) = _read(mail("[PATCH] x", body, "Content-Type: text/plain; charset=iso-8859-1\n"))
    assert _hunks(patch)[0][4][-1] == "+Jörg".encode()
    (patch,) = _read(mail("[PATCH] x", body))
    assert _hunks(patch)[0][4][-1] == "+Jörg".encode("latin-1")


def test_series_in_a_mailbox_is_put_in_order() -> None:
    """Parts come in the order of their numbers; the cover letter and replies are left out; equal copies count once."""
    parts = [
        mail("[PATCH v3 2/2] second", _NAMES.format("b.c").encode()),
        mail("Re: [PATCH v3 1/2] first", b"> +TWO\n\nFine.\n"),
        mail("[PATCH v3 0/2] cover", b"base-commit: 0123456789abcdef0123\n"),
        mail("[PATCH v3 1/2] =?UTF-8?q?f=C3=BCrst?=", _NAMES.format("a.c").encode()),
        mail("[PATCH v3 2/2] second", _NAMES.format("b.c").encode()),
    ]
    found = _read(b"".join(parts))
    assert [(one.number, one.subject, one.tag, one.files[0].name) for one in found] == [
        (1, "fürst", "[PATCH v3 1/2]", "mm/a.c"),
        (2, "second", "[PATCH v3 2/2]", "mm/b.c"),
    ]
    assert found[0].author == "A <a@example.org>"
    assert {"0123456789ab"} == {one.base_commit for one in found}


def test_series_with_the_difference_to_its_last_version_is_read(tmp_path: Path) -> None:
    """The diff in the cover letter that git writes is no patch of the series."""

    def git(*arguments: str) -> None:
        options = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-C", str(tmp_path))
        subprocess.run(["git", *options, *arguments], check=True, capture_output=True)

    def change(*lines: str) -> None:
        (tmp_path / "a.c").write_text("".join(f"{line}\n" for line in lines))
        git("add", ".")
        git("commit", "-q", "-m", f"mm: {lines[0]}")

    git("init", "-q")
    change("one", "two")
    change("first", "two")
    git("tag", "last")
    git("reset", "-q", "--hard", "HEAD~1")
    change("second", "two")
    change("second", "three")
    git("format-patch", "-q", "-v2", "--cover-letter", "--interdiff=last", "-o", str(tmp_path / "out"), "HEAD~2")
    cover, *_ = (content for _, content in read_source(str(tmp_path / "out")))
    assert b"\n@@ " in cover
    found = read_series(read_source(str(tmp_path / "out")))
    assert [1, 2] == [one.number for one in found]


def test_series_in_a_folder_is_read_by_name(tmp_path: Path) -> None:
    """Patches without numbers are taken in the order of their files' names; other files are left alone."""
    (tmp_path / "0002-b.patch").write_text(_NAMES.format("b.c"))
    (tmp_path / "0001-a.diff").write_text(_NAMES.format("a.c"))
    (tmp_path / "notes.txt").write_text("no patch")
    found = read_series(read_source(str(tmp_path)))
    assert [(one.subject, one.files[0].name) for one in found] == [
        ("0001-a.diff", "mm/a.c"),
        ("0002-b.patch", "mm/b.c"),
    ]


def test_diff_on_standard_input_has_a_name() -> None:
    """So that no report shows an empty one."""
    diff = b"--- a/mm/a.c\n+++ b/mm/a.c\n@@ -1 +1 @@\n-a\n+b\n"
    assert ["a diff on standard input"] == [one.subject for one in read_series([("standard input", diff)])]
