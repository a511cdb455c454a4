# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel build takes from a tree and what is run here does not: nobody here can tell what a change to it does.

In a Makefile flags for the compiler, and that a file is no longer built; in C files pragmas; in Kconfig files the
conditions of a symbol that is answered here whatever they say.
"""

import functools
import re
from collections.abc import Iterable, Iterator

from vmemcheck.gate.affected import KCONFIG, MAKEFILE
from vmemcheck.kernel.memory_model import MemoryModel
from vmemcheck.kernel.source import SMALLEST
from vmemcheck.kernel.target import COMMON, TARGETS

Objects = tuple[str, ...]
"""Files that a line is for: objects of the same folder, nothing for all in it and below, or one of these two."""
_ITSELF, _ANY = "#", "*"

# $(obj)/sparse.o: KBUILD_CFLAGS, CFLAGS_sparse.o, CFLAGS_REMOVE_sparse.o, ccflags-y, subdir-ccflags-$(CONFIG_X)
_FLAGS = re.compile(
    r"\s*(?:(?P<target>[^\s=#]+)\s*:\s*)?(?:(?:export|override|private)\s+)*(?P<name>[^\s=#:]*flags[^\s=#:+?]*)\s*[:+?]*=",
    re.IGNORECASE,
)
_OF_OBJECT = re.compile(r"[A-Z]+_(?:REMOVE_)?(.+)\.o")
_TARGET = re.compile(r"(?:\$\(obj\)/)?([\w-]+)\.o")
# Warnings, and calls for tracing: no other code.
_HARMLESS = re.compile(r"-W(?![pal],)\S*|-pg|\$\(CC_FLAGS_FTRACE\)|\\")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_BUILT = re.compile(r"\s*[\w-]+-(?:y|m|\$\(CONFIG_\w+\))\s*[:+]?=(.*)")
_PRAGMA = re.compile(
    r"\s*(?:#|%:)\s*pragma\b(?!\s+(?:once|message|GCC\s+diagnostic)\b)|.*\b_Pragma\s*\((?!\s*\"GCC diagnostic)"
)
_CONFIG = re.compile(r"(?:menu)?config\s+(\w+)")
_CONDITION = re.compile(r"\s+(?:depends\s+on|default|def_bool|def_tristate|visible\s+if)\b")


def unread_in(name: str, content: bytes | None) -> dict[int, Objects]:
    """Return the lines of a file that are not taken over: number -> what they are for."""
    if content is None:
        return {}
    lines = content.decode("utf-8", "replace").split("\n")
    if MAKEFILE.fullmatch(name):
        return dict(_flags(lines))
    if KCONFIG.fullmatch(name):
        return dict(_conditions(lines))
    return {number: (_ITSELF,) for number, line in enumerate(lines, 1) if _PRAGMA.match(line)}


def no_longer_built(name: str, before: bytes | None, after: bytes | None) -> frozenset[str]:
    """Return the objects that a Makefile names no more: the files of such count as built here, if they are there."""
    if not MAKEFILE.fullmatch(name):
        return frozenset()
    return frozenset(_built(before) - _built(after))


def are_for(name: str, wanted: Objects, files: Iterable[str]) -> bool:
    """Tell whether lines are for one of some C files.

    :param name: of the file in which they stand
    """
    folder = name.rpartition("/")[0]
    below = f"{folder}/" if folder else ""
    names = {name if one == _ITSELF else f"{below}{one}.c" for one in wanted}
    everywhere = "" if _ANY in wanted else below if "" in wanted else None
    return any(file in names or (everywhere is not None and file.startswith(everywhere)) for file in files)


def _flags(lines: Iterable[str]) -> Iterator[tuple[int, Objects]]:
    wanted: str | None = None
    goes_on = False
    for number, line in enumerate(lines, 1):
        if not goes_on:
            match = _FLAGS.match(line)
            wanted = _object(match) if match else None
        words = _COMMENT.sub("", line if goes_on else line.partition("=")[2]).split()
        if wanted is not None and not all(map(_HARMLESS.fullmatch, words)):
            yield number, (wanted,)
        goes_on = line.rstrip().endswith("\\")


def _object(match: re.Match[str]) -> str:
    target = _TARGET.fullmatch(match["target"]) if match["target"] else None
    named = _OF_OBJECT.fullmatch(match["name"])
    return target[1] if target else named[1] if named else ""


def _built(content: bytes | None) -> set[str]:
    """Return the objects that a Makefile names, under whatever condition."""
    text = (content or b"").decode("utf-8", "replace").replace("\\\n", " ")
    found = filter(None, map(_BUILT.match, text.split("\n")))
    return {word[:-2] for match in found for word in match[1].split() if word.endswith(".o")}


def _conditions(lines: Iterable[str]) -> Iterator[tuple[int, Objects]]:
    answered, help_at = False, -1
    for number, line in enumerate(lines, 1):
        indent = len(line.expandtabs()) - len(line.expandtabs().lstrip())
        if help_at >= 0 and (not line.strip() or indent > help_at):
            continue
        help_at = indent if line.strip() == "help" else -1
        config = _CONFIG.match(line)
        if config or (line and not line[0].isspace()):
            answered = config is not None and config[1] in _answered()
        elif answered and _CONDITION.match(line):
            yield number, (_ANY,)


@functools.cache
def _answered() -> frozenset[str]:
    """Return the symbols of Kconfig that have a value here whatever they depend on."""
    pages = (answers for target in TARGETS for answers in target.page_shifts.values())
    models = (model.answers for model in MemoryModel)
    every = (COMMON, SMALLEST, *(dict(target.answers) for target in TARGETS), *map(dict, pages), *models)
    return frozenset(name for answers in every for name in answers)
