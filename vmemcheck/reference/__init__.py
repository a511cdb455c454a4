# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference machine: a correct vmemmap in Python, page tables included.

It shows that the invariants can be met, and gives the broken variants of the
tests something to break. It is not a copy of any kernel: it asks who uses a page
where kernels argue that nobody can.
"""

from vmemcheck.reference.machine import ReferenceMachine

__all__ = ["ReferenceMachine"]
