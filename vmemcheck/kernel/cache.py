# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache folder, and files and folders in it that appear whole or not at all.

Knows nothing about what is cached.
"""

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from vmemcheck.errors import FetchError

_PARTIAL = re.compile(r"\.partial-(\d+)-.+")


def cache_folder(*parts: str) -> Path:
    """Return (and create) a folder below ``$XDG_CACHE_HOME/vmemcheck``.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG specification asks.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".cache"
    folder = base.joinpath("vmemcheck", *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Give a new empty folder that becomes ``target`` when the block ends well.

    On any exception, Ctrl-C included, nothing is left behind. When another process made
    ``target`` meanwhile, its result stands.

    :raises FetchError: when the disk is full
    """
    remove_stale(target.parent)
    partial = target.with_name(f".partial-{os.getpid()}-{target.name}")
    try:
        partial.mkdir()
        yield partial
        try:
            partial.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    except OSError as error:
        raise _explained(error, target.parent) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def appearing_file(target: Path) -> Iterator[Path]:
    """Give the name of a file that becomes ``target`` when the block ends well.

    On any exception, Ctrl-C included, what was there before stays.
    """
    remove_stale(target.parent)
    partial = target.with_name(f".partial-{os.getpid()}-{target.name}")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(target: Path, content: bytes) -> None:
    """Write a file, or on any exception leave what was there before."""
    with appearing_file(target) as partial:
        partial.write_bytes(content)


def keep_newest(folder: Path, most: int) -> None:
    """Keep a folder of entries small: of its ``.json`` files, remove the oldest above a number."""
    paths = list(folder.glob("*.json"))
    if len(paths) > most:
        for path in sorted(paths, key=lambda path: path.stat().st_mtime)[:-most]:
            path.unlink(missing_ok=True)


def remove_stale(folder: Path) -> None:
    """Remove what processes that are gone (killed, power cut) left half-written."""
    for entry in folder.iterdir():
        match = _PARTIAL.fullmatch(entry.name)
        if not match or _is_running(int(match[1])):
            continue
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _explained(error: OSError, folder: Path) -> Exception:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    return FetchError(
        "the disk is full; nothing was kept",
        where=str(folder),
        to_fix="free 1 GB there, or set XDG_CACHE_HOME to a folder on another disk",
    )
