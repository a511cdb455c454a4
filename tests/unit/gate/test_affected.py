# SPDX-License-Identifier: GPL-2.0-or-later
"""Which architectures a file can concern."""

from pathlib import Path

import pytest

from vmemcheck.gate.affected import concerns, may_be_read, read_names, why_not
from vmemcheck.gate.included import Includes
from vmemcheck.kernel.tree import Tree
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
    assert read_names(("arch/riscv/kernel/head.h",), Seen(files={"arch/riscv/mm/../kernel/head.h": "x"}))
    asked = ("mm/a.c", "mm/sparse-new.c", "mm/Makefile", "include/linux/new.h", "include/linux/other.h")
    assert read_names((*asked, "arch/x86/Kconfig.new", "lib/x.c"), seen) == (*asked[:4], "arch/x86/Kconfig.new")


@pytest.fixture
def includes(tmp_path: Path) -> Includes:
    """A tree with a few headers."""
    for name, text in {
        "mm/sparse.c": "#include <linux/mm.h>\n#if __has_include(<linux/asked.h>)\n#endif\n",
        "mm/swap.c": "#include <linux/swap.h>\n",
        "arch/x86/mm/init.c": '#ifdef NO\n# include "../boot/boot.h"\n#endif\n',
        "include/linux/mm.h": '/*\n */#include <linux/no.h>\n #\tinclude "mm_near.h"\n#include_next <asm/page.h>\n',
        "include/linux/mm_near.h": "#include TRACE_INCLUDE(TRACE_INCLUDE_FILE)\n",
        "arch/arm64/mm/mmu.c": "#include HEADER\n",
        "arch/x86/mm/Makefile": "obj-y += init.o\nobj-$(CONFIG_KASAN)\t+= kasan_init_$(BITS).o\n",
        "arch/x86/mm/kasan_init_64.c": "#include <linux/netdevice.h>\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Includes(Tree(tmp_path, "9.9.9", "a test"))


@pytest.mark.parametrize(
    ("name", "x86"),
    [
        ("include/linux/mm_near.h", True),
        ("include/linux/asked.h", True),
        ("arch/x86/include/asm/page.h", True),
        ("include/asm-generic/page.h", True),
        ("arch/x86/boot/boot.h", True),
        ("include/linux/kconfig.h", True),
        ("include/linux/swap.h", False),
        ("include/linux/netdevice.h", False),
        ("arch/arm64/include/asm/page.h", False),
    ],
)
def test_header_concerns_who_can_include_it(name: str, x86: bool, includes: Includes) -> None:
    """Under any condition, in any folder that is looked into, there already or not; a macro can name any header."""
    assert concerns(includes, (name,), "x86") == ((name,) if x86 else ())
    assert concerns(includes, (name, "mm/sparse.c"), "x86")[-1] == "mm/sparse.c"
    assert bool(concerns(includes, (name,), "arm64")) == (not name.startswith("arch/x86"))


def test_reason_names_the_architecture_that_cannot_be_run() -> None:
    """Who changes powerpc is told that nobody looked at it."""
    assert why_not(("arch/powerpc/mm/init_64.c", "mm/swap.c")).startswith("powerpc cannot be run here yet")
    assert why_not(("arch/x86/mm/tlb.c", "arch/arc/mm/init.c")).startswith("nothing of what is run")
