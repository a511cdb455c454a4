# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck replay``, the drawing, and the text of a finding."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.negative.variants import SUB_PAGE, SUB_PMD, WHOLE_PMD, FreesLeafUnasked, with_part
from vmemcheck import replay_file, sequence_text
from vmemcheck.cli import main
from vmemcheck.commands import replay as replay_command
from vmemcheck.engine import check, steps
from vmemcheck.geometry import Geometry
from vmemcheck.operation import AddDevice, AddMemory, Initialise, Remove, Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.reference.vmemmap import Vmemmap
from vmemcheck.replay_file import Replay
from vmemcheck.reports.drawing import draw, plain
from vmemcheck.reports.finding import finding_text

GOLDEN = Path(__file__).parent / "golden"


def drawn(machine: ReferenceMachine, sequence: Sequence) -> list[str]:
    """Return the drawing after the last operation."""
    *_, step = [step for step in steps(machine, sequence) if step]
    return [line for row in draw(step) for line in plain(row).split("\n")]


def test_drawing_shows_used_unused_and_unmapped_parts() -> None:
    """A leaf has a used and an unused part; PTE pages stand in a row that is otherwise unmapped."""
    expected = [
        "  0x00000000 |LLLLLLLLLLLLLLLLLLLLLLLLLLLLuuuu|  0 memory [0, 4)",
        "  0x00020000 |..........ppppppp...............|  1 device [6, 7) new",
    ]
    assert expected == drawn(ReferenceMachine(SUB_PMD), (AddMemory(0, 1), AddDevice(6, 1), Initialise(0)))


def test_drawing_shows_shared_pages_of_two_ranges_and_of_tails() -> None:
    """A page with memmap of two ranges, and the shared tail pages of a compound page, are marked."""
    two = drawn(ReferenceMachine(SUB_PAGE), (AddDevice(0, 1), AddDevice(1, 1)))
    assert two[0].split("|")[1].startswith("s.")
    compound = drawn(ReferenceMachine(WHOLE_PMD), (AddDevice(0, 1, vmemmap_shift=9),))
    assert compound[0].split("|")[1].startswith("psssssss.")


def test_drawing_shows_leaks_and_holes() -> None:
    """What is mapped for nothing and what is missing is marked."""
    holed = drawn(with_part(FreesLeafUnasked)(SUB_PMD), (AddMemory(0, 1), AddMemory(1, 1), Remove(1)))
    assert holed[0].split("|")[1] == "X" * 28 + "." * 4
    leaking = drawn(with_part(KeepsMapping)(WHOLE_PMD), (AddMemory(0, 1), AddMemory(1, 1), Remove(0)))
    assert [line.split("|")[1] for line in leaking] == ["!" * 32, "L" * 32]


class KeepsMapping(Vmemmap):
    """Never unmaps what it frees."""

    def free(self, span: range) -> None:
        """Do nothing."""


@pytest.mark.parametrize("geometry", [Geometry(64, 16, 29, 21, 13), Geometry(64, 14, 27, 21, 11), Geometry(72)])
def test_drawing_fits_80_columns(geometry: Geometry) -> None:
    """Whatever the sizes, a row has at most 80 columns; with large pages a row is one section."""
    machine = ReferenceMachine(geometry)
    last = geometry.subsections_per_section
    sequence = (AddMemory(0, 1), AddDevice(last, 3), AddDevice(last + 5, 1), AddMemory(4, 1), AddMemory(9, 3))
    lines = drawn(machine, sequence)
    assert len(lines) >= 4
    assert max(map(len, lines)) <= 80


def test_finding_text_is_the_golden_one() -> None:
    """The report of a finding: verdict, sequence, reason with place, and the lines to replay it."""
    machine = with_part(FreesLeafUnasked)(SUB_PMD)
    finding = check(machine, (AddMemory(0, 1), Initialise(0), AddMemory(1, 1), Remove(1)))
    assert finding is not None
    text = finding_text(finding, "reference") + "\n"
    assert (GOLDEN / "finding.txt").read_text() == text


