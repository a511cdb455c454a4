# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of architectures."""

import pytest

from vmemcheck.arches import ARCHES, Architecture, find
from vmemcheck.errors import UsageError


@pytest.mark.parametrize("architecture", ARCHES, ids=lambda architecture: architecture.name)
def test_architecture_goes_by_its_name_and_its_kernel_folder(architecture: Architecture) -> None:
    """Both names find the same value."""
    assert find(architecture.name) is find(architecture.alias) is architecture


def test_architecture_unknown_is_refused_with_the_known_ones() -> None:
    """The message lists what there is."""
    with pytest.raises(UsageError, match="unknown architecture 'alpha'; use one of x86_64, arm64"):
        find("alpha")


@pytest.mark.parametrize(
    ("name", "pages", "pmd_bytes"),
    [
        ("x86_64", ["4K"], [2 << 20]),
        ("arm64", ["4K", "16K", "64K"], [2 << 20, 32 << 20, 512 << 20]),
        ("riscv64", ["4K"], [2 << 20]),
        ("s390x", ["4K"], [1 << 20]),
        ("powerpc64", ["4K", "64K"], [2 << 20, 2 << 20]),
        ("loongarch64", ["4K", "16K", "64K"], [2 << 20, 32 << 20, 512 << 20]),
    ],
)
def test_architecture_page_sizes_and_leaves(name: str, pages: list[str], pmd_bytes: list[int]) -> None:
    """Each page size has its PMD leaf."""
    sizes = find(name).page_sizes
    assert pages == [size.name for size in sizes]
    assert pmd_bytes == [size.geometry(64).pmd_bytes for size in sizes]


def test_architectures_cite_kernel_files() -> None:
    """Every value says where it comes from, as kernel file and symbol, without line numbers."""
    for architecture in ARCHES:
        for source in architecture.source:
            file, _, symbol = source.partition(": ")
            assert file.startswith(f"arch/{architecture.alias}/")
            assert symbol.isidentifier()
