# SPDX-License-Identifier: GPL-2.0-or-later
"""Take the needed part of a kernel source archive out of a tar stream.

Nothing is written outside of the destination, whatever the archive says: see ``vmemcheck.kernel.writer``.
"""

import functools
import hashlib
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

from vmemcheck.kernel.writer import Writer

WANTED = (
    "Makefile",
    "COPYING",
    "Kconfig",
    "arch/**Kconfig*",
    "arch/*/mm/**",
    "arch/*/include/**",
    "arch/*/kernel/*.h",
    "arch/*/tools/**",
    "include/**",
    "init/Kconfig*",
    "kernel/**Kconfig*",
    "kernel/bounds.c",
    "lib/**",
    "mm/**",
    "scripts/dtc/libfdt/*.h",
)
"""What is read of a kernel tree. ``*`` stays within one folder, ``**`` does not."""
TOOLS = ("tools/testing/kunit/*.py",)
"""What is taken out of an archive besides: the kernel's own reader of test reports, which reads ours in the tests."""


def is_wanted(name: str) -> bool:
    """Tell whether a file, relative to the top folder of a tree, is among those that are read."""
    return bool(_regex(WANTED).fullmatch(name))


def layout_digest() -> str:
    """Return a short digest of what is taken: a tree cached for another layout is not reused."""
    return hashlib.sha256("\n".join((*WANTED, *TOOLS)).encode()).hexdigest()[:8]


def unpack(archive: tarfile.TarFile, destination: Path, progress: Callable[[int], None]) -> int:
    """Write the wanted files of ``archive``, and return their number.

    A leading folder that all members share (``linux-source-6.12/``) is dropped.

    :param progress: called now and then with the number of members read so far
    :raises TreeError: when a member would be written outside of ``destination``
    """
    top: str | None = None
    files = 0
    writer = Writer(destination)
    for number, member in enumerate(archive):
        if top is None:
            top = f"{member.name}/" if member.isdir() else ""
        name = member.name.removeprefix(top)
        if number % 256 == 0:
            progress(number)
        if is_wanted(name) or _regex(TOOLS).fullmatch(name):
            files += _write(archive, member, name, writer)
    return files


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, writer: Writer) -> int:
    if member.issym():
        writer.link(name, member.linkname)
        return 1
    if not member.isreg():
        return 0
    source = archive.extractfile(member)
    assert source is not None, "a regular member has content"
    with source:
        writer.file(name, iter(lambda: source.read(1 << 20), b""))
    return 1


@functools.cache
def _regex(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_as_regex(pattern) for pattern in patterns))


def _as_regex(pattern: str) -> str:
    return ".*".join("[^/]*".join(map(re.escape, part.split("*"))) for part in pattern.split("**"))
