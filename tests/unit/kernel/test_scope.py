# SPDX-License-Identifier: GPL-2.0-or-later
"""The files in scope are those that the configuration builds, and their globals are found."""

from pathlib import Path

import pytest

from vmemcheck.errors import SliceError
from vmemcheck.kernel.scope import scope_of
from vmemcheck.kernel.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a folder with a few files."""
    files = {
        "mm/Makefile": "obj-$(CONFIG_SPARSEMEM)\t+= sparse.o\nobj-$(CONFIG_GONE) += sparse-gone.o\n",
        "mm/sparse.c": "int __weak\nadd(int a,\n    int b)\n{\n}\nstatic int hidden(void)\n{\n}\nlong table[4];\n",
        "mm/sparse-gone.c": "int add(void)\n{\n}\n",
        "mm/slub.c": "void kfree(void)\n{\n}\n",
        "arch/x86/mm/Makefile": "obj-y := init_$(BITS).o\n",
        "arch/x86/mm/init_64.c": "/* int ghost(void) { } */\nDEFINE_SPINLOCK(pgd_lock);\nint add(void)\n{\n}\n",
        "arch/x86/mm/init_32.c": "int add(void)\n{\n}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Tree(tmp_path, "9.9.9", "test")


def test_scope_takes_the_files_that_are_built(tree: Tree) -> None:
    """Files of options that are off, of 32 bits, and without vmemmap code are out of scope."""
    scope = scope_of(tree, "x86", {"SPARSEMEM": "y"})
    assert scope.files == ("mm/sparse.c", "arch/x86/mm/init_64.c")
    assert scope.definers == {
        "add": ("mm/sparse.c", "arch/x86/mm/init_64.c"),
        "table": ("mm/sparse.c",),
        "pgd_lock": ("arch/x86/mm/init_64.c",),
    }


def test_scope_unknown_root_is_refused(tree: Tree) -> None:
    """A root that was renamed is named, and the reader told where to put the new name."""
    with pytest.raises(SliceError, match=r"no file defines vanished\(\)"):
        scope_of(tree, "x86", {"SPARSEMEM": "y"}).files_of(("vanished",))
