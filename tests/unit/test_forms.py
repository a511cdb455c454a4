# SPDX-License-Identifier: GPL-2.0-or-later
"""Text and JSON forms: what cannot be read is named."""

import json
from pathlib import Path

import pytest

from vmemcheck import replay_file, sequence_text
from vmemcheck.errors import SequenceError
from vmemcheck.geometry import Geometry
from vmemcheck.operation import AddDevice, AddMemory, Boot, Remove, Second
from vmemcheck.replay_file import Replay

GOOD = json.loads(replay_file.to_json(Replay(Geometry(56), (AddDevice(0, 1), Remove(0)), "reference", "no-leak")))


def _changed(path: str, value: object) -> str:
    data = json.loads(json.dumps(GOOD))
    target = data
    *way, last = path.split(".")
    for key in way:
        target = target[int(key) if key.isdecimal() else key]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return json.dumps(data)


BAD_JSON = {
    "nothing": ("", "not JSON"),
    "half a file": ('{"format": "vmemcheck rep', "not JSON"),
    "deep nesting": ("[" * 100_000, "not JSON"),
    "a list": ("[]", "not a JSON object"),
    "another format": (_changed("format", "pcap"), "not a replay file"),
    "an unknown key": (_changed("color", "red"), "unknown key 'color'"),
    "no geometry": (_changed("geometry", None), "not a JSON object"),
    "no sequence": (_changed("sequence", None), "no list 'sequence'"),
    "an unknown operation": (_changed("sequence.0.operation", "plug"), "unknown operation 'plug'"),
    "an operation that is no name": (_changed("sequence.0.operation", ["add"]), "unknown operation"),
    "an unknown size": (_changed("geometry.color", 3), "unknown key 'color'"),
    "an impossible size": (_changed("geometry.page_shift", 99), "page shift 99"),
    "a text for a number": (_changed("sequence.0.count", "1"), "is not of type int"),
    "a truth value for a number": (_changed("sequence.0.count", True), "is not of type int"),
    "a huge number": (_changed("sequence.0.count", 1 << 70), "more than 64 bits"),
    "a negative start": (_changed("sequence.0.subsection", -1), "numbers start at 0"),
    "a missing field": (_changed("sequence.0.count", None), "'count' is missing"),
    "an altmap that is none": (_changed("sequence.0.altmap", 7), "not a JSON object"),
    "a second range that is none": (_changed("sequence.0.second", 7), "not a JSON object"),
    "a second range of nothing": (_changed("sequence.0.second", {"subsection": 1, "count": 0}), "counts at 1"),
    "a fault of no kind": (_changed("sequence.0.fault", {"kind": "cosmic", "value": 1}), "is not one of"),
    "a machine that is no name": (_changed("machine", 7), "not a string"),
}


@pytest.mark.parametrize(("text", "says"), BAD_JSON.values(), ids=BAD_JSON.keys())
def test_replay_file_that_cannot_be_read_says_why(text: str, says: str) -> None:
    """What is wrong with a replay file is named, with its place."""
    with pytest.raises(SequenceError) as caught:
        replay_file.from_json(text)
    assert says in f"{caught.value}"


BAD_TEXT = {
    "not an operation": "add device subsections",
    "a wrong bracket": "add device subsections [0, 1]",
    "an end before the start": "add device subsections [4, 2)",
    "a second range of a memory block": "add memory blocks [0, 1) and [2, 3)",
    "a second range without an end": "add device subsections [0, 1) and [2)",
    "a second range that is empty": "add device subsections [0, 1) and [2, 2)",
    "a negative number": "remove range -1",
    "too many digits": "remove range " + "1" * 30,
    "digits of another script": "remove range \u0661",
    "an unknown size": "geometry colour=3",
    "an impossible size": "geometry page_shift=99",
    "a size twice": "geometry page_shift=12 page_shift=12",
    "the geometry after an operation": "remove range 0\ngeometry page_shift=12",
    "allocation zero": "add memory blocks [0, 1) fail allocation 0",
}


@pytest.mark.parametrize("text", BAD_TEXT.values(), ids=BAD_TEXT.keys())
def test_sequence_text_that_cannot_be_read_names_the_line(text: str) -> None:
    """The line that is no operation is shown with its number, and what to write instead."""
    with pytest.raises(SequenceError) as caught:
        sequence_text.parse(f"# a comment\n\n{text}")
    assert "line 3" in caught.value.where or "line 4" in caught.value.where
    assert caught.value.to_fix


def test_sequence_text_comments_and_blanks_do_not_matter() -> None:
    """Lines may be indented, spaced and commented as people like."""
    text = "  boot   section 1  subsections [0,64)\n# nothing\nadd memory blocks [2, 3) memmap_on_memory # yes\n"
    assert (Geometry(), (Boot(1, 0, 64), AddMemory(2, 1, memmap_on_memory=True))) == sequence_text.parse(text)


def test_sequence_text_line_with_a_backslash_goes_on() -> None:
    """Mail has short lines; the last line may not lose its beginning."""
    text = "geometry struct_page_bytes=72 \\\n  section_shift=23\nadd memory \\\nblocks [2, 3) \\\n memmap_on_memory\\"
    geometry, sequence = sequence_text.parse(text)
    assert (72, 23) == (geometry.struct_page_bytes, geometry.section_shift)
    assert (AddMemory(2, 1, memmap_on_memory=True),) == sequence
    with pytest.raises(SequenceError, match="line 3: fill the disk"):
        sequence_text.parse("fill \\\n the disk \\\n")


def test_sequence_text_geometry_line_changes_what_it_names() -> None:
    """Sizes that the line leaves out are the usual ones; the memory block follows the section."""
    geometry, _ = sequence_text.parse("geometry struct_page_bytes=72 section_shift=23 table_shift=5")
    assert Geometry(72, section_shift=23, table_shift=5) == geometry
    assert geometry.memory_block_shift == 23


def test_replay_file_of_a_device_with_two_ranges_or_private_memory_reads_back() -> None:
    """The second range stands in both forms, and so does the kind of memory."""
    sequence = (
        AddDevice(4, 2, vmemmap_shift=9, second=Second(0, 1)),
        AddDevice(8, 1, second=Second(9, 1), private=True),
        AddDevice(10, 1, private=True),
    )
    text = sequence_text.sequence_to_text(sequence)
    assert [
        "add     device subsections [4, 6) and [0, 1) vmemmap_shift 9",
        "add     device subsections [8, 9) and [9, 10) private",
        "add     device subsections [10, 11) private",
    ] == text.splitlines()
    assert sequence == sequence_text.parse(text)[1]
    assert sequence == replay_file.from_json(replay_file.to_json(Replay(Geometry(), sequence))).sequence


def test_replay_file_loads_both_forms(tmp_path: Path) -> None:
    """A file may hold JSON or text."""
    path = tmp_path / "file"
    path.write_text(json.dumps(GOOD))
    assert (AddDevice(0, 1), Remove(0)) == replay_file.load(path).sequence
    path.write_text("add device subsections [0, 1)\nremove range 0\n")
    assert (AddDevice(0, 1), Remove(0)) == replay_file.load(path).sequence


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"#" * (replay_file.MAX_BYTES + 1)], ids=["not text", "too long"])
def test_replay_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    """Binary and endless files are refused with the name of the file."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(SequenceError) as caught:
        replay_file.load(path)
    assert str(path) in caught.value.where
