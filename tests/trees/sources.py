# SPDX-License-Identifier: GPL-2.0-or-later
"""Sources of kernel trees, sliced once for all tests of a run."""

import functools

from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.tree import Tree


@functools.cache
def source_of(tree: Tree, arch: str, page_shift: int = 12) -> KernelSource:
    """Return the source of a tree for an architecture, the folder below ``arch/``."""
    return open_source(tree, arch, page_shift)
