# SPDX-License-Identifier: GPL-2.0-or-later
"""An even choice from a long table, the same in every process.

``sampled_from()`` draws small indices far more often than large ones, and now and
then an index that stands as a number in some module that happens to be loaded. So a
long table would hardly be seen beyond its start, and a seed would not repeat a run.
"""

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

# Far from zero the integers of Hypothesis are even, and no source has such numbers. Shrinks towards it.
_FIRST = 5 << 60


def choices(table: Sequence[T]) -> st.SearchStrategy[T]:
    """Draw an element of ``table``, each as likely as the others; shrinks towards the first.

    :param table: one element or more
    """
    return st.integers(_FIRST, _FIRST + len(table) - 1).map(lambda number: table[number - _FIRST])
