# SPDX-License-Identifier: GPL-2.0-or-later
"""Flags for the compiler in a Makefile: what is run is built without them, so that nobody can tell what they change."""

import re
from collections.abc import Iterable, Iterator

_MAKEFILE = re.compile(r"(?:.*/)?(?:Makefile|Kbuild)")
# CFLAGS_sparse.o, CFLAGS_REMOVE_sparse.o, ccflags-y, subdir-ccflags-$(CONFIG_X), KBUILD_CFLAGS
_FLAGS = re.compile(r"\s*(?:(?:export|override)\s+)*([^\s=#]*flags[^\s=#]*?)\s*[:+?]*=", re.IGNORECASE)
# Warnings, and calls for tracing: no other code.
_HARMLESS = re.compile(r"-W\S*|-pg|\$\(CC_FLAGS_FTRACE\)|\\")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_OF_OBJECT = re.compile(r"[A-Z]+_(?:REMOVE_)?(.+)\.o")


def flags_in(name: str, content: bytes | None) -> dict[int, str]:
    """Return the lines of a file that set flags: number -> the object that they are for, or nothing for all.

    :param name: of the file; only a Makefile sets any
    """
    if content is None or not _MAKEFILE.fullmatch(name):
        return {}
    return dict(_flags(content.decode("utf-8", "replace").split("\n")))


def _flags(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    wanted: str | None = None
    goes_on = False
    for number, line in enumerate(lines, 1):
        if not goes_on:
            match = _FLAGS.match(line)
            found = _OF_OBJECT.fullmatch(match[1]) if match else None
            wanted = (found[1] if found else "") if match else None
        words = _COMMENT.sub("", line if goes_on else line.partition("=")[2]).split()
        if wanted is not None and not all(map(_HARMLESS.fullmatch, words)):
            yield number, wanted
        goes_on = line.rstrip().endswith("\\")


def are_for(makefile: str, wanted: str, files: Iterable[str]) -> bool:
    """Tell whether flags are for one of some C files.

    :param makefile: that sets them, for files in its folder and below
    :param wanted: the object that they are for, or nothing for all
    """
    folder = makefile.rpartition("/")[0]
    below = f"{folder}/" if folder else ""
    return any(file == f"{below}{wanted}.c" if wanted else file.startswith(below) for file in files)
