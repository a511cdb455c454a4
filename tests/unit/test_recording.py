# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings: what is read, and what is refused with the name of the key."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from vmemcheck import recording
from vmemcheck.cli import main
from vmemcheck.errors import RecordingError

RECORDINGS = Path(__file__).parents[1] / "trees" / "recordings"
ADD = {"function": "sparse_add_section", "pfn": "0x10000", "nr_pages": "0x8000"}
SMALL: dict[str, Any] = {
    "kernel": "6.12.117",
    "architecture": "x86_64",
    "levels": 4,
    "page_shift": 12,
    "struct_page_bytes": 64,
    "pages_per_section": 32768,
    "pages_per_subsection": 512,
    "vmemmap_base": "0xffffea0000000000",
    "steps": [{"operation": "boot", "mapped": []}, {"operation": None, "calls": [ADD]}],
}


def parsed(data: object) -> recording.Recording:
    """Read a JSON value as a recording."""
    return recording.parse(json.dumps(data).encode(), "file")


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.json")), ids=lambda path: path.stem)
def test_recording_of_a_kernel_is_read_whole(path: Path) -> None:
    """No step and no call is lost, and the sizes are those of the file."""
    data, read = json.loads(path.read_text()), recording.load(path)
    assert [len(step["calls"]) for step in data["steps"]] == [len(step.calls) for step in read.steps]
    assert (data["kernel"], data["levels"]) == (read.kernel, read.levels)
    assert [[[f"{span.start:#x}", f"{span.stop:#x}"] for span in step.mapped or ()] for step in read.steps] == [
        step["mapped"] for step in data["steps"]
    ]


def test_recording_reads_what_a_call_has() -> None:
    """Numbers are numbers or text; an error that a register shows is negative; unknown keys are left alone."""
    fields = {"base": "0x10000", "end": "0x17fff", "reserve": 2, "free": "0x1fe", "align": "0x0", "alloc": "7"}
    call = ADD | {"returned": "0xfffffff4", "altmap": 3, "altmap_fields": fields, "cpu": 1}
    call |= {"pgmap": {"type": "4", "shift": "9"}}
    (read,) = parsed(SMALL | {"note": 1, "steps": [SMALL["steps"][0], {"calls": [call]}]}).steps[1].calls
    altmap = recording.RecordedAltmap(3, 0x10000, 0x17FFF, 2, 0x1FE, 0, 7)
    assert recording.RecordedCall("sparse_add_section", 0x10000, 0x8000, -12, altmap, 9) == read


def test_recording_reads_an_oops() -> None:
    """The address and the place are kept."""
    step = {"operation": "unbind", "rc": "139", "oops": {"address": "0x88", "pc": "memunmap_pages+0xbc/0x3b0"}}
    read = parsed(SMALL | {"steps": [SMALL["steps"][0], step]}).steps[1]
    assert recording.Oops(0x88, "memunmap_pages+0xbc/0x3b0") == read.oops


def changed(path: tuple[Any, ...], value: object) -> dict[str, Any]:
    """Return the small recording with one value changed; None takes it out."""
    data = copy.deepcopy(SMALL)
    place: Any = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


