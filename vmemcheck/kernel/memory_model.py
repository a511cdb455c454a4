# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory models in which a kernel can hot-add memory: sparse vmemmap, also with DEBUG_VM, and classic sparse.

Knows what to answer to Kconfig, and whether a tree lets one answer so. Nothing is sliced here.
Source: Documentation/mm/memory-model.rst
"""

import enum
from dataclasses import dataclass

from vmemcheck.kernel.kconfig import read_kconfig
from vmemcheck.kernel.scope import ROOTS
from vmemcheck.kernel.stored import Entry
from vmemcheck.kernel.target import COMMON, Target
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.watched import WatchedTree

_HOTPLUG = ("MEMORY_HOTPLUG", "MEMORY_HOTREMOVE")


class MemoryModel(enum.Enum):
    """Where the memmap is, and whether its contents are debugged."""

    VMEMMAP = "sparse vmemmap"
    DEBUG_VM = "sparse vmemmap, DEBUG_VM"
    """CONFIG_DEBUG_VM=y: struct pages are poisoned until they are brought to life, and after they are removed."""
    CLASSIC = "classic sparse"
    """CONFIG_SPARSEMEM_VMEMMAP=n: each section has a memmap of its own, allocated as a whole."""

    @property
    def answers(self) -> dict[str, str]:
        """Return the answers to Kconfig that make it so, and those that then must be given up."""
        if self is MemoryModel.VMEMMAP:
            return {}
        if self is MemoryModel.DEBUG_VM:
            return {"DEBUG_KERNEL": "y", "DEBUG_VM": "y"}
        # X86_5LEVEL selects SPARSEMEM_VMEMMAP; the others depend on it.
        names = ("SPARSEMEM_VMEMMAP", "ZONE_DEVICE", "DEVICE_PRIVATE", "MHP_MEMMAP_ON_MEMORY", "X86_5LEVEL")
        return dict.fromkeys(names, "n")

    @property
    def roots(self) -> tuple[str, ...]:
        """Return the functions where the slice starts."""
        if self is not MemoryModel.CLASSIC:
            return ROOTS
        return tuple(name for name in ROOTS if not name.startswith("vmemmap_"))

    @property
    def never_met(self) -> frozenset[str]:
        """Return the names of marks that speak of what the model does not have."""
        if self is not MemoryModel.CLASSIC:
            return frozenset()
        return frozenset(
            (
                "pmd-leaf-freed",
                "pte-page-freed",
                "pmd-leaf-shared",
                "pte-page-shared",
                "table-freed",
                "altmap-used",
                "altmap-exhausted",
                "early-section-filled",
                "early-section-kept",
                "boot-leaf-shared",
                "compound-tails-shared",
                "compound-page-over-sections",
                "compound-beside-ordinary",
                # The memmap of a section is the last that it allocates, in one piece: there is nothing to give back.
                "add-undone",
            )
        )


def offers_classic(tree: Tree, target: Target, page_shift: int) -> bool:
    """Tell whether the tree's Kconfig files allow memory hot-remove with classic sparse memory."""
    entry = Entry("classic", tree, target, page_shift)
    known = entry.load(_Offered)
    if known is not None:
        return known.yes
    watched = WatchedTree.of(tree)
    kconfig = read_kconfig(watched, target.arch)
    answers = COMMON | dict(target.answers) | dict(target.page_shifts[page_shift]) | MemoryModel.CLASSIC.answers
    can_be_y, _ = kconfig.possible({name: value for name, value in answers.items() if name not in _HOTPLUG})
    found = _Offered(can_be_y.issuperset(_HOTPLUG) and not kconfig.contradicts(answers))
    entry.store(watched, found)
    return found.yes


@dataclass(frozen=True, slots=True)
class _Offered:
    yes: bool
