# SPDX-License-Identifier: GPL-2.0-or-later
"""Replays that ask for more than a machine has: each is one message, in text and in JSON."""

import re
from pathlib import Path

import pytest

from vmemcheck import replay_file, sequence_text
from vmemcheck.engine import steps
from vmemcheck.errors import SequenceError
from vmemcheck.kernel.protocol import encode
from vmemcheck.reference import ReferenceMachine
from vmemcheck.replay_file import Replay
from vmemcheck.replay_limits import MAX_MEMORY_BYTES

LAYOUT = Path(__file__).parents[2] / "vmemcheck/shim/layout.h"
_MEMORY, _AT_MOST = "memory beyond the 1 TiB of a simulated machine", "use at most 4294967295"

TOO_MUCH = {
    "pfns of more than 64 bits": ("refuse  add memory pages [99999999999999999990, 99999999999999999991)", _MEMORY),
    "a range at 2^63": ("refuse  remove device pages [9223372036854775808, 9223372036854775809)", _MEMORY),
    "a pfn that a program cannot find": ("refuse  add memory pages [70368744177664, 70368744177665)", _MEMORY),
    "the first page beyond": ("refuse  add memory pages [268435456, 268435457)", _MEMORY),
    "a section": ("boot    section 99999999999999999999 subsections [0, 1)", _MEMORY),
    "a subsection of a section": ("boot    section 0 subsections [9223372036854775808, 9223372036854775809)", _MEMORY),
    "memory blocks": ("add     memory blocks [8192, 8193)", _MEMORY),
    "subsections": ("add     device subsections [9223372036854775808, 9223372036854775809)", _MEMORY),
    "a second range": ("add     device subsections [0, 1) and [524288, 524289)", _MEMORY),
    "a shift that cannot be": ("add     device subsections [0, 1) vmemmap_shift 99999999999999999999", "at most 52"),
    "a shift without memory": ("add     device subsections [0, 1) vmemmap_shift 4503599627370496", "at most 52"),
    "a shift of gigabytes": ("add     device subsections [0, 1) vmemmap_shift 34359738368", "at most 52"),
    "the first shift beyond": ("add     device subsections [0, 1) vmemmap_shift 53", "at most 52"),
    "a range to remove": ("remove  range 99999999999999999999", _AT_MOST),
    "a range to bring to life": ("init    range 4294967296", _AT_MOST),
    "an allocation": ("remove  range 0 fail allocation 4294967296", _AT_MOST),
    "allocations": ("add     memory blocks [0, 1) fail allocations from 99999999999999999999", _AT_MOST),
    "an order": ("add     device subsections [0, 1) fail order 99999999999999999999", _AT_MOST),
}


@pytest.mark.parametrize(("line", "says"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_replay_of_more_than_a_machine_has_is_refused(line: str, says: str) -> None:
    """In both forms, with the operation and what to do."""
    geometry, sequence = sequence_text.parse(line)
    forms = [line]
    if not re.search("[0-9]{20}", line):  # in JSON, a number of more than 64 bits is refused when it is read
        forms.append(replay_file.to_json(Replay(geometry, sequence)))
    for text in forms:
        with pytest.raises(SequenceError) as caught:
            replay_file.parse(text.encode(), "FILE")
        assert says in str(caught.value)
        assert f"FILE: {line}" == caught.value.where
        assert caught.value.to_fix


def test_replay_of_the_most_is_asked_of_both_machines() -> None:
    """The last memory of a machine, the largest shift and the largest indices fit a request, and are answered."""
    text = """\
        boot    section 8190 subsections [63, 99)
        add     memory blocks [8191, 8192)
        refuse  add device pages [268435455, 268435456)
        add     device subsections [0, 1) altmap reserve 9223372036854775808 free 99999999999999999999
        add     device subsections [0, 1) vmemmap_shift 52 fail order 4294967295
        init    range 4294967295
        remove  range 4294967295 fail allocations from 4294967295"""
    replay = replay_file.parse(text.encode(), "FILE")
    assert {96} == {len(encode(replay.geometry, operation)) for operation in replay.sequence}
    answered = [step is not None for step in steps(ReferenceMachine(replay.geometry), replay.sequence)]
    assert [True, True, True, False, False, True, True] == answered


def test_replay_with_tiny_pages_is_refused_where_it_takes_millions() -> None:
    """A geometry may have smaller pages than any kernel, and then memmap has more of them."""
    line = "add memory blocks [2, 514)"
    sizes = "geometry struct_page_bytes=56 page_shift={} section_shift=23 subsection_shift=16"
    replay_file.parse(f"{sizes.format(12)}\n{line}".encode(), "FILE")
    with pytest.raises(SequenceError, match="65536 pages of memmap"):
        replay_file.parse(f"{sizes.format(10)}\n{line}".encode(), "FILE")


def test_end_of_memory_is_that_of_the_programs() -> None:
    """Behind it lies the memory of the program itself."""
    (shift,) = re.findall(r"#define VMC_HOT_PAGES \(1UL << \((\d+) - PAGE_SHIFT\)\)", LAYOUT.read_text())
    assert 1 << int(shift) == MAX_MEMORY_BYTES
