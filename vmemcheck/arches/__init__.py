# SPDX-License-Identifier: GPL-2.0-or-later
"""The architectures, one value each, and the table of them in report order."""

from vmemcheck.arches.architecture import Architecture, PageSize
from vmemcheck.arches.arm64 import ARM64
from vmemcheck.arches.loongarch64 import LOONGARCH64
from vmemcheck.arches.powerpc64 import POWERPC64
from vmemcheck.arches.riscv64 import RISCV64
from vmemcheck.arches.s390x import S390X
from vmemcheck.arches.x86_64 import X86_64
from vmemcheck.errors import UsageError

__all__ = ["ARCHES", "Architecture", "PageSize", "find", "page_bytes"]

ARCHES: tuple[Architecture, ...] = (X86_64, ARM64, RISCV64, S390X, POWERPC64, LOONGARCH64)


def page_bytes(text: str) -> int:
    """Return the bytes of a page size that is written as 4K, 16K, 64K or as a number of bytes.

    :raises UsageError: when no architecture has such pages
    """
    sizes = {page.name: 1 << page.page_shift for architecture in ARCHES for page in architecture.page_sizes}
    written = text.upper().removesuffix("B")
    if written in sizes:
        return sizes[written]
    if written in map(str, sizes.values()):
        return int(written)
    raise UsageError(f"unknown page size {text!r}", to_fix=f"use one of {', '.join(sizes)}")


def find(name: str) -> Architecture:
    """Return the architecture of this name or kernel folder name.

    :raises UsageError: when there is none
    """
    for architecture in ARCHES:
        if name in (architecture.name, architecture.alias):
            return architecture
    known = ", ".join(architecture.name for architecture in ARCHES)
    raise UsageError(f"unknown architecture {name!r}", to_fix=f"use one of {known}")
