# SPDX-License-Identifier: GPL-2.0-or-later
"""Flags in a Makefile are found, with the object that they are for; what is run does not take them over."""

import pytest

from vmemcheck.gate.flags import are_for, flags_in
from vmemcheck.gate.lines import judged, lines_of
from vmemcheck.gate.result import LineUse
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
"""
_BUILT = frozenset(("mm/a.c", "arch/x86/mm/init.c"))


def test_flags_are_found() -> None:
    """Of one object or of all; warnings and tracing make no other code."""
    assert flags_in("mm/Makefile", _TEXT) == {3: "a", 4: "a", 5: "memory_hotplug", 6: "", 7: ""}
    assert flags_in("mm/a.c", _TEXT) == flags_in("mm/Makefile", None) == {}


@pytest.mark.parametrize(
    ("makefile", "wanted", "told"),
    [
        ("mm/Makefile", "a", True),
        ("mm/Makefile", "b", False),
        ("mm/Makefile", "", True),
        ("Makefile", "", True),
        ("Makefile", "a", False),
        ("lib/Kbuild", "", False),
        ("arch/x86/mm/Makefile", "init", True),
    ],
)
def test_flags_are_for_files_of_the_folder_and_below(makefile: str, wanted: str, *, told: bool) -> None:
    """An object is that of a C file in the same folder."""
    assert are_for(makefile, wanted, _BUILT) == told


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
