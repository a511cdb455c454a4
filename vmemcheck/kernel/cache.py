# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache folder, and files and folders in it that appear whole or not at all.

Knows nothing about what is cached.
"""

import contextlib
import errno
import hashlib
import itertools
import os
import platform
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from vmemcheck.errors import FetchError

_IN_USE_SECONDS = 3600
_AT_ONCE = 2  # more than come, so that they become fewer
DAY_SECONDS = 24 * 3600
_PARTIAL = re.compile(r"\.partial-(\d+)-\d+-([0-9a-f]{8})-.+")
# Machines of a cluster may share their home folder.
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]


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
    partial = _partial(target)
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
    partial = _partial(target)
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(target: Path, content: bytes) -> None:
    """Write a file, or on any exception leave what was there before."""
    with appearing_file(target) as partial:
        partial.write_bytes(content)


def keep_newest(used: Path, most: int, stays_seconds: int = _IN_USE_SECONDS) -> None:
    """Note that an entry of a folder is used, and remove those that were not used for longest, above a number.

    When the disk is read-only, or another process removes the same, nothing is done, and nobody misses it. Few are
    removed at once, since a folder of thousands of files can take a disk many seconds.

    :param stays_seconds: what was used within this time stays: another process may read it
    """
    with contextlib.suppress(OSError):
        os.utime(used)
        for path in itertools.islice(surplus(used.parent, most, stays_seconds), _AT_ONCE):
            _remove(path)


def surplus(folder: Path, most: int, stays_seconds: int = _IN_USE_SECONDS) -> Iterator[Path]:
    """Yield the entries of a folder that were not used for longest, above a number, and are not in use."""
    last = {path: used for path in folder.iterdir() if (used := _last_used(path)) is not None}
    for path in sorted(last, key=last.__getitem__)[:-most]:
        # Asked again: another process may have begun to use it meanwhile, or have removed it.
        used = _last_used(path)
        if used is not None and time.time() - used > stays_seconds:
            yield path


def is_in_use(path: Path) -> bool:
    """Tell whether an entry of a folder was used a short time ago."""
    used = _last_used(path)
    return used is not None and time.time() - used <= _IN_USE_SECONDS


def _last_used(path: Path) -> float | None:
    """Return when an entry of a folder was used, or None when it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


def remove_stale(folder: Path) -> None:
    """Remove what processes that are gone (killed, power cut) left half-written."""
    for entry in folder.iterdir():
        match = _PARTIAL.fullmatch(entry.name)
        if not match or match[2] != _HOST or _is_running(int(match[1])):
            continue
        _remove(entry)


def _partial(target: Path) -> Path:
    """Return a name next to a file or folder that no other thread uses, on this machine or another one."""
    return target.with_name(f".partial-{os.getpid()}-{threading.get_native_id()}-{_HOST}-{target.name}")


def _remove(entry: Path) -> None:
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
