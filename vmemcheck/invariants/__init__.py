# SPDX-License-Identifier: GPL-2.0-or-later
"""The invariants, one file each, and the table of them in report order.

An invariant sees one ``Step``: the model and the observation, never C and never
Hypothesis. When several are violated by one step, the first in this table gives
the finding its name.
"""

from vmemcheck.invariant import Invariant
from vmemcheck.invariants.altmap_balanced import ALTMAP_BALANCED
from vmemcheck.invariants.counters_balanced import COUNTERS_BALANCED
from vmemcheck.invariants.failed_add_undone import FAILED_ADD_UNDONE
from vmemcheck.invariants.freed_once import FREED_ONCE
from vmemcheck.invariants.memmap_backed import MEMMAP_BACKED
from vmemcheck.invariants.memmap_intact import MEMMAP_INTACT
from vmemcheck.invariants.memmap_mapped import MEMMAP_MAPPED
from vmemcheck.invariants.no_leak import NO_LEAK
from vmemcheck.invariants.no_warning import NO_WARNING
from vmemcheck.invariants.ranges_aligned import RANGES_ALIGNED
from vmemcheck.invariants.refusals import REFUSALS
from vmemcheck.invariants.tables_sound import TABLES_SOUND
from vmemcheck.invariants.tlb_flushed import TLB_FLUSHED

INVARIANTS: tuple[Invariant, ...] = (
    RANGES_ALIGNED,
    MEMMAP_MAPPED,
    MEMMAP_BACKED,
    MEMMAP_INTACT,
    NO_LEAK,
    FREED_ONCE,
    FAILED_ADD_UNDONE,
    ALTMAP_BALANCED,
    COUNTERS_BALANCED,
    TABLES_SOUND,
    TLB_FLUSHED,
    REFUSALS,
    NO_WARNING,
)
