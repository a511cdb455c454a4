# SPDX-License-Identifier: GPL-2.0-or-later
"""Sources of kernel trees, sliced once for all tests of a run, and what a tree may lack."""

import functools
from typing import NoReturn

import pytest

from vmemcheck.arches import ARCHES, Architecture
from vmemcheck.errors import NoRemoveError
from vmemcheck.kernel.shim import has_shim
from vmemcheck.kernel.source import KernelSource, open_source
from vmemcheck.kernel.tree import Tree

EVERY_MACHINE = [
    pytest.param(architecture, page.page_shift, id=f"{architecture.name}-{page.name}")
    for architecture in ARCHES
    if has_shim(architecture.alias)
    for page in architecture.page_sizes
]
"""Every architecture that has a machine, with every page size."""


@functools.cache
def source_of(tree: Tree, arch: str, page_shift: int = 12) -> KernelSource:
    """Return the source of a tree for an architecture, the folder below ``arch/``."""
    return open_source(tree, arch, page_shift)


def skip_lacking(tree: Tree, what: str, series: str) -> NoReturn:
    """Skip a test of something that came, or went, with another kernel.

    :param series: one that has it
    """
    pytest.skip(f"{tree.name} has no {what}; a tree that has it: vmemcheck fetch {series}")


@functools.cache
def _opened(tree: Tree, alias: str, page_shift: int) -> KernelSource | None:
    try:
        return open_source(tree, alias, page_shift)
    except NoRemoveError:
        return None


def machine_source(tree: Tree, architecture: Architecture, page_shift: int) -> KernelSource:
    """Return the source of a tree, or skip the test where the tree cannot remove memory there."""
    if not tree.has(f"arch/{architecture.alias}/Kconfig"):
        skip_lacking(tree, architecture.name, "newest")
    source = _opened(tree, architecture.alias, page_shift)
    if source is None:
        skip_lacking(tree, f"hot-remove on {architecture.name}", "newest")
    return source
