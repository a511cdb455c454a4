# SPDX-License-Identifier: GPL-2.0-or-later
"""Which headers the files that are sliced for an architecture can include, by their text alone.

No condition is decided, so that more is found than a configuration takes, and the tree need not be sliced to say
that a header has nothing to do with what is run.
"""

import os
import re
from collections.abc import Iterable, Iterator

from vmemcheck.kernel.inclusion import Named
from vmemcheck.kernel.scope import may_define
from vmemcheck.kernel.tree import Tree

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
        self._known: dict[str, Named] = {}

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
            if named.by_macro:
                return None
            new = set(_candidates(name, named, places)) - found
            found |= new
            ahead += new
        return frozenset(found)

    def _off(self, folder: str) -> frozenset[str]:
        makefile = f"{folder}/Makefile"
        text = self._tree.read(makefile) if self._tree.has(makefile) else ""
        objects = " ".join(_OFF.findall(text)).replace("$(BITS)", "64").split()
        return frozenset(f"{folder}/{name.removesuffix('.o')}.c" for name in objects)

    def _named(self, name: str) -> Named:
        if name not in self._known:
            try:
                with open(f"{self._tree.root}/{name}", "rb") as file:  # noqa: PTH123  # thousands: Path is too slow
                    self._known[name] = Named.by(file.read())
            except OSError:
                self._known[name] = Named((), (), by_macro=False)
        return self._known[name]


def _candidates(name: str, named: Named, places: Iterable[str]) -> Iterator[str]:
    """Yield each place where the headers that a file names are looked for."""
    folder = os.path.dirname(name)  # noqa: PTH120  # thousands of names: Path is too slow
    yield from (os.path.normpath(f"{folder}/{asked}") for asked in named.quoted)
    for asked in (*named.quoted, *named.others):
        yield from (os.path.normpath(f"{place}/{asked}") for place in places)
        generic = asked.removeprefix("uapi/").removeprefix("asm/")
        if generic != asked:  # Kbuild makes those that an architecture does not have
            yield from (f"include/asm-generic/{generic}", f"include/uapi/asm-generic/{generic}")
