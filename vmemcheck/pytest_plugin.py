# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin: options, Hypothesis profiles, and the machines that the properties run on.

pytest finds it through the entry point of the installed package. It registers
the profiles ``dev``, ``ci`` and ``deep``; choose one with ``--hypothesis-profile``.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vmemcheck import arches
from vmemcheck.arches import Architecture, PageSize
from vmemcheck.errors import NoRemoveError, UsageError, VmemcheckError
from vmemcheck.geometry import USUAL_STRUCT_PAGE_BYTES, Geometry
from vmemcheck.machine import Machine
from vmemcheck.reference import ReferenceMachine
from vmemcheck.scope import Scope

if TYPE_CHECKING:
    from vmemcheck.kernel.tree import Tree

EXAMPLES = {"dev": 40, "ci": 200, "deep": 5000}
"""Sequences that each profile runs for each property and machine."""
STRUCT_PAGE_BYTES = (56, 64, 72)
"""Sizes of struct page that machines are made for, unless ``--struct-page`` names others.

An architecture gets those that it can have; x86_64 gets all, since older trees could have them there.
"""
_SCALED_BYTES = (56, 64, 72, 80)
# A section with more memmap than this takes the reference machine long, and shows nothing that smaller ones do not:
# such machines are there only for those who name the architecture.
_AFFORDABLE_MEMMAP_BYTES = 4 << 20


EVERYTHING, SUCCESSES = Scope(), Scope(faults=False)


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """A reference machine to be made.

    :param name: shown in the names of the tests
    :param scope: what sequences for it are made of
    """

    name: str
    geometry: Geometry
    scope: Scope = EVERYTHING

    def make(self) -> Machine:
        """Return a new machine."""
        return ReferenceMachine(self.geometry)


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """A machine to be made of a kernel tree, which is sliced when the first test asks for it.

    :param name: shown in the names of the tests
    :param scope: without failing allocations, as in ``vmemcheck check``
    """

    name: str
    tree: Path
    architecture: Architecture
    page_size: PageSize
    struct_page_bytes: int
    scope: Scope = SUCCESSES

    def make(self) -> Machine:
        """Return a new machine; skip the test where the tree has none for the architecture."""
        from vmemcheck.kernel.source import open_source
        from vmemcheck.kernel.tree import open_tree

        try:
            source = open_source(open_tree(self.tree), self.architecture.alias, self.page_size.page_shift)
        except NoRemoveError as error:
            pytest.skip(error.what)
        levels = self.page_size.levels if self.architecture.other_levels else None
        return source.machine(source.geometry(self.struct_page_bytes, levels))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and the profiles that they can name.

    The profiles are registered here, before any conftest.py is read, so that a
    project which has profiles of these names keeps its own.
    """
    register_profiles()
    group = parser.getgroup("vmemcheck", "vmemcheck: the machines that properties run on")
    group.addoption("--arch", action="append", default=[], help="only this architecture; may be repeated")
    group.addoption(
        "--page-size", action="append", default=[], help="only this page size: 4K, 16K, 64K; may be repeated"
    )
    group.addoption(
        "--struct-page", action="append", default=[], help="this size of struct page in bytes; may be repeated"
    )
    group.addoption(
        "--tree",
        action="append",
        default=[],
        help="a kernel tree to make machines of; may be repeated; 'none' for none (those in the cache)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Refuse what does not exist, before the plugin of Hypothesis loads the profile that was asked for."""
    _require_profile(config.getoption("--hypothesis-profile", None))
    try:
        machines(config)
    except VmemcheckError as error:
        raise pytest.UsageError(str(error)) from None


def register_profiles() -> None:
    """Register ``dev``, ``ci`` and ``deep``; ``ci`` is derived from the one that Hypothesis brings."""
    from hypothesis import HealthCheck, settings

    ci = settings(settings.get_profile("ci"), derandomize=True, database=None)
    parents = {"dev": settings.get_profile("default"), "ci": ci, "deep": settings.get_profile("default")}
    for name, examples in EXAMPLES.items():
        slow = [HealthCheck.too_slow, HealthCheck.data_too_large]  # long sequences at full size take their time
        profile = settings(
            parents[name], max_examples=examples, deadline=None, print_blob=False, suppress_health_check=slow
        )
        settings.register_profile(name, profile)


def _require_profile(name: str | None) -> None:
    # Hypothesis itself ends with an internal error of pytest.
    from hypothesis import errors, settings

    try:
        settings.get_profile(name or "default")
    except errors.InvalidArgument:
        known = ", ".join(EXAMPLES)
        raise pytest.UsageError(f"--hypothesis-profile {name!r} is not registered; there are {known}") from None


