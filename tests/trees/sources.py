# SPDX-License-Identifier: GPL-2.0-or-later
"""Sources of kernel trees, sliced once for all tests of a run, and what a tree may lack."""

import functools
from typing import NoReturn

import pytest

from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.tree import Tree


@functools.cache
def source_of(tree: Tree, arch: str, page_shift: int = 12) -> KernelSource:
    """Return the source of a tree for an architecture, the folder below ``arch/``."""
    return open_source(tree, arch, page_shift)


def skip_lacking(tree: Tree, what: str, series: str) -> NoReturn:
    """Skip a test of something that came, or went, with another kernel.

    :param series: one that has it
    """
    pytest.skip(f"{tree.name} has no {what}; a tree that has it: vmemcheck fetch {series}")
