# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel build takes from a tree and what is run here does not is found, with the files that it is for."""

import pytest

from vmemcheck.gate.lines import judged, lines_of
from vmemcheck.gate.result import LineUse
from vmemcheck.gate.unread import Objects, are_for, no_longer_built, unread_in
from vmemcheck.patch.apply import State
from vmemcheck.patch.origins import Origin

_TEXT = b"""\
# CFLAGS_a.o := -DNOT
obj-y += a.o b.o
CFLAGS_a.o := -DONE \\
	-DTWO
CFLAGS_REMOVE_memory_hotplug.o = -DTHREE
ccflags-$(CONFIG_X) += -O3
export KBUILD_CFLAGS := -fwrapv
CFLAGS_b.o += -Wno-unused -Wall # as always
CFLAGS_REMOVE_b.o = $(CC_FLAGS_FTRACE) -pg
$(obj)/b.o: KBUILD_CFLAGS += -DFOUR
CFLAGS_c.o := -Wp,-DFIVE
"""
_KCONFIG = b"\n".join(
    (
        b"config OTHER",
        b"\tdepends on BROKEN",
        b"config SPARSEMEM_VMEMMAP",
        b'\tbool "words"',
        b"\tdepends on SPARSEMEM",
        b"\tselect OTHER",
        b"\tdefault n",
        b"\thelp",
        b"\t  depends on nothing",
        b"if X",
        b"config MEMORY_HOTREMOVE",
        b"\tdef_bool y",
        b"endif",
    )
)
_BUILT = frozenset(("mm/a.c", "arch/x86/mm/init.c"))


def test_flags_are_found() -> None:
    """Of one object or of all; warnings and tracing make no other code."""
    found = {3: ("a",), 4: ("a",), 5: ("memory_hotplug",), 6: ("",), 7: ("",), 10: ("b",), 11: ("c",)}
    assert unread_in("mm/Makefile", _TEXT) == found
    assert unread_in("mm/a.c", _TEXT) == unread_in("mm/Makefile", None) == {}


def test_pragmas_are_found() -> None:
    """Also as an operator; not those that make no other code."""
    text = b'#pragma once\n# pragma pack(1)\n_Pragma("GCC optimize(0)") int x;\n%:pragma GCC poison y\n'
    assert list(unread_in("mm/a.c", text)) == [2, 3, 4]
    assert unread_in("mm/a.c", b'#pragma GCC diagnostic push\n_Pragma("GCC diagnostic pop")\nint x;\n') == {}


def test_conditions_of_answered_symbols_are_found() -> None:
    """Their words and what they select decide as they do elsewhere, and so does all that is not answered here."""
    assert list(unread_in("mm/Kconfig", _KCONFIG)) == [5, 7, 12]


def test_files_that_are_no_longer_built_are_found() -> None:
    """By their objects, wherever they stand; a condition is looked at when the tree is sliced."""
    before = b"obj-y := a.o b.o \\\n\tc.o\nobj-$(CONFIG_X) += d.o e.o\n"
    after = b"obj-y += b.o f.o\nobj-$(CONFIG_Y) += d.o\nobj-$(CONFIG_X) += e.o\n"
    assert no_longer_built("mm/Makefile", before, after) == {"a", "c"}
    assert no_longer_built("mm/a.c", before, after) == frozenset()


@pytest.mark.parametrize(
    ("file", "wanted", "told"),
    [
        ("mm/Makefile", ("a",), True),
        ("mm/Makefile", ("b",), False),
        ("mm/Makefile", ("",), True),
        ("Makefile", ("",), True),
        ("Makefile", ("a",), False),
        ("lib/Kbuild", ("",), False),
        ("arch/x86/mm/Makefile", ("init",), True),
        ("mm/a.c", ("#",), True),
        ("mm/b.c", ("#",), False),
        ("mm/Kconfig", ("*",), True),
    ],
)
def test_lines_are_for_files_of_the_folder_and_below(file: str, wanted: Objects, *, told: bool) -> None:
    """An object is that of a C file in the same folder."""
    assert are_for(file, wanted, _BUILT) == told


def test_flags_that_come_or_go_are_no_part_of_what_is_run() -> None:
    """They count against a series, where they are for a file that is run; what else a Makefile says does not."""
    after = b"obj-y += a.o\nCFLAGS_a.o := -DONE\nCFLAGS_c.o := -DTWO\n"
    origins = (Origin(line=1), Origin(2), Origin(2), Origin(line=3))
    state = State({"mm/Makefile": after}, {"mm/Makefile": origins})
    before = State({"mm/Makefile": b"obj-y += a.o\nccflags-y := -DOLD\n"})
    found = judged(lines_of(state, before), [], files=_BUILT)
    assert [(one.patch, one.line, one.text, one.use) for one in found] == [
        (2, 2, "deleted: ccflags-y := -DOLD", LineUse.NOT_SLICED),
        (2, 2, "CFLAGS_a.o := -DONE", LineUse.NOT_SLICED),
        (2, 3, "CFLAGS_c.o := -DTWO", LineUse.NO_CODE),
    ]


def test_file_that_is_no_longer_built_counts_against_the_series() -> None:
    """If it is run here; the line that named it stands for it."""
    state = State({"mm/Makefile": b"obj-y += d.o\n"}, {"mm/Makefile": (Origin(1),)})
    before = State({"mm/Makefile": b"# objects\nobj-y += a.o b.o d.o\n"})
    found = judged(lines_of(state, before), [], files=_BUILT)
    assert [(one.line, one.text, one.use) for one in found] == [
        (2, "deleted: obj-y += a.o b.o d.o", LineUse.NOT_SLICED),
        (2, "deleted: obj-y += a.o b.o d.o", LineUse.NO_CODE),
        (1, "obj-y += d.o", LineUse.NO_CODE),
    ]
