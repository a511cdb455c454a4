# SPDX-License-Identifier: GPL-2.0-or-later
"""One tree as one target with one page size: sliced once, and built for any geometry.

This is the way from a kernel tree to a ``vmemcheck.machine.Machine``.
"""

import re
from dataclasses import dataclass

from vmemcheck.arches import find
from vmemcheck.errors import GeometryError, NoRemoveError, ShimGapError, SliceError
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.build import Program, build, program_text
from vmemcheck.kernel.evaluate import open_view
from vmemcheck.kernel.facts import Facts, probe
from vmemcheck.kernel.machine import KernelMachine, Traits
from vmemcheck.kernel.memory_model import MemoryModel, offers_classic
from vmemcheck.kernel.shim import Shim, has_shim, load_shim
from vmemcheck.kernel.slice_tree import TreeSlice, slice_tree
from vmemcheck.kernel.slicer import Slice
from vmemcheck.kernel.struct_page import minimal
from vmemcheck.kernel.target import target_of
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant

# The smallest struct page: what else there can be is padding, see vmemcheck.kernel.instrument.
SMALLEST = {"MEMCG": "n"}
"""The answers to Kconfig with which a tree is sliced for a machine."""
# The second is asked where mm/Kconfig no longer knows the first.
_HOT_REMOVE, _HOTPLUG = "ARCH_ENABLE_MEMORY_HOTREMOVE", "ARCH_ENABLE_MEMORY_HOTPLUG"
_COUNTING = {"memmap_pages_add", "memmap_boot_pages_add"}
_NEVER_OPTIMIZES = (
    re.compile(r"#\s*define\s+vmemmap_can_optimize\([^)]*\)(?:[^\n]*\\\n)*[^\n]*\bfalse\)\s*$", re.MULTILINE),
    re.compile(r"\bvmemmap_can_optimize\([^)]*\)\s*\{\s*return false;\s*\}"),
)


@dataclass(frozen=True, slots=True)
class KernelSource:
    """The sliced code of one tree for one architecture and page size.

    :param arch: the folder below ``arch/``
    :param model: the memory model
    :param slice: the code
    :param facts: what the tree says of its geometry
    :param native: the geometry of the tree, with the smallest struct page of 8 bytes; other sizes are scaled
    :param shares_tails: the tail pages of compound devmaps share their memmap
    """

    tree: Tree
    arch: str
    model: MemoryModel
    shim: Shim
    slice: TreeSlice
    facts: Facts
    native: Geometry
    shares_tails: bool

    @property
    def name(self) -> str:
        """Return the name for messages: ``linux-6.12.117 arm64``."""
        name = f"{self.tree.name} {self.arch}"
        return name if self.model is MemoryModel.VMEMMAP else f"{name}, {self.model.value}"

    def is_reachable(self, struct_page_bytes: int) -> bool:
        """Tell whether some configuration of the tree gives struct page this size."""
        size = minimal(self.facts.sizes).get(struct_page_bytes)
        return size is not None and size.reachable

    def geometry(self, struct_page_bytes: int, levels: int | None = None) -> Geometry:
        """Return the geometry of the tree for a size of struct page, with another number of levels where given."""
        geometry = self.native.changed(struct_page_bytes=struct_page_bytes)
        return geometry.changed(levels=levels) if levels else geometry

    def fitting(self, geometry: Geometry) -> Geometry:
        """Return the geometry of this tree that stands for one of another tree.

        Sections and memory blocks are those of this tree, unless the other geometry is a scaled one.
        """
        if geometry.table_shift != geometry.page_shift - 3:
            return geometry
        own = self.native.changed(
            struct_page_bytes=geometry.struct_page_bytes,
            subsection_shift=geometry.subsection_shift,
            levels=min(geometry.levels, self.native.levels),
        )
        return own.changed(vmemmap_base=geometry.vmemmap_base)

    def text(self, geometry: Geometry) -> str:
        """Return the C of the program for one geometry.

        :raises ShimGapError: when the tree passes parameters that are not known
        """
        return program_text(self.slice.cut, self.shim, geometry, self.native)

    def program(self, geometry: Geometry, variant: Variant = Variant.FAST) -> Program:
        """Build the program for one geometry.

        :raises ShimGapError: when a name is neither in the tree nor in the shim
        :raises BuildError: when the code does not compile
        """
        return build(self.text(geometry), variant, self.name)

    def machine(self, geometry: Geometry, variant: Variant = Variant.FAST) -> KernelMachine:
        """Build the machine for one geometry; the same errors as of ``program()``."""
        return KernelMachine(self.program(geometry, variant), geometry, self.name, self.traits)

    @property
    def traits(self) -> Traits:
        """What this tree and architecture do not do, or do on purpose."""
        architecture = find(self.arch)
        shift, code = self.native.page_shift, self.slice.cut.code
        declared = tuple(one for one in architecture.by_design if one.applies(shift, code))
        never = {mark for one in declared for mark in one.never_met} | self.model.never_met
        if not self.shares_tails:
            never |= {"compound-tails-shared", "compound-page-over-sections"}
        if architecture.boot_stays:
            never |= {"early-section-freed", "boot-memory-readded"}
        return Traits(
            by_design=declared,
            never_met=frozenset(never),
            boot_stays=bool(architecture.boot_stays),
            counts=_COUNTING.issubset(self.slice.cut.from_shim),
            devices=self.model is not MemoryModel.CLASSIC,
        )


