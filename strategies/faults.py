# SPDX-License-Identifier: GPL-2.0-or-later
"""Failing allocations."""

from hypothesis import strategies as st

from vmemcheck.operation import Fault, FaultKind


def faults(*, max_allocation: int = 12, max_order: int = 9) -> st.SearchStrategy[Fault]:
    """Draw a failing allocation: the n-th, that and all after it, or all of an order and above.

    :param max_allocation: largest n, 1 or more
    :param max_order: largest order, 0 or more
    """
    nth = st.builds(Fault, st.sampled_from((FaultKind.NTH, FaultKind.FROM)), st.integers(1, max_allocation))
    order = st.builds(Fault, st.just(FaultKind.ORDER), st.integers(0, max_order))
    return nth | order
