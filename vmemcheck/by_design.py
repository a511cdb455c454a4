# SPDX-License-Identifier: GPL-2.0-or-later
"""What an architecture does on purpose although an invariant objects to it.

Such declarations stand in the architecture's value, with their source, and every report lists
those that it used: nothing is hidden.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from vmemcheck.observation import BOOT, Block, Mapping, Table, Warned

Subject = Table | Block | Mapping | Warned | None


@functools.lru_cache(maxsize=64)  # asked for each geometry of a tree
def _matches(pattern: str, code: str) -> bool:
    return re.search(pattern, code) is not None


@dataclass(frozen=True, slots=True)
class ByDesign:
    """One declaration.

    :param name: in reports
    :param invariants: names of the invariants that would object
    :param says: what the architecture does, and why
    :param source: *kernel file: function()*
    :param page_shifts: page sizes for which it is so; all where none is named
    :param keeps_top_tables: the page-table pages that the top table leads to stay for ever
    :param keeps_boot_tables: page-table pages that were made at boot may stay allocated when they are empty
    :param frees_before_flush: memory is given back before the flush of TLBs at the end of the operation
    :param warns_in: functions whose warnings are meant
    :param keeps_memmap: what was mapped once stays mapped, and so do the page-table pages for it
    :param code: regular expression; it is so as long as the tree's own code matches. Empty where nothing tells it
    :param never_met: names of marks that cannot be met then
    """

    name: str
    invariants: tuple[str, ...]
    says: str
    source: str
    page_shifts: tuple[int, ...] = ()
    keeps_top_tables: bool = False
    keeps_boot_tables: bool = False
    keeps_memmap: bool = False
    frees_before_flush: bool = False
    warns_in: tuple[str, ...] = ()
    code: str = ""
    never_met: tuple[str, ...] = ()

    def applies(self, page_shift: int, code: str) -> bool:
        """Tell whether it is so for a page size, with this code of the tree."""
        return page_shift in (self.page_shifts or (page_shift,)) and _matches(self.code, code)

    def covers(self, invariant: str, subject: Subject, levels: int) -> bool:
        """Tell whether an objection is about what is declared here.

        :param subject: the page-table page, block, leaf or warning that the objection is about, if it is about one
        :param levels: levels of page tables
        """
        if invariant not in self.invariants:
            return False
        if self.keeps_memmap and isinstance(subject, Table | Mapping):
            return True
        if isinstance(subject, Warned):
            return subject.where.function in self.warns_in
        if isinstance(subject, Table):
            return self.keeps_top_tables and subject.level == levels - 2
        if invariant == "tlb-flushed":
            return self.frees_before_flush and isinstance(subject, Block)
        return self.keeps_boot_tables and isinstance(subject, Block) and subject.is_table and subject.owner == BOOT


def covering(declarations: Iterable[ByDesign], invariant: str, subject: Subject, levels: int) -> ByDesign | None:
    """Return the first declaration that covers an objection, or None."""
    return next((one for one in declarations if one.covers(invariant, subject, levels)), None)
