# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets: which code of a tree, under which configuration, is looked at.

A target gives only the answers that a person would give to ``make menuconfig``; everything
else follows from the tree's own Kconfig files (see ``vmemcheck.kernel.kconfig``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vmemcheck.errors import UsageError
from vmemcheck.kernel.kconfig import Kconfig

# What every target has: 64 bits, and memory that can be added and removed.
COMMON = {
    "64BIT": "y",
    "MMU": "y",
    "SMP": "y",
    "NUMA": "y",
    "SPARSEMEM": "y",
    "SPARSEMEM_MANUAL": "y",
    "FLATMEM_MANUAL": "n",
    "SPARSEMEM_VMEMMAP": "y",
    "MEMORY_HOTPLUG": "y",
    "MEMORY_HOTREMOVE": "y",
    "MHP_MEMMAP_ON_MEMORY": "y",
    "ZONE_DEVICE": "y",
    "DEVICE_PRIVATE": "y",
    "MEMCG": "y",
    "ACPI": "y",
    "SYSFS": "y",
    "HUGETLBFS": "y",
    "TRANSPARENT_HUGEPAGE": "y",
    # Modules would only add EXPORT_SYMBOL tables.
    "MODULES": "n",
}

_HOST_MACROS = ("__x86_64__", "__x86_64", "__amd64__", "__amd64", "__i386__")


@dataclass(frozen=True, slots=True)
class Target:
    """One architecture.

    :param arch: the folder below ``arch/``
    :param answers: configuration symbols, without ``CONFIG_``, besides ``COMMON``
    :param macros: what a compiler for this architecture predefines and the host's does not
    :param page_shifts: the page sizes that can be chosen: shift -> answers, alternatives
        for several kernel versions side by side
    """

    arch: str
    answers: Mapping[str, str]
    macros: tuple[str, ...]
    page_shifts: Mapping[int, Mapping[str, str]]

    @property
    def undefined(self) -> tuple[str, ...]:
        """Return the host compiler's own macros that must not be seen."""
        return () if self.arch == "x86" else _HOST_MACROS

    def shift_of(self, page_bytes: int) -> int:
        """Return the page shift of a page size.

        :raises UsageError: when the target does not offer that size
        """
        for shift in self.page_shifts:
            if 1 << shift == page_bytes:
                return shift
        offered = ", ".join(str(1 << shift) for shift in self.page_shifts)
        raise UsageError(f"{self.arch} has no pages of {page_bytes} bytes", to_fix=f"use {offered}")

    def configuration(self, kconfig: Kconfig, page_shift: int, **answers: str) -> dict[str, str]:
        """Return the whole configuration: symbol, without ``CONFIG_``, to value.

        :param answers: further answers, for example ``KMSAN="y"``
        :raises UsageError: when the target does not offer that page size
        """
        self.shift_of(1 << page_shift)
        return kconfig.resolve(COMMON | dict(self.answers) | dict(self.page_shifts[page_shift]) | answers)


_ARM64_PAGES = {
    12: {"ARM64_4K_PAGES": "y"},
    14: {"ARM64_16K_PAGES": "y"},
    16: {"ARM64_64K_PAGES": "y"},
}

TARGETS = (
    # Built with five levels, x86 and riscv decide at boot how many they use.
    Target("x86", {"X86_64": "y", "X86_5LEVEL": "y"}, (), page_shifts={12: {}}),
    Target("arm64", {"ARM64": "y", "ARM64_VA_BITS_48": "y"}, ("__aarch64__",), page_shifts=_ARM64_PAGES),
    Target(
        "riscv",
        {"RISCV": "y", "ARCH_RV64I": "y", "PORTABLE": "y", "MMU": "y"},
        ("__riscv", "__riscv_xlen=64", "__riscv_cmodel_medany"),
        page_shifts={12: {}},
    ),
    Target("s390", {"S390": "y"}, ("__s390__", "__s390x__"), page_shifts={12: {}}),
    Target(
        "powerpc",
        {"PPC": "y", "PPC64": "y", "PPC_BOOK3S_64": "y", "PPC_PSERIES": "y", "CPU_LITTLE_ENDIAN": "y"},
        ("__powerpc__", "__powerpc64__", "_CALL_ELF=2"),
        page_shifts={12: {"PPC_4K_PAGES": "y"}, 16: {"PPC_64K_PAGES": "y"}},
    ),
    Target(
        "loongarch",
        {"LOONGARCH": "y", "64BIT": "y"},
        ("__loongarch__", "__loongarch64", "__loongarch_grlen=64"),
        page_shifts={
            12: {"PAGE_SIZE_4KB": "y", "4KB_4LEVEL": "y"},
            14: {"PAGE_SIZE_16KB": "y", "16KB_3LEVEL": "y"},
            16: {"PAGE_SIZE_64KB": "y", "64KB_3LEVEL": "y"},
        },
    ),
)


def target_of(arch: str) -> Target:
    """Return the target of an architecture.

    :raises UsageError: when there is none
    """
    for target in TARGETS:
        if target.arch == arch:
            return target
    names = ", ".join(target.arch for target in TARGETS)
    raise UsageError(f"there is no target {arch}", to_fix=f"use {names}")