def pytest_report_header(config: pytest.Config) -> str:
    """Say which profile is loaded: without this plugin, ``ci`` would silently be another one."""
    from hypothesis import settings

    current = settings()
    name = settings.get_current_profile_name()
    order = "derandomized" if current.derandomize else "random"
    return f"vmemcheck: profile {name}, {current.max_examples} sequences, {order}; {len(machines(config))} machines"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for a ``machine_spec`` on every machine."""
    if "machine_spec" in metafunc.fixturenames:
        specs = machines(metafunc.config)
        metafunc.parametrize("machine_spec", specs, ids=[spec.name for spec in specs], scope="module")


@pytest.fixture(scope="module")
def machine(machine_spec: MachineSpec | KernelSpec) -> Machine:
    """Return the machine under test."""
    return machine_spec.make()


@pytest.fixture(scope="module")
def scope(machine_spec: MachineSpec | KernelSpec) -> Scope:
    """Return what sequences for the machine under test are made of."""
    return machine_spec.scope


def machines(config: pytest.Config) -> tuple[MachineSpec | KernelSpec, ...]:
    """Return the machines that the options ask for: the reference machine, and one for each tree and architecture.

    :raises UsageError: when there is no such machine
    :raises TreeError: when a tree that was named is none
    """
    return (*_reference_machines(config), *_kernel_machines(config))


def _kernel_machines(config: pytest.Config) -> list[KernelSpec]:
    from vmemcheck.kernel.shim import has_shim

    names, page_sizes = config.getoption("--arch"), config.getoption("--page-size")
    sizes = [_size(text) for text in config.getoption("--struct-page")] or [USUAL_STRUCT_PAGE_BYTES]
    chosen = [arches.find(name) for name in names] or list(arches.ARCHES)
    if names and set(config.getoption("--tree")) - {"none"}:
        for architecture in chosen:
            if not has_shim(architecture.alias):
                raise UsageError(f"kernel code of {architecture.name} cannot be run yet", to_fix="leave out --tree")
    return [
        KernelSpec(f"{tree.name}-{architecture.name}-{page_size.name}-{size}", tree.root, architecture, page_size, size)
        for tree in _trees(config)
        for architecture in chosen
        if has_shim(architecture.alias) and tree.has(f"arch/{architecture.alias}/Kconfig")
        for page_size in architecture.page_sizes
        if page_size.name in (page_sizes or [architecture.page_sizes[0].name])
        for size in sizes
    ]


@cache
def _cached_trees() -> "tuple[Tree, ...]":
    from vmemcheck.kernel.fetch import cached_trees

    return cached_trees() if shutil.which(os.environ.get("CC") or "gcc") else ()


def _trees(config: pytest.Config) -> "tuple[Tree, ...]":
    """Return the trees that were named, else those in the cache where there is a compiler for them."""
    from vmemcheck.kernel.tree import open_tree

    named = config.getoption("--tree")
    if not named:
        return _cached_trees()
    return tuple(open_tree(Path(name)) for name in named if name != "none")


def _reference_machines(config: pytest.Config) -> tuple[MachineSpec, ...]:
    """Return the reference machines that the options ask for; each geometry once.

    :raises UsageError: when there is no such machine
    """
    names = config.getoption("--arch")
    page_sizes = config.getoption("--page-size")
    sizes = [_size(text) for text in config.getoption("--struct-page")]
    chosen = [arches.find(name) for name in names] or list(arches.ARCHES)
    specs = [
        MachineSpec(f"{architecture.name}-{page_size.name}-{size}", page_size.geometry(size))
        for architecture in chosen
        for page_size in architecture.page_sizes
        if not page_sizes or page_size.name in page_sizes
        for size in sizes or _default_sizes(architecture)
    ]
    if not specs:
        raise UsageError(f"no architecture here has pages of {', '.join(page_sizes)}", to_fix="use 4K, 16K or 64K")
    if not (names or page_sizes):
        specs = [spec for spec in specs if spec.geometry.section_memmap_bytes <= _AFFORDABLE_MEMMAP_BYTES]
        specs += _scaled(sizes or _SCALED_BYTES)
    unique: dict[Geometry, MachineSpec] = {}
    for spec in specs:
        unique.setdefault(spec.geometry, spec)
    return tuple(unique.values())


def _default_sizes(architecture: Architecture) -> list[int]:
    every = architecture is arches.ARCHES[0]
    return [size for size in STRUCT_PAGE_BYTES if every or size in architecture.struct_page_sizes]


def _scaled(sizes: Sequence[int]) -> list[MachineSpec]:
    from vmemcheck.strategies import scaled

    return [MachineSpec(f"scaled-4K-{size}", scaled(Geometry(size))) for size in sizes]


def _size(text: str) -> int:
    if not (text.isdecimal() and len(text) < 6 and int(text)):
        raise UsageError(f"--struct-page {text[:40]!r} is not a size in bytes", to_fix="use a number such as 64")
    return int(text)
