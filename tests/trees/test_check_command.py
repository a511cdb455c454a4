# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck check`` on real trees: exit codes, formats, replay files, bad input, interruptions."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from junitparser import JUnitXml

from vmemcheck import replay_file
from vmemcheck.arches import find
from vmemcheck.cli import main
from vmemcheck.kernel.tree import Tree
from vmemcheck.operation import AddMemory, Remove
from vmemcheck.replay_file import Replay

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "reports" / "check.schema.json"
_CELL = ("--arch", "x86_64", "--examples", "60", "--jobs", "1")

newest = pytest.mark.newest_tree


def _options(tree: Tree, *more: str) -> list[str]:
    return ["check", "--tree", str(tree.root), *_CELL, *more]


def _replays(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


@newest
def test_check_formats_agree_and_replays_reproduce(
    tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A latent finding fails the run only with --latent; JSON fits its schema, JUnit is read; its file replays."""
    options = _options(tree, "--struct-page", "56", "--replays", str(tmp_path / "new" / "folder"))
    assert main([*options, "--format", "json"]) != 1
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, json.loads(SCHEMA.read_text()))
    assert main([*options, "--format", "json", "--latent"]) == 1
    capsys.readouterr()
    assert main([*options, "--format", "junit", "--latent"]) == 1
    suites = JUnitXml.fromstring(capsys.readouterr().out.encode())
    assert suites.failures + suites.errors > 0
    assert main([*options, "--latent"]) == 1
    text = capsys.readouterr().out
    files = _replays(tmp_path / "new" / "folder")
    assert files
    for file in files:
        assert file.name in text
        assert main(["replay", "--quiet", str(file), "--tree", str(tree.root)]) == 1
        assert "it still happens" in capsys.readouterr().out


@newest
def test_check_result_that_is_known_is_told_again_and_not_run(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second report is the first but for one line, its JSON has the same bytes; --no-cache runs the row."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    options = _options(tree, "--struct-page", "56", "--quiet", "--latent", "--replays", str(tmp_path / "replays"))
    reports = []
    for more in ((), (), ("--no-cache",), ("--format", "json"), ("--format", "json", "--no-cache")):
        assert main([*options, *more]) == 1
        reports.append(capsys.readouterr().out)
    (known,) = set(reports[1].split("\n")) - set(reports[0].split("\n"))
    assert known.startswith("cached    2 of 2 rows")
    assert [reports[0], reports[3]] == [reports[2], reports[4]]
    assert reports[0] == reports[1].replace(f"{known}\n", "")


def test_check_replay_on_a_corrected_tree_does_not_happen_any_more(
    tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What 5.10 does with a memory block of 56-byte struct pages is gone where x86 notes unused parts of leaves."""
    file = tmp_path / "leak.json"
    geometry = find("x86_64").page_sizes[0].geometry(56)
    file.write_text(replay_file.to_json(Replay(geometry, (AddMemory(0, 1), Remove(0)), "linux x86_64", "no-leak")))
    fixed = "vmemmap_use_sub_pmd" in tree.read("arch/x86/mm/init_64.c")
    assert main(["replay", "--quiet", str(file), "--tree", str(tree.root)]) == (0 if fixed else 1)
    expected = "it does not happen any more" if fixed else "it still happens"
    assert f"saved for no-leak: {expected}" in capsys.readouterr().out


@newest
def test_check_same_seed_gives_the_same_bytes_with_any_number_of_jobs(
    tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--jobs changes how long it takes and nothing else; another seed gives another run."""
    shown = []
    for more in (("--jobs", "1"), ("--jobs", "2"), ("--jobs", "2", "--seed", "1")):
        options = _options(tree, "--struct-page", "56", "--struct-page", "64", "--format", "json", *more)
        main([*options, "--replays", str(tmp_path)])
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]
    assert shown[0] != shown[2]


def test_check_sub_page_branch_runs_for_60_bytes_and_not_for_64(
    tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the tree has the branch for less than a page, 60 bytes take it with a sequence, 64 never do."""
    body = re.search(r"^remove_pte_table\(.*?^\}", tree.read("arch/x86/mm/init_64.c"), re.MULTILINE | re.DOTALL)
    assert body is not None
    sizes = ("--struct-page", "60", "--struct-page", "64", "--levels", "4")
    options = _options(tree, *sizes, "--replays", str(tmp_path))
    main([*options, "--format", "json"])
    cells = json.loads(capsys.readouterr().out)["cells"]
    cells = [cell for cell in cells if cell["memory_model"] == "sparse vmemmap"]
    counts = {cell["geometry"]["struct_page_bytes"]: cell.get("sub_page") for cell in cells}
    if "memset(" not in body[0]:
        assert not any(counts.values())
        return
    assert counts[60]["branch"] > 0
    assert counts[60]["sequence"]
    assert counts[64]["branch"] == 0
    assert counts[64]["loop"] > 0


@newest
def test_check_lets_allocations_fail_unless_told_not_to(
    tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What only a failing allocation shows is found by default; without such, x86 holds at 64 bytes."""
    options = _options(tree, "--struct-page", "64", "--levels", "4", "--examples", "300", "--format", "json")
    shown = []
    for more, code in (((), 1), (("--no-faults",), 0)):
        assert main([*options, *more, "--replays", str(tmp_path)]) == code
        shown.append(json.loads(capsys.readouterr().out))
    assert [data["scope"]["faults"] for data in shown] == [True, False]
    # Where the altmap was too small, memunmap_pages() warns of what stays in it: the same cause.
    found, without = [{one["invariant"] for one in data["findings"]} for data in shown]
    assert {"failed-add-undone"} == found - {"no-warning"}
    assert set() == without


@newest
@pytest.mark.parametrize(
    ("more", "key", "value"), [(("--subsection-shift", "22"), "subsection_shift", 22), (("--levels", "5"), "levels", 5)]
)
def test_check_bent_sizes_are_in_the_report(
    more: tuple[str, ...], key: str, value: int, tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cell has the size that was asked for, and no other."""
    main(_options(tree, "--struct-page", "64", *more, "--format", "json", "--replays", str(tmp_path)))
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert {value} == {cell["geometry"][key] for cell in cells}


@newest
@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--examples", "0"), "'0' is not a number from 1 up"),
        (("--jobs", "0"), "'0' is not a number of processes: use 1 to 1024"),
        (("--jobs", "1025"), "'1025' is not a number of processes"),
        (("--page-size", "64K"), "no architecture here has such pages; x86_64 has 4K"),
        (("--arch", "s390"), "there is no machine for s390"),
        (("--struct-page", "7"), "is not a size of struct page"),
        (("--struct-page", "66"), "66 is no multiple of 4"),
        (("--levels", "6"), "is not a number of levels"),
        (("--levels", "3"), "x86_64 4K has no page tables of 3 levels"),
        (("--arch", "arm64", "--page-size", "64K", "--levels", "4"), " has 3 there; use --levels 3"),
        (("--tree", "/proc"), "this is not a kernel tree"),
        (("--tree", "/does/not/exist"), "there is no such kernel tree"),
    ],
)
def test_check_bad_input_is_one_message(
    more: tuple[str, ...], says: str, tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be checked is no verdict, said once."""
    assert main(_options(tree, *more)) == 2
    shown = capsys.readouterr()
    assert ("", 1) == (shown.out, shown.err.count("error:"))
    assert says in shown.err


@newest
def test_check_struct_page_smaller_than_the_definition_has_no_verdict(
    tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    """A struct page into which its members do not fit is said to be too small."""
    assert main(_options(tree, "--struct-page", "48", "--latent")) == 2
    shown = capsys.readouterr()
    assert "no verdict" in shown.out
    assert "Traceback" not in shown.out + shown.err
    assert "no verdict: linux-" in shown.out
    assert "struct page of this tree is larger than the size that was asked for" in shown.out


@newest
@pytest.mark.parametrize("compiler", ["/bin/false", "/does/not/exist"])
def test_check_without_a_working_compiler_has_no_verdict(
    compiler: str, tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the compiler or what it was asked for; there is no traceback."""
    monkeypatch.setenv("CC", compiler)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(_options(tree, "--struct-page", "64")) == 2
    shown = capsys.readouterr()
    assert "compiler" in shown.err + shown.out
    assert "Traceback" not in shown.err + shown.out


@newest
def test_check_replays_folder_that_cannot_be_is_one_message(
    tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder below a file cannot be made: the message names it."""
    (tmp_path / "file").write_text("")
    assert main(_options(tree, "--struct-page", "56", "--replays", str(tmp_path / "file" / "below"))) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert str(tmp_path / "file") in shown.err


def _started(tree: Tree, cache: Path, *more: str, command: str = "check") -> "subprocess.Popen[str]":
    # What a shell starts in the background, tests as well, ignores Ctrl-C.
    heeding = ["env", "--default-signal=INT"]
    named = ["--tree", str(tree.root), "--arch", "x86_64", *more]
    command_line = [*heeding, sys.executable, "-m", "vmemcheck", command, *named]
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def _group(leader: int) -> list[int]:
    """Return the processes of a session, without its leader."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split() if folder.name.isdecimal() else []
        except OSError:
            continue
        if fields and int(fields[3]) == leader and int(folder.name) != leader and fields[0] != "Z":
            found.append(int(folder.name))
    return sorted(found)


def _until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


@newest
@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("check", ("--struct-page", "64", "--examples", "1000000", "--jobs", "2")),
        ("explore", ("--scope", "sections=2,faults,altmaps,uninitialised", "--jobs", "2")),
        ("explore", ("--scope", "sections=2,faults,altmaps,uninitialised", "--jobs", "1")),
    ],
    ids=["check", "explore with two jobs", "explore with one"],
)
def test_command_interrupted_leaves_nothing_behind(
    command: str, options: tuple[str, ...], tree: Tree, tmp_path: Path
) -> None:
    """Ctrl-C in the midst of the run: one line, exit code 130, no processes, no half of a file."""
    process = _started(tree, tmp_path, *options, command=command)
    jobs = int(options[-1])
    # So that they are at work: each process of an exploration has a program.
    wanted = 2 * jobs if command == "explore" and jobs > 1 else 1
    try:
        _until(lambda: list(tmp_path.glob("vmemcheck/programs/*/machine")) and len(_group(process.pid)) >= wanted)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (130, "", "interrupted: no verdict\n") == (process.returncode, out, err)
        _until(lambda: not _group(process.pid), 10)
    finally:
        for left in _group(process.pid):
            os.kill(left, signal.SIGKILL)
    assert [] == [path for path in tmp_path.rglob("*") if path.name.startswith(".partial-")]


@newest
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_command_that_is_ended_from_outside_leaves_no_process(how: signal.Signals, tree: Tree, tmp_path: Path) -> None:
    """Whoever cancels a job ends the command alone, and gives it no time; what it started goes with it."""
    process = _started(tree, tmp_path, "--struct-page", "64", "--examples", "1000000", "--jobs", "2")
    try:
        _until(lambda: list(tmp_path.glob("vmemcheck/programs/*/machine")) and len(_group(process.pid)) >= 2)
        process.send_signal(how)
        process.communicate(timeout=20)
        _until(lambda: not _group(process.pid), 10)
    finally:
        for left in _group(process.pid):
            os.kill(left, signal.SIGKILL)
    assert -how == process.returncode


@newest
def test_check_worker_that_is_killed_is_one_message(tree: Tree, tmp_path: Path) -> None:
    """When the system ends a worker there is no verdict, and the message says what to look for."""
    process = _started(tree, tmp_path, "--struct-page", "64", "--examples", "1000000", "--jobs", "1")
    try:
        _until(lambda: list(tmp_path.glob("vmemcheck/programs/*/machine")) and _group(process.pid))
        os.kill(_group(process.pid)[0], signal.SIGKILL)
        _, err = process.communicate(timeout=20)
        _until(lambda: not _group(process.pid), 10)
    finally:
        for left in _group(process.pid):
            os.kill(left, signal.SIGKILL)
    assert process.returncode == 2
    assert err.startswith("error: a process of this run was ended from outside\n")
    assert "Traceback" not in err
