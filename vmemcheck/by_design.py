# SPDX-License-Identifier: GPL-2.0-or-later
"""What an architecture does on purpose although an invariant objects to it.

Such declarations stand in the architecture's value, with their source, and every report lists
those that it used: nothing is hidden.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from vmemcheck.observation import BOOT, Block, Table


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
    """

    name: str
    invariants: tuple[str, ...]
    says: str
    source: str
    page_shifts: tuple[int, ...] = ()
    keeps_top_tables: bool = False
    keeps_boot_tables: bool = False

    def covers(self, invariant: str, subject: Table | Block | None, levels: int) -> bool:
        """Tell whether an objection is about what is declared here.

        :param subject: the page-table page or block that the objection is about, if it is about one
        :param levels: levels of page tables
        """
        if invariant not in self.invariants:
            return False
        if isinstance(subject, Table):
            return self.keeps_top_tables and subject.level == levels - 2
        return self.keeps_boot_tables and subject is not None and subject.is_table and subject.owner == BOOT


def covering(
    declarations: Iterable[ByDesign], invariant: str, subject: Table | Block | None, levels: int
) -> ByDesign | None:
    """Return the first declaration that covers an objection, or None."""
    return next((one for one in declarations if one.covers(invariant, subject, levels)), None)
