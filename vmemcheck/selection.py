# SPDX-License-Identifier: GPL-2.0-or-later
"""Which cells of a kernel tree are checked: architectures, page sizes, levels, sizes of struct page.

Only what can be told from a tree and the wishes of a user; nothing is built or run here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from vmemcheck.arches import ARCHES, Architecture, find, page_bytes
from vmemcheck.check import Cell, Job, job_of
from vmemcheck.errors import NoRemoveError, UsageError, VmemcheckError
from vmemcheck.geometry import USUAL_STRUCT_PAGE_BYTES, Geometry
from vmemcheck.kernel.memory_model import MemoryModel, offers_classic
from vmemcheck.kernel.shim import has_shim
from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.struct_page import minimal
from vmemcheck.kernel.target import target_of
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.watched import looked_at_once
from vmemcheck.scope import Scope


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for; empty tuples stand for all.

    :param page_shifts: page sizes
    :param struct_page_bytes: sizes of struct page; by default those that the tree's definition can have
    :param levels: levels of page tables
    :param sizes: fields of ``Geometry`` that are bent, for example ``{"subsection_shift": 20}``
    """

    page_shifts: tuple[int, ...] = ()
    struct_page_bytes: tuple[int, ...] = ()
    levels: tuple[int, ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()


ALL = Wishes()
"""What is looked at where nothing is asked for."""


@dataclass(frozen=True, slots=True)
class Target:
    """One architecture and page size of a tree."""

    architecture: Architecture
    page_shift: int

    @property
    def page(self) -> str:
        """The page size: ``4K``, ``16K`` or ``64K``."""
        return f"{1 << (self.page_shift - 10)}K"

    @property
    def name(self) -> str:
        """Both, for example ``x86_64 4K``."""
        return f"{self.architecture.name} {self.page}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The jobs of one target.

    :param skipped: why it has none, or none with a vmemmap, or with DEBUG_VM; empty when it has
    """

    jobs: tuple[Job, ...] = ()
    skipped: str = ""


def targets(names: tuple[str, ...], page_shifts: tuple[int, ...]) -> tuple[Target, ...]:
    """Return what is looked at: named architectures, or all whose code can be run.

    :raises UsageError: when an architecture does not exist or has no such page size
    """
    chosen = list(dict.fromkeys(find(name) for name in names))
    chosen = chosen or [architecture for architecture in ARCHES if has_shim(architecture.alias)]
    found = [
        Target(architecture, page.page_shift)
        for architecture in chosen
        for page in architecture.page_sizes
        if not page_shifts or page.page_shift in page_shifts
    ]
    if not found:
        has = "; ".join(f"{one.name} has {', '.join(page.name for page in one.page_sizes)}" for one in chosen)
        raise UsageError("no architecture here has such pages", to_fix=has)
    return tuple(found)


def target_named(name: str, page_size: str | None) -> Target:
    """Return one architecture with one page size, the smallest unless one is named.

    :raises UsageError: when the architecture does not exist or has no such page size
    """
    return targets((name,), (page_bytes(page_size).bit_length() - 1,) if page_size else ())[0]


@looked_at_once()
def prepare(
    tree: Tree, target: Target, wishes: Wishes, scope: Scope, examples: int, seed: int, *, named: bool
) -> Prepared:
    """Slice one target and make the jobs of its cells.

    :param named: the architecture was asked for by name: that the tree does not have it is then an error
    :raises UsageError: when it was asked for by name, and for levels of page tables that it does not have
    :raises VmemcheckError: when the tree cannot be sliced
    """
    if not tree.has(f"arch/{target.architecture.alias}/Kconfig") and not named:
        return Prepared(skipped=f"{target.name}: {tree.name} has no such architecture")
    search = (scope, examples, seed)
    classic = tuple(_classic_jobs(tree, target, wishes, *search))
    try:
        source = open_source(tree, target.architecture.alias, target.page_shift)
    except NoRemoveError as error:
        if named and not classic:
            raise
        return Prepared(classic, skipped=f"{target.name}: {error.what}")
    if wishes.levels and not named:
        has = _levels(source, target.architecture, target.page_shift)
        wishes = replace(wishes, levels=tuple(levels for levels in wishes.levels if levels in has))
        if not wishes.levels:
            return Prepared(classic, skipped=f"{target.name}: its page tables have {_either(has)} levels")
    jobs = [job_of(source, cell, *search) for cell in cells(source, target, wishes)]
    try:
        jobs += _debug_jobs(tree, target, wishes, *search)
    except VmemcheckError as error:
        # A tool for debugging that has no place here is no reason to say nothing of the code itself.
        return Prepared((*jobs, *classic), skipped=f"{target.name}, DEBUG_VM: {error.what}")
    return Prepared((*jobs, *classic))


def _debug_jobs(tree: Tree, target: Target, wishes: Wishes, scope: Scope, examples: int, seed: int) -> Iterator[Job]:
    """Yield the job for DEBUG_VM, with the smallest pages of an architecture, where nothing else was asked for."""
    architecture, shift = target.architecture, target.page_shift
    if wishes.levels or wishes.sizes or shift != architecture.page_sizes[0].page_shift:
        return
    source = open_source(tree, architecture.alias, shift, MemoryModel.DEBUG_VM)
    for size in wishes.struct_page_bytes or (USUAL_STRUCT_PAGE_BYTES,):
        geometry = source.geometry(size, usual_levels(source, architecture, shift, size)[0])
        cell = Cell(architecture.name, geometry, source.is_reachable(size), source.model.value)
        yield job_of(source, cell, scope, examples, seed)


def _classic_jobs(tree: Tree, target: Target, wishes: Wishes, scope: Scope, examples: int, seed: int) -> Iterator[Job]:
    """Yield the job for classic sparse memory, where the tree offers it and nothing else was asked for."""
    alias, sizes = target.architecture.alias, wishes.struct_page_bytes or (USUAL_STRUCT_PAGE_BYTES,)
    if wishes.levels or wishes.sizes or not offers_classic(tree, target_of(alias), target.page_shift):
        return
    source = open_source(tree, alias, target.page_shift, MemoryModel.CLASSIC)
    # ZONE_DEVICE depends on SPARSEMEM_VMEMMAP.
    blocks = replace(scope, devices=False, altmaps=False, compound=False, pairs=False, private=False)
    for size in sizes:
        cell = Cell(target.architecture.name, source.geometry(size), source.is_reachable(size), source.model.value)
        yield job_of(source, cell, blocks, examples, seed)


def cells(source: KernelSource, target: Target, wishes: Wishes) -> Iterator[Cell]:
    """Yield the cells of one target in report order.

    :raises UsageError: when it was asked for levels of page tables that the architecture does not have
    :raises GeometryError: when the sizes that were asked for do not fit each other
    """
    architecture = target.architecture
    has = _levels(source, architecture, target.page_shift)
    for levels in wishes.levels:
        if levels not in has:
            raise UsageError(
                f"{target.name} has no page tables of {levels} levels: {source.tree.name} has {_either(has)} there",
                to_fix=f"use --levels {has[0]}",
            )
    for size in wishes.struct_page_bytes or tuple(minimal(source.facts.sizes)):
        for levels in wishes.levels or usual_levels(source, architecture, target.page_shift, size):
            geometry: Geometry = source.geometry(size, levels).changed(**dict(wishes.sizes))
            bent = bool(wishes.sizes)
            yield Cell(architecture.name, geometry, source.is_reachable(size) and not bent)


def usual_levels(source: KernelSource, architecture: Architecture, page_shift: int, size: int) -> tuple[int, ...]:
    """Return the levels of page tables that a cell is tried with."""
    has = _levels(source, architecture, page_shift)
    return has if size == USUAL_STRUCT_PAGE_BYTES else has[:1]


def _levels(source: KernelSource, architecture: Architecture, page_shift: int) -> tuple[int, ...]:
    """Return the levels of page tables that the tree's code can run with, the usual ones first.

    Most architectures fix them when the kernel is compiled.
    """
    if not architecture.other_levels:
        return (source.native.levels,)
    usual = next(page.levels for page in architecture.page_sizes if page.page_shift == page_shift)
    return (usual, *(levels for levels in architecture.other_levels if levels <= source.native.levels))


def _either(levels: tuple[int, ...]) -> str:
    return " or ".join(map(str, levels))
