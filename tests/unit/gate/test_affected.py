# SPDX-License-Identifier: GPL-2.0-or-later
"""Which architectures a file can concern."""

import pytest

from vmemcheck.gate.affected import may_be_read, read_names
from vmemcheck.kernel.watched import Seen


@pytest.mark.parametrize(
    ("name", "x86", "arm64"),
    [
        ("mm/sparse-vmemmap.c", True, True),
        ("mm/sparse-of-tomorrow.c", True, True),
        ("mm/swap.c", False, False),
        ("include/linux/mmzone.h", True, True),
        ("mm/Kconfig", True, True),
        ("mm/Makefile", True, True),
        ("lib/bitmap.c", True, True),
        ("lib/sort.c", False, False),
        ("arch/x86/mm/init_64.c", True, False),
        ("arch/arm64/mm/new.c", False, True),
        ("arch/x86/include/asm/page.h", True, False),
        ("arch/x86/kernel/smp.c", False, False),
        ("arch/arm64/tools/cpucaps", False, True),
        ("arch/powerpc/mm/init_64.c", False, False),
        ("Documentation/mm/x.rst", False, False),
        ("drivers/dax/kmem.c", False, False),
    ],
)
def test_file_concerns_architectures_by_its_name(name: str, x86: bool, arm64: bool) -> None:
    """Files of an architecture concern that one, those of mm and include all, and what no slice reads none."""
    assert (may_be_read(name, "x86"), may_be_read(name, "arm64")) == (x86, arm64)


def test_file_is_read_if_it_was_or_would_have_been() -> None:
    """A file counts that was read, looked for in vain, or is a new one of a folder that was listed."""
    seen = Seen(
        files={"mm/a.c": "x"},
        listings={"mm::.c": "x", "arch/x86:Kconfig:": "x"},
        present={"mm/Makefile": True},
        absent={"include/linux": ["new.h"]},
    )
    asked = ("mm/a.c", "mm/sparse-new.c", "mm/Makefile", "include/linux/new.h", "include/linux/other.h")
    assert read_names((*asked, "arch/x86/Kconfig.new", "lib/x.c"), seen) == (*asked[:4], "arch/x86/Kconfig.new")
