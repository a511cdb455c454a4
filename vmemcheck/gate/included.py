# SPDX-License-Identifier: GPL-2.0-or-later
"""Which headers the files that are sliced for an architecture can include, by their text alone.

No condition is decided, so that more is found than a configuration takes, and the tree need not be sliced to say
that a header has nothing to do with what is run.
"""

import os
import re
from collections.abc import Iterable, Iterator

from vmemcheck.kernel.scope import may_define
from vmemcheck.kernel.tree import Tree

_INCLUDE = re.compile(
    rb'^[ \t]*#[ \t]*(?:include|include_next|import)\b[ \t]*(?:<([^>\n]+)>|"([^"\n]+)"|(.*))', re.MULTILINE
)
_ASKED = re.compile(rb'\b__has_include(?:_next)?[ \t]*\([ \t]*[<"]([^>"\n]+)[>"]')
# include/trace/define_trace.h reads the header again that included it.
_AGAIN = b"TRACE_INCLUDE(TRACE_INCLUDE_FILE)"
# What no program here is built with: docs/limits.md. Their shadows include much that nothing else does.
_OFF = re.compile(r"^obj-\$\(CONFIG_(?:KASAN|KMSAN)\)\s*[:+]?=(.*)$", re.MULTILINE)
_ALWAYS = (
    "include/linux/compiler-version.h",
    "include/linux/kconfig.h",
    "include/linux/compiler_types.h",
    "kernel/bounds.c",
)


class Includes:
    """The headers of a tree, each read once."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._known: dict[str, tuple[str, ...] | None] = {}

    def of(self, arch: str) -> frozenset[str] | None:
        """Return all that can be included, whether it is there or not; None where an unknown macro names a header.

        :param arch: the folder below ``arch/``
        """
        places = (f"arch/{arch}/include", "include", f"arch/{arch}/include/uapi", "include/uapi", f"arch/{arch}", ".")
        sources = (name for folder in ("mm", f"arch/{arch}/mm", "lib") for name in self._tree.files(folder, ".c"))
        off = self._off(f"arch/{arch}/mm")
        ahead = [*_ALWAYS, *(name for name in sources if may_define(name, arch) and name not in off)]
        found = set(ahead)
        while ahead:
            name = ahead.pop()
            named = self._named(name)
            if named is None:
                return None
            new = {place for asked in named for place in _candidates(name, asked, places)} - found
            found |= new
            ahead += new
        return frozenset(found)

    def _off(self, folder: str) -> frozenset[str]:
        makefile = f"{folder}/Makefile"
        text = self._tree.read(makefile) if self._tree.has(makefile) else ""
        objects = " ".join(_OFF.findall(text)).replace("$(BITS)", "64").split()
        return frozenset(f"{folder}/{name.removesuffix('.o')}.c" for name in objects)

    def _named(self, name: str) -> tuple[str, ...] | None:
        if name not in self._known:
            try:
                with open(f"{self._tree.root}/{name}", "rb") as file:  # noqa: PTH123  # thousands: Path is too slow
                    self._known[name] = _named(file.read())
            except OSError:
                self._known[name] = ()
        return self._known[name]


def _named(content: bytes) -> tuple[str, ...] | None:
    """Return what a file includes, in quotes with a quote before it; None where a macro that is not known names it."""
    found = [os.fsdecode(asked) for asked in _ASKED.findall(content)]
    for angle, quoted, other in _INCLUDE.findall(content):
        if other and not other.startswith(_AGAIN):
            return None
        found += [os.fsdecode(angle)] if angle else [f'"{os.fsdecode(quoted)}'] if quoted else []
    return tuple(found)


def _candidates(name: str, asked: str, places: Iterable[str]) -> Iterator[str]:
    """Yield each place where a header is looked for."""
    plain = asked.removeprefix('"')
    if asked != plain:
        yield os.path.normpath(f"{os.path.dirname(name)}/{plain}")  # noqa: PTH120  # thousands of names: Path is too slow
    for place in places:
        yield os.path.normpath(f"{place}/{plain}")
    generic = plain.removeprefix("uapi/").removeprefix("asm/")
    if generic != plain:  # Kbuild makes those that an architecture does not have
        yield from (f"include/asm-generic/{generic}", f"include/uapi/asm-generic/{generic}")
