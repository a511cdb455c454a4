# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts: what a tree says about the geometry of its vmemmap, for one architecture and page size.

Each fact is probed by presence. Nothing is looked up by version, and nothing is typed in here.
"""

import re
from dataclasses import dataclass, replace

from vmemcheck.errors import GeometryError
from vmemcheck.garbage import collected_seldom
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.evaluate import evaluate, open_view
from vmemcheck.kernel.expand import ExpandedSource
from vmemcheck.kernel.pieces import Kind, Source
from vmemcheck.kernel.references import defined_names
from vmemcheck.kernel.scope import ROOTS, scope_of
from vmemcheck.kernel.stored import Entry
from vmemcheck.kernel.struct_page import StructPageSize, struct_page_sizes
from vmemcheck.kernel.target import Target
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.watched import WatchedTree

CONSTANTS = (
    "PAGE_SHIFT",
    "SECTION_SIZE_BITS",
    "SUBSECTION_SHIFT",
    "MAX_PHYSMEM_BITS",
    "PMD_SHIFT",
    "PUD_SHIFT",
    "P4D_SHIFT",
    "PGDIR_SHIFT",
    "PTRS_PER_PTE",
    "PTRS_PER_PMD",
    "PTRS_PER_PUD",
    "PTRS_PER_P4D",
    "PTRS_PER_PGD",
)
"""Macros whose values are facts. One that the kernel decides at boot has no value here."""

_HEADERS = ("include/linux/mm.h", "include/linux/memory_hotplug.h")


@dataclass(frozen=True, slots=True)
class Signature:
    """A root function: its declaration as the kernel spells it, in one line, and where."""

    name: str
    text: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What was probed.

    :param constants: the value of each of ``CONSTANTS``; None when it is decided at boot
    :param levels: ``CONFIG_PGTABLE_LEVELS``: the deepest tables of this configuration
    :param sizes: what ``struct page`` can be
    :param signatures: of the root functions, see ``with_roots()``
    :param absent: roots that the tree does not have for this architecture
    """

    tree: str
    arch: str
    page_shift: int
    constants: dict[str, int | None]
    levels: int
    sizes: tuple[StructPageSize, ...]
    signatures: tuple[Signature, ...] = ()
    absent: tuple[str, ...] = ()

    def geometry(self, struct_page_bytes: int) -> Geometry:
        """Return the geometry for one size of struct page.

        :raises GeometryError: when a shift that it needs is decided at boot
        """
        needed = ("SECTION_SIZE_BITS", "SUBSECTION_SHIFT", "PMD_SHIFT")
        values = {name: self.constants[name] for name in needed}
        for name, value in values.items():
            if value is None:
                raise GeometryError(
                    f"{self.arch}: {name} of {self.tree} is decided at boot",
                    to_fix="give the geometry by hand for the machine that you mean",
                )
        section, subsection, pmd = (value for value in values.values() if value is not None)
        return Geometry(
            struct_page_bytes=struct_page_bytes,
            page_shift=self.page_shift,
            section_shift=section,
            subsection_shift=subsection,
            table_shift=pmd - self.page_shift,
            levels=self.levels,
        )


def probe(tree: Tree, target: Target, page_shift: int) -> Facts:
    """Probe a tree for one target and page size; what was probed before is taken from the cache.

    :raises TreeError: when the tree lacks a file that the kernel has
    :raises SliceError: when its headers cannot be read
    :raises BuildError: when what they define does not compile
    """
    entry = Entry("facts", tree, target, page_shift)
    known = entry.load(Facts)
    if known is not None:
        return known
    watched = WatchedTree.of(tree)
    with collected_seldom():
        found = _probe(watched, target, page_shift)
    entry.store(watched, found)
    return found


def _probe(tree: Tree, target: Target, page_shift: int) -> Facts:
    view = open_view(tree, target, page_shift)
    source = ExpandedSource(view.reader.read(_HEADERS).text)
    return Facts(
        tree=tree.name,
        arch=target.arch,
        page_shift=page_shift,
        constants=evaluate(source, {name: name for name in CONSTANTS}),
        levels=int(view.values.get("PGTABLE_LEVELS", "0")),
        sizes=struct_page_sizes(view),
    )


def with_roots(facts: Facts, tree: Tree, target: Target) -> Facts:
    """Add what the root functions of the tree look like; the same errors as of ``probe()``.

    :param facts: what was probed in ``tree`` for ``target``
    """
    view = open_view(tree, target, facts.page_shift)
    scope = scope_of(tree, target.arch, view.values)
    present = tuple(name for name in ROOTS if name in scope.definers)
    with collected_seldom():
        source = ExpandedSource(view.reader.read([*_HEADERS, *scope.files_of(present)]).text)
        signatures = tuple(found for name in present for found in _signatures(source, name))
    absent = tuple(name for name in ROOTS if name not in present)
    return replace(facts, signatures=signatures, absent=absent)


def _signatures(source: Source, name: str) -> list[Signature]:
    found = []
    for number in source.by_name.get(name, ()):
        piece = source.pieces[number]
        if piece.kind is Kind.FUNCTION and name in defined_names(source, piece):
            header = source.code[piece.start : piece.end].partition(b"{")[0].decode()
            file, line = source.position(piece.start)
            found.append(Signature(name, re.sub(r"\s+", " ", header).strip(), file, line))
    return found