CALL = ("steps", 1, "calls", 0)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("architecture",), None, "the key 'architecture' is missing"),
        (("architecture",), 5, "architecture: it is not a string"),
        (("levels",), True, "levels: 'True' is not a whole number"),
        (("levels",), 9, "levels: 9 is not between 2 and 5"),
        (("page_shift",), 1.5, "page_shift: '1.5' is not a whole number"),
        (("pages_per_section",), 1000, "pages_per_section: 1000 is not a power of two"),
        (("pages_per_subsection",), 65536, "pages_per_subsection: a subsection is not larger than a section"),
        (("vmemmap_base",), "0xffffea0000000001", "vmemmap_base: the address of the struct page of pfn 0"),
        (("vmemmap_base",), "0x1ffffea0000000000", "vmemmap_base: the number has more than 64 bits"),
        (("steps",), {}, "steps: it is not a list"),
        (("steps",), [], "the recording has no steps"),
        (("steps", 0), {"operation": "boot"}, "the first step is not the state after boot"),
        (("steps", 0), 7, "steps[0]: it is not a JSON object"),
        (("steps", 0, "mapped"), [["0x2000", "0x1000"]], "steps[0].mapped[0]: ranges are not empty"),
        (("steps", 0, "mapped"), [["0x1000"]], "steps[0].mapped[0]: a range is [start, end]"),
        (("steps", 0, "leaves"), {"huge": 1}, "steps[0].leaves.huge: a leaf is named by its size"),
        (("steps", 0, "leaves"), {"2M": -1}, "steps[0].leaves.2M: -1 is negative"),
        (("steps", 1, "oops"), "yes", "steps[1].oops: it is not a JSON object"),
        ((*CALL, "function"), "vmemmap_remap_free", "unknown function 'vmemmap_remap_free'"),
        ((*CALL, "pfn"), "-5", "steps[1].calls[0].pfn: -5 is negative"),
        ((*CALL, "pfn"), None, "the key 'pfn' is missing"),
        ((*CALL, "pfn"), "0x", "steps[1].calls[0].pfn: '0x' is not a whole number"),
        ((*CALL, "pfn"), "9" * 5000, "is not a whole number"),
        ((*CALL, "nr_pages"), 0, "steps[1].calls[0].nr_pages: the range is empty"),
        ((*CALL, "nr_pages"), 0x8001, "sparse_add_section() stays within one section"),
        ((*CALL, "returned"), "no", "steps[1].calls[0].returned: 'no' is not a whole number"),
        ((*CALL, "altmap"), 0, "steps[1].calls[0].altmap_fields: it is not a JSON object"),
        ((*CALL, "pgmap"), {"shift": 65}, "steps[1].calls[0].pgmap.shift: it is log2"),
    ],
)
def test_recording_with_a_wrong_value_is_refused_by_its_key(path: tuple[Any, ...], value: object, says: str) -> None:
    """One message names the key; nothing else is raised."""
    with pytest.raises(RecordingError) as raised:
        parsed(changed(path, value))
    assert says in str(raised.value)
    assert "file" in raised.value.where


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (json.dumps(SMALL).encode()[:-9], "the recording is not JSON"),
        (b"", "the recording is not JSON"),
        (b"\xff\xfe", "the recording is not UTF-8 text"),
        (b"[" * 100000, "the recording is not JSON"),
        (b"[]", "the file: it is not a JSON object"),
        (b" " * (recording.MAX_BYTES + 1), "the recording is longer than 64 MiB"),
        (json.dumps(changed(("steps", 1, "calls"), [ADD] * 4001)).encode(), "4001 calls"),
    ],
)
def test_recording_that_is_none_is_refused(raw: bytes, says: str) -> None:
    """Damaged, foreign and huge files are one message."""
    with pytest.raises(RecordingError) as raised:
        recording.parse(raw, "file")
    assert says in str(raised.value)


def test_trace_command_refuses_a_bad_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with exit code 2 and names the file, before any tree is looked at."""
    path = tmp_path / "bad.json"
    path.write_text("{}")
    assert main(["trace", str(path), "--tree", str(tmp_path)]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.startswith("error: the key 'steps' is missing\n")) == ("", True)
    assert f"{path}: the file" in shown.err
    assert main(["trace", str(tmp_path / "absent.json"), "--tree", str(tmp_path)]) == 2
    assert "No such file" in capsys.readouterr().err


def test_trace_command_refuses_an_unknown_architecture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The architecture of the recording is checked."""
    path = tmp_path / "vax.json"
    path.write_text(json.dumps(SMALL | {"architecture": "vax"}))
    assert main(["trace", str(path), "--tree", str(tmp_path)]) == 2
    assert "unknown architecture 'vax'" in capsys.readouterr().err
