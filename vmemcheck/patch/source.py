# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a series comes from: a file, a folder of files, standard input, or a range of a git repository.

Bytes within limits; what is in them is read by ``vmemcheck.patch.mail``.
"""

import stat
import subprocess
import sys
from pathlib import Path
from typing import IO

from vmemcheck.errors import PatchError
from vmemcheck.kernel.git import git_command, git_environment, run_git

MOST_BYTES = 64 << 20
MOST_LINES = 400_000
MOST_PATCHES = 500
_SUFFIXES = (".patch", ".diff", ".mbox", ".mbx", ".eml")
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}


def read_source(where: str) -> list[tuple[str, bytes]]:
    """Return the name and the content of each file of a series.

    :param where: a file, a folder, or ``-`` for standard input
    :raises PatchError: when there is nothing, or too much
    """
    if where == "-":
        return [("standard input", _limited(sys.stdin.buffer, "standard input"))]
    path = Path(where)
    if path.is_dir():
        return _read_folder(path)
    return [(path.name, _read_file(path))]


def read_range(repository: Path, revisions: str) -> list[tuple[str, bytes]]:
    """Return the patches of a range of a git repository, as one mailbox.

    :param revisions: ``A..B``
    :raises PatchError: when git does not know it, or a merge is in it
    """
    first, dots, last = revisions.partition("..")
    if not first or not dots or not last or revisions.startswith("-") or last.startswith((".", "-")):
        raise PatchError(f"{revisions!r} is no range", to_fix="write it as A..B, two names of commits")
    try:
        _refuse_merges(repository, first, last)
        found = _format_patch(repository, revisions)
    except FileNotFoundError:
        raise PatchError("git is not installed", to_fix="install git") from None
    if not found.strip():
        raise PatchError(f"the range {revisions} has no patches", to_fix="give the older commit first")
    return [(revisions, found)]


def _refuse_merges(repository: Path, first: str, last: str) -> None:
    """Refuse what ``git format-patch`` leaves out without a word: a merge may change files in its own right."""
    revisions = f"{first}..{last}"
    done = run_git(repository, "rev-list", "--merges", "--max-count=1", "--end-of-options", revisions)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace")
        raise PatchError(f"git does not know the range {revisions}: {said}", to_fix="see 'git log' in --tree")
    if merge := done.stdout.decode().strip()[:12]:
        raise PatchError(
            f"the range {revisions} has a merge, which is no patch",
            where=f"commit {merge}",
            to_fix="give a range without it, or the difference as one patch: "
            f"git -C {repository} diff {first} {last} | vmemcheck gate --tree {repository} --rev {first} -",
        )


def _format_patch(repository: Path, revisions: str) -> bytes:
    # Nothing that a repository can configure is to change the form.
    shape = ["--stdout", "--no-signature", "--no-ext-diff", "--no-textconv", "--no-color", "--numbered", "--no-thread"]
    shape += ["--src-prefix=a/", "--dst-prefix=b/", "--no-attach", "--no-cover-letter", "--subject-prefix=PATCH"]
    options = ["-c", "diff.noprefix=false"]
    command = git_command(repository, *options, "format-patch", *shape, "--end-of-options", revisions)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=git_environment()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            found = _limited(process.stdout, revisions)
        except PatchError:
            process.kill()
            raise
        said = process.stderr.read(2000).decode("utf-8", "replace").strip().partition("\n")[0]
    if process.returncode != 0:
        raise PatchError(f"git cannot read the range {revisions}: {said}", to_fix="see 'git fsck' in --tree")
    return found


def _read_folder(folder: Path) -> list[tuple[str, bytes]]:
    names = sorted(path for path in folder.iterdir() if path.name.endswith(_SUFFIXES))
    if not names:
        raise PatchError(
            f"{folder}: this folder has no patches", to_fix=f"their names end in {', '.join(_SUFFIXES[:-1])}"
        )
    if len(names) > MOST_PATCHES:
        raise PatchError(f"{folder}: {len(names)} files are more than the limit of {MOST_PATCHES}")
    found, total, lines = [], 0, 0
    for path in names:
        if path.is_symlink():
            raise PatchError(f"{path}: this is a symbolic link", to_fix="give the file itself")
        content = _read_file(path)
        total, lines = total + len(content), lines + content.count(b"\n")
        _check(total, lines, str(folder))
        found.append((path.name, content))
    return found


def _read_file(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise PatchError(f"{path}: this is no file", to_fix="give a diff, a mailbox, a folder of patches, or -")
        with path.open("rb") as file:
            return _limited(file, str(path))
    except (FileNotFoundError, NotADirectoryError):
        raise PatchError(f"{path}: there is no such file or folder", to_fix="give a diff, a mailbox, or -") from None
    except ValueError:
        raise PatchError(
            "the name of the series cannot be that of a file", to_fix="give a diff, a mailbox, or -"
        ) from None


def _limited(file: IO[bytes], name: str) -> bytes:
    """Read all, or stop where it is too much: nothing is looked at before."""
    parts: list[bytes] = []
    total = lines = 0
    while part := file.read(1 << 20):
        total, lines = total + len(part), lines + part.count(b"\n")
        _check(total, lines, name)
        parts.append(part)
    content = b"".join(parts)
    for magic, how in _PACKED.items():
        if content.startswith(magic):
            raise PatchError(f"{name}: this is packed with {how}", to_fix="unpack it first")
    return content


def _check(total: int, lines: int, name: str) -> None:
    if total > MOST_BYTES or lines > MOST_LINES:
        raise PatchError(
            f"{name}: the series has more than {MOST_LINES:,} lines or {MOST_BYTES >> 20} MiB and was not read",
            to_fix="give a smaller part of it",
        )
