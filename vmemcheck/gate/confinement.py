# SPDX-License-Identifier: GPL-2.0-or-later
"""What the sliced code cannot do while it runs, and what could not be taken from it on this machine."""

from vmemcheck.kernel.confine import CONFINED, WITHOUT_FILTER, has_filter


def confinement() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is confined, and what is not."""
    if has_filter():
        return CONFINED, ()
    return CONFINED[1:], (WITHOUT_FILTER,)
