# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of one revision of a git repository, byte for byte as they are stored.

Attributes and configuration of the repository (filters, ends of lines, what an archive leaves out or fills in) have
no say, and nothing is fetched. Which revision it is, and where the files are kept, is not decided here.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from vmemcheck.errors import TreeError
from vmemcheck.kernel.git import first_line, git_absent, git_command, git_environment, run_git
from vmemcheck.kernel.unpack import WANTED, is_wanted
from vmemcheck.kernel.writer import Writer

READING = "blobs"
"""Part of the name that files of a revision are kept by: another one where the same revision is read otherwise."""

_BLOCK_BYTES = 1 << 20
_MOST_BYTES = 4 << 30
_MOST_LINK_BYTES = 4096
_LINK = "120000"
_FOLDERS = tuple(dict.fromkeys(PurePosixPath(pattern).parts[0] for pattern in WANTED))


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a revision.

    :param name: relative to the top folder, with ``/``
    :param blob: the name of its content in the repository, hexadecimal
    :param is_link: the content is where a symbolic link leads
    """

    name: str
    blob: str
    is_link: bool


def stored_file(mode: str, blob: str, name: str) -> StoredFile | None:
    """Return a file as git lists it; None for what is not read of a kernel tree, and for submodules."""
    known = mode == _LINK or mode.startswith("100")
    return StoredFile(name, blob, mode == _LINK) if known and is_wanted(name) else None


def stored_files(repository: Path, commit: str, ceiling: Path | None = None) -> tuple[StoredFile, ...]:
    """Return the files of a revision that are read of a kernel tree, in the order of git.

    :param ceiling: see ``git_environment()``
    :raises TreeError: when the repository lacks a folder of it
    """
    try:
        done = run_git(repository, "ls-tree", "-r", "-z", commit, "--", *_FOLDERS, ceiling=ceiling)
    except FileNotFoundError:
        raise git_absent() from None
    if done.returncode != 0:
        raise _unreadable(repository, commit, done.stderr)
    found = []
    for line in os.fsdecode(done.stdout).split("\0")[:-1]:
        about, _, name = line.partition("\t")
        mode, _, blob = about.split()
        if file := stored_file(mode, blob, name):
            found.append(file)
    return tuple(found)


def read_revision(repository: Path, commit: str, destination: Path) -> None:
    """Write the files of a revision that are read of a kernel tree.

    :raises TreeError: when there are none, one is absent, or one would be written outside of ``destination``
    """
    files = stored_files(repository, commit)
    if not files:
        raise TreeError(
            "this revision is not a kernel tree: it has none of " + ", ".join(_FOLDERS),
            where=f"{repository} at {commit[:12]}",
            to_fix="give a repository of the Linux kernel",
        )
    command = git_command(repository, "cat-file", "--batch", "--buffer")
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as complaints:
        # A file, not a pipe: git answers before it has read all, and neither has to wait for the other.
        asked.write("".join(f"{file.blob}\n" for file in files).encode())
        asked.seek(0)
        with subprocess.Popen(
            command, stdin=asked, stdout=subprocess.PIPE, stderr=complaints, env=git_environment(), bufsize=_BLOCK_BYTES
        ) as process:
            assert process.stdout is not None, "asked for above"
            try:
                _write_all(process.stdout, files, destination)
            except _IncompleteError as error:
                process.kill()
                process.wait()
                raise _unreadable(repository, commit, first_line(complaints), str(error)) from None


class _IncompleteError(Exception):
    """What git said of a file is not the file, whose name this is."""


def _write_all(answers: IO[bytes], files: Sequence[StoredFile], destination: Path) -> None:
    writer, total = Writer(destination), 0
    for file in files:
        # <name of the blob> SP blob SP <size> LF <content> LF, or <name of the blob> SP missing LF
        words = answers.readline(200).split()
        if words[:2] != [file.blob.encode(), b"blob"]:
            raise _IncompleteError(file.name)
        size = int(words[2])
        total += size
        if total > _MOST_BYTES or (file.is_link and size > _MOST_LINK_BYTES):
            raise TreeError(f"{file.name!r} is too large for a kernel tree", to_fix="give a repository of Linux")
        content = _content(answers, size, file.name)
        if file.is_link:
            writer.link(file.name, os.fsdecode(b"".join(content)))
        else:
            writer.file(file.name, content)


def _content(answers: IO[bytes], size: int, name: str) -> Iterator[bytes]:
    """Yield one content block by block, and take the line feed behind it."""
    while size:
        block = answers.read(min(size, _BLOCK_BYTES))
        if not block:
            raise _IncompleteError(name)
        size -= len(block)
        yield block
    if answers.read(1) != b"\n":
        raise _IncompleteError(name)


def _unreadable(repository: Path, commit: str, said: bytes, name: str = "") -> TreeError:
    what = f"the repository lacks {name or 'a folder'} of this revision, or has it damaged"
    return TreeError(
        ": ".join(filter(None, (what, said.decode("utf-8", "replace")))),
        where=f"{repository} at {commit[:12]}",
        to_fix="see 'git fsck' there; a partial clone is made whole by 'git fetch --refetch --no-filter', "
        "since nothing is fetched here",
    )
