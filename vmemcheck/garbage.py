# SPDX-License-Identifier: GPL-2.0-or-later
"""Garbage collection for a run that makes a great many small values: they have no cycles, and looking for some costs.

Nothing is switched off: what has cycles still goes, later.
"""

import contextlib
import gc
from collections.abc import Iterator

_ALLOCATIONS = 100_000


@contextlib.contextmanager
def collected_seldom() -> Iterator[None]:
    """Let Python look for cycles a hundred times less often in the block."""
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