def test_finding_text_lines_can_be_pasted_and_replayed() -> None:
    """The last lines of a finding are a replay file."""
    machine = with_part(FreesLeafUnasked)(SUB_PMD)
    finding = check(machine, (AddMemory(0, 1), AddMemory(1, 1), Remove(1)))
    assert finding is not None
    _, _, lines = finding_text(finding, "reference").partition("vmemcheck replay FILE\n")
    assert (SUB_PMD, finding.sequence) == sequence_text.parse(lines)


def test_replay_draws_each_operation_and_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each operation is shown with its outcome and the vmemmap after it."""
    path = tmp_path / "replay.json"
    sequence = (Remove(0), AddMemory(0, 1), AddMemory(0, 1), Remove(0))
    path.write_text(replay_file.to_json(Replay(SUB_PMD, sequence, "some kernel", "no-leak")))
    assert main(["replay", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "saved for no-leak, violated on some kernel" in shown
    assert "remove  range 0   skipped" in shown
    assert "error -17 (EEXIST)" in shown
    assert "nothing is mapped" in shown
    assert shown.endswith("holds     3 operations, 1 skipped, reference machine\n")


def test_replay_of_a_violation_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a broken machine the finding is printed and the exit code is 1."""
    monkeypatch.setattr(replay_command, "ReferenceMachine", with_part(FreesLeafUnasked))
    path = tmp_path / "replay.txt"
    operations = "add memory blocks [0, 1)\nadd memory blocks [1, 2)\nremove range 0\n"
    path.write_text(f"{sequence_text.geometry_to_text(SUB_PMD)}\n{operations}")
    assert main(["replay", "--quiet", str(path)]) == 1
    assert capsys.readouterr().out.startswith("violated  memmap-mapped")


BAD_FILES = {
    "a folder": (None, "Is a directory"),
    "nothing": (b"", "no operation of the sequence applies"),
    "binary": (b"\x80\x81", "not UTF-8 text"),
    "half of a JSON file": (b'{"format": "vmem', "not JSON"),
    "another text": (b"From: someone\n", "not an operation"),
    "a range without end": (b"add device subsections [0, 99999999999999999999)", "more than 256 MiB of memmap"),
    "a request without end": (b"refuse add device pages [1, 99999999999999999999)", "more than 256 MiB of memmap"),
    "sections without end": (b"geometry section_shift=60\nboot section 0 subsections [0, 1)", "more than 256 MiB"),
    "memory without end": (b"refuse add memory pages [99999999999999999990, 99999999999999999991)", "beyond the 1 TiB"),
    "a compound page without end": (b"add device subsections [0, 1) vmemmap_shift 99999999999999999999", "at most 52"),
    "too many operations": (b"remove range 0\n" * 1001, "1001 operations"),
    "an absurd struct page": (b"geometry struct_page_bytes=70000\n", "struct page of 70000 bytes"),
    "only what does not apply": (b"remove range 0\n", "no operation of the sequence applies"),
}


@pytest.mark.parametrize(("content", "says"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_replay_of_a_bad_file_is_an_error(
    content: bytes | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be replayed ends with a message and 2."""
    path = tmp_path / "file"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert main(["replay", "--quiet", str(path)]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert "Traceback" not in shown.err


def test_replay_of_a_missing_file_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The name of the file stands in the message."""
    assert main(["replay", "/does/not/exist"]) == 2
    assert "/does/not/exist" in capsys.readouterr().err


def test_replay_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A dash stands for standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"add device subsections [0, 1)\n")))
    assert main(["replay", "-q", "-"]) == 0
    assert capsys.readouterr().out.startswith("holds")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["prove"], ["--help"], ["replay", "--help"]])
def test_command_on_a_full_disk_says_so(arguments: list[str], unbuffered: str) -> None:
    """A full disk ends in one message and exit code 2, without a traceback, however Python buffers its output."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "vmemcheck", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        )
    assert (2, "error: No space left on device: standard output\n") == (done.returncode, done.stderr)


def test_command_whose_reader_leaves_is_quiet() -> None:
    """``vmemcheck prove | head -1`` ends without a traceback."""
    code = f"{sys.executable} -m vmemcheck prove --steps --format json | head -c 1"
    done = subprocess.run(["sh", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{", "")


def test_command_interrupted_ends_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C gives no verdict and no traceback."""

    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(replay_command, "run", interrupt)
    assert main(["replay", "x"]) == 130
    assert capsys.readouterr().err == "interrupted: no verdict\n"
