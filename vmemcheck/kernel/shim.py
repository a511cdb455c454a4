# SPDX-License-Identifier: GPL-2.0-or-later
"""The C side that does not come from a kernel tree: its files, and the names that it provides.

A name that the shim's headers define is cut off there: the slice does not follow it into the tree.
"""

import functools
import re
from dataclasses import dataclass, replace
from importlib import resources

from vmemcheck.kernel.pieces import Kind, Source
from vmemcheck.kernel.references import References, declarators, defined_names, defined_tags, references

FIRST = ("compiler.h",)
"""In the place of kernel macros, before the types of the slice."""
HEADERS = ("layout.h", "custom.h", "locks.h", "stubs.h", "instructions.h", "hotplug.h", "devices.h", "arch.h")
"""In the place of kernel code, between the types and the functions of the slice."""
PROGRAM = (
    "machine.c",
    "stack.c",
    "events.c",
    "locks.c",
    "sanitizer.c",
    "ledger.c",
    "slab.c",
    "memblock.c",
    "memory.c",
    "loans.c",
    "arch.c",
    "tlb.c",
    "tables.c",
    "state.c",
    "ranges.c",
    "sections.c",
    "blocks.c",
    "devices.c",
    "doors.c",
    "details.c",
    "signals.c",
    "canonical.c",
    "input.c",
    "main.c",
    "explore.c",
)
"""The simulated machine, behind the slice. ``arch.h`` and ``arch.c`` are those of the architecture."""

CLASSIC_HEADER, CLASSIC_PROGRAM = "classic.h", "classic.c"
"""What is added for classic sparse memory: the header behind ``HEADERS``, the other behind ``doors.c``."""

_CONDITIONAL = re.compile(rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif|include|undef)\b.*$", re.MULTILINE)
_ATTRIBUTE = re.compile(rb"__attribute__\(\((?:[^()]|\([^()]*\))*\)\)")
_OWN = re.compile(r"vmc_|VMC_")


@dataclass(frozen=True, slots=True)
class Shim:
    """The shim for one architecture.

    :param files: name of a file to its text, in the order in which they are compiled before the slice
    :param program: the same for what is compiled behind it
    :param names: what ``files`` define: identifiers, and tags such as ``struct page``
    :param needs: what the code of both wants from the tree
    :param origins: name -> which of ``files`` defines it
    """

    files: dict[str, str]
    program: dict[str, str]
    names: frozenset[str]
    needs: References
    origins: dict[str, str]


def has_shim(arch: str) -> bool:
    """Tell whether there is a machine for an architecture, so that its code can be run."""
    return (resources.files("vmemcheck") / "shim" / arch).is_dir()


@functools.cache
def load_shim(arch: str, *, classic: bool = False) -> Shim:
    """Read the files of ``vmemcheck/shim`` that serve all architectures, and those of ``arch``.

    :param classic: for classic sparse memory

    For an architecture that has none, only the common headers are read, and there is no program.
    """
    folder = resources.files("vmemcheck") / "shim"
    if not has_shim(arch):
        return shim_of({name: (folder / name).read_text() for name in (*FIRST, *HEADERS) if name != "arch.h"})
    files: tuple[str, ...] = (*FIRST, *HEADERS)
    program: tuple[str, ...] = PROGRAM
    if classic:
        after = program.index("doors.c") + 1
        files, program = (*files, CLASSIC_HEADER), (*program[:after], CLASSIC_PROGRAM, *program[after:])
    texts = {
        name: (folder / arch / name if name.startswith("arch.") else folder / name).read_text()
        for name in (*files, *program)
    }
    return shim_of({name: texts[name] for name in files}, {name: texts[name] for name in program})


def shim_of(files: dict[str, str], program: dict[str, str] | None = None) -> Shim:
    """Return the shim that consists of these texts."""
    origins: dict[str, str] = {}
    own: set[str] = set()
    needs: list[References] = []
    for name, text in files.items():
        origins = dict.fromkeys(sorted(_read(text, needs)), name) | origins
    for text in (program or {}).values():
        own |= _read(text, needs)
    return Shim(files, program or {}, frozenset(origins), _joined(needs, origins.keys() | own), origins)


def _read(text: str, needs: list[References]) -> set[str]:
    """Return what a text defines; append what it refers to."""
    names: set[str] = set()
    # Conditions stay for the compiler: whichever holds, the name is the shim's.
    code = _ATTRIBUTE.sub(b"", _CONDITIONAL.sub(b"", text.encode()))
    source = Source(code)
    for piece in source.pieces:
        if piece.kind is not Kind.UNDEF:
            names |= defined_names(source, piece)
        names |= {f"struct {tag}" for tag in defined_tags(source, piece)}
        found = references(source, piece)
        if piece.kind is Kind.TYPE:
            # The members of a type are no names of the tree.
            members = declarators(source.code_only[piece.start : piece.end])
            found = replace(found, names={name: call for name, call in found.names.items() if name not in members})
        needs.append(found)
    return names


def _joined(needs: list[References], own: set[str]) -> References:
    names: dict[str, bool] = {}
    for one in needs:
        for name, is_call in one.names.items():
            # What starts with vmc_ is made for each tree (vmemcheck.kernel.doors), or is a part of the machine.
            if name not in own and not _OWN.match(name):
                names[name] = names.get(name, False) or is_call
    return References(
        names=names,
        fields=frozenset(field for one in needs for field in one.fields),
        tags=frozenset(tag for one in needs for tag in one.tags if f"struct {tag}" not in own),
        weak_tags=(),
        pasted=frozenset(pair for one in needs for pair in one.pasted),
    )
