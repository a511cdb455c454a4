# SPDX-License-Identifier: GPL-2.0-or-later
"""The vmemmap populate and free paths of a tree: which functions are counted as them, worked out from the slice.

They are what ``ROOTS`` reach, directly or through macros and functions of headers, of what is defined in ``FILES``.
So zones and limits (mm/memory_hotplug.c), boot (mm/sparse.c: sparse_init()), the counts of boot pages
(mm/bootmem_info.c), tables of user space (arm64's contpte.c, x86's pti.c) are no part of them. Nothing is run here.
"""

import re
from collections.abc import Iterator

from vmemcheck.kernel.slicer import Slice
from vmemcheck.mutation.syntax import Places, functions_of

ROOTS = ("vmemmap_populate", "vmemmap_free", "section_activate", "section_deactivate")
FILES = re.compile(r"mm/(?:sparse(?:-vmemmap)?|memremap)\.c|arch/\w+/mm/(?:init(?:_64)?|mmu|pgtable)\.c")
_MACRO = re.compile(r"^#[ \t]*define[ \t]+(\w+)(\(?[^\n]*(?:\\\n[^\n]*)*)", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")


def path_functions(found: Slice) -> frozenset[str]:
    """Return the names of the functions of the vmemmap populate and free paths."""
    places = Places(found.code)
    uses = {name: frozenset(_WORD.findall(body)) for name, body in _macros(found)}
    counted = set()
    for function in functions_of(found):
        body = function.node.child_by_field_name("body")
        if body is None:
            continue
        uses[function.name] = frozenset(_WORD.findall(function.text(body))) | uses.get(function.name, frozenset())
        if FILES.fullmatch(places.of(function.start)[0]):
            counted.add(function.name)
    reached: set[str] = set()
    left = list(ROOTS)
    while left:
        name = left.pop()
        if name in uses and name not in reached:
            reached.add(name)
            left.extend(uses[name])
    return frozenset(counted & reached)


def _macros(found: Slice) -> Iterator[tuple[str, str]]:
    for one in _MACRO.finditer(found.macros):
        yield one[1], one[2]
