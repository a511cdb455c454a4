# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a series comes from: a file, a folder of files, standard input, or a range of a git repository.

Bytes within limits; what is in them is read by ``vmemcheck.patch.mail``.
"""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO

from vmemcheck.errors import PatchError

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
    :raises PatchError: when git does not know it
    """
    first, dots, last = revisions.partition("..")
    if not first or not dots or not last or revisions.startswith("-") or last.startswith((".", "-")):
        raise PatchError(f"{revisions!r} is no range", to_fix="write it as A..B, two names of commits")
    # Nothing that a repository can configure is to run or to change the form.
    options = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "diff.noprefix=false"]
    shape = ["--stdout", "--no-signature", "--no-ext-diff", "--no-textconv", "--no-color", "--numbered", "--no-thread"]
    shape += ["--src-prefix=a/", "--dst-prefix=b/", "--no-attach", "--no-cover-letter", "--subject-prefix=PATCH"]
    command = ["git", *options, "-C", str(repository), "format-patch", *shape, "--end-of-options", revisions]
    try:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=git_environment(isolated=False)
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                found = _limited(process.stdout, revisions)
            except PatchError:
                process.kill()
                raise
            said = process.stderr.read(2000).decode("utf-8", "replace").strip().partition("\n")[0]
    except FileNotFoundError:
        raise PatchError("git is not installed", to_fix="install git") from None
    if process.returncode != 0:
        raise PatchError(f"git does not know the range {revisions}: {said}", to_fix="see 'git log' in --tree")
    if not found.strip():
        raise PatchError(f"the range {revisions} has no patches", to_fix="give the older commit first")
    return [(revisions, found)]


def git_environment(*, isolated: bool = True, ceiling: Path | None = None) -> dict[str, str]:
    """Return the environment for git: of no repository but the named one, and where isolated, of no configuration."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    ours |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    if isolated:
        ours |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}
    if ceiling is not None:
        ours["GIT_CEILING_DIRECTORIES"] = str(ceiling)
    return ours


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