def open_source(tree: Tree, arch: str, page_shift: int, model: MemoryModel = MemoryModel.VMEMMAP) -> KernelSource:
    """Slice a tree for an architecture and page size.

    :raises NoRemoveError: when the tree has no hot-remove for it
    :raises SliceError: when it cannot be sliced
    :raises ShimGapError: when there is no machine for the architecture
    """
    if not has_shim(arch):
        raise ShimGapError(
            f"there is no machine for {arch} yet",
            to_fix=f"add vmemcheck/shim/{arch}/arch.h and arch.c; CONTRIBUTING.md says how",
        )
    target = target_of(arch)
    if model is MemoryModel.CLASSIC and not offers_classic(tree, target, page_shift):
        raise NoRemoveError(
            f"{tree.name} cannot remove memory on {arch} with classic sparse memory",
            where="its Kconfig files do not let one choose it",
            to_fix="use an older tree",
        )
    view = open_view(tree, target, page_shift, **SMALLEST, **model.answers)
    if model is MemoryModel.DEBUG_VM and view.values.get("DEBUG_VM") != "y":
        raise SliceError(
            f"{tree.name} cannot be built with DEBUG_VM on {arch}",
            where="its Kconfig files do not let one choose it",
            to_fix="look at it without DEBUG_VM",
        )
    shim = load_shim(arch, classic=model is MemoryModel.CLASSIC)
    found = slice_tree(view, shim, model.roots)
    symbol = _HOT_REMOVE if _HOT_REMOVE in tree.read("mm/Kconfig") else _HOTPLUG
    if view.values.get(symbol) != "y" or found.absent:
        absent = ", ".join(f"{name}()" for name in found.absent) or f"CONFIG_{symbol}"
        raise NoRemoveError(
            f"{tree.name} cannot remove memory on {arch}: it has no {absent}",
            where=f"looked for in mm/ and arch/{arch}/mm/, as far as this configuration builds them",
            to_fix="use a newer tree; if this one renamed a function, name it among the roots in"
            f" vmemcheck/kernel/scope.py, which are {', '.join(model.roots)}",
        )
    facts = probe(tree, target, page_shift)
    native = _native(facts, model, int(view.values.get("PGTABLE_LEVELS", "0")))
    return KernelSource(tree, arch, model, shim, found, facts, native, _shares_tails(found.cut))


def _shares_tails(found: Slice) -> bool:
    """Tell whether vmemmap_can_optimize() can be true; before it came, every tree with vmemmap_shift shared."""
    if not re.search(r"\bvmemmap_shift;", found.types):
        return False
    return not any(pattern.search(found.macros + found.code) for pattern in _NEVER_OPTIMIZES)


def _native(facts: Facts, model: MemoryModel, levels: int) -> Geometry:
    geometry = facts.geometry(64)
    if geometry.levels < 2:
        raise GeometryError(f"{facts.arch}: {facts.tree} has {geometry.levels} levels of page tables")
    if model is not MemoryModel.CLASSIC:
        return geometry
    # What is added is whole sections: check_pfn_span().
    return geometry.changed(levels=levels, subsection_shift=geometry.section_shift)
