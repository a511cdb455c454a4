# SPDX-License-Identifier: GPL-2.0-or-later
"""The reports of ``vmemcheck check``: text, JSON, JUnit."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.negative.variants import FreesNeighboursPage
from tests.unit.check_results import (
    BENT,
    BLOCKS,
    DEVICES,
    EMPTY,
    FAILED_ADD,
    HOLDING,
    LATENT,
    LEAF,
    MIXED,
    NAMES,
    NO_VERDICT,
    OF_BOOT,
    RESULTS,
    UNREACHABLE,
    VACUOUS,
    cell,
    found,
    replays,
    result,
    vacuous,
    without_verdict,
)
from vmemcheck.check import CheckResult
from vmemcheck.invariant import Problem, Verdict
from vmemcheck.observation import Location
from vmemcheck.operation import Action, AddDevice, AddMemory, Boot, Door, Fault, FaultKind, Refused
from vmemcheck.reports import terminal
from vmemcheck.reports.check_finding import cause_lines, tree_arguments
from vmemcheck.reports.check_json import check_json
from vmemcheck.reports.check_junit import check_junit
from vmemcheck.reports.check_text import check_text
from vmemcheck.reports.check_words import door_words, overall, printable, scope_words
from vmemcheck.scope import Scope

GOLDEN = Path(__file__).parent / "golden"
EVERY = pytest.mark.parametrize("checked", RESULTS.values(), ids=RESULTS.keys())


def text_of(checked: CheckResult, *, latent: bool = False) -> str:
    """Return the report as text."""
    return check_text(checked, replays(checked), latent=latent)


GOLDENS = {
    "check_holds.txt": lambda: text_of(HOLDING),
    "check_mixed.txt": lambda: text_of(MIXED),
    "check_latent.txt": lambda: text_of(LATENT, latent=True),
    "check_mixed.json": lambda: check_json(MIXED, replays(MIXED)),
    "check_mixed.xml": lambda: check_junit(MIXED, replays(MIXED), latent=False),
}


@pytest.mark.parametrize("name", GOLDENS)
def test_report_is_the_golden_file(name: str) -> None:
    """Every byte of a report is as it was approved."""
    assert (GOLDEN / name).read_text() == GOLDENS[name]() + "\n"


LAST_LINES = {
    "holds": (HOLDING, False, "holds     no violation in 1200 sequences, seed 7; 4 rows: 4 holds"),
    "cannot occur": (
        LATENT,
        False,
        "holds     no violation in 300 sequences, seed 7; 1 finding cannot occur; 2 rows: 1 holds, 1 violated",
    ),
    "latent": (LATENT, True, "violated  1 finding cannot occur; 2 rows: 1 holds, 1 violated"),
    "mixed": (
        MIXED,
        False,
        "violated  1 finding can occur, 1 cannot; 7 rows: 2 holds, 3 violated, 1 vacuous, 1 no verdict",
    ),
    "vacuous": (VACUOUS, False, "vacuous   2 rows: 1 holds, 1 vacuous"),
    "no verdict": (NO_VERDICT, False, "no verdict 2 rows: 1 vacuous, 1 no verdict"),
    "unreachable": (UNREACHABLE, False, "no verdict none of 2 rows can occur in this tree"),
    "unreachable, latent": (UNREACHABLE, True, "no verdict 2 rows: 1 vacuous, 1 no verdict"),
    "empty": (EMPTY, True, "no verdict none of 0 rows can occur in this tree"),
}


@pytest.mark.parametrize(("checked", "latent", "last"), LAST_LINES.values(), ids=LAST_LINES.keys())
def test_text_ends_with_verdict_counts_and_what_to_do(checked: CheckResult, latent: bool, last: str) -> None:
    """The verdict is the one of the exit code, with the counts of the rows; then comes what to do."""
    *_, final = text_of(checked, latent=latent).split("\n\n")
    verdict, _, more = final.partition("\n")
    assert last == verdict
    assert more.startswith("next      ")
    assert overall(checked, latent=latent).exit_code == checked.exit_code(latent=latent)


NEXT = {
    "holds": (HOLDING, "--examples 3000, --seed 8, --faults"),
    "holds with faults": (LATENT, "--examples 3000, --seed 8"),
    "violated": (MIXED, "replay finding 1, which draws the vmemmap after each operation"),
    "vacuous": (VACUOUS, "--examples 1200"),
    "no verdict": (NO_VERDICT, "or choose rows: --arch, --page-size, --struct-page"),
    "unreachable": (UNREACHABLE, "--latent counts all rows"),
}


@pytest.mark.parametrize(("checked", "ends"), NEXT.values(), ids=NEXT.keys())
def test_text_says_what_to_do_next(checked: CheckResult, ends: str) -> None:
    """Each verdict has a next step of its own."""
    assert " ".join(text_of(checked).split()).endswith(ends)


@EVERY
def test_text_has_one_row_for_each_cell_and_each_cause_once(checked: CheckResult) -> None:
    """Nothing is left out of the table and of the findings, and what cannot occur comes last."""
    lines = text_of(checked).split("\n")
    rows = [
        line for line in lines if re.search(r" can(not)? occur( |$)", line) and re.match(r"[a-z0-9_]+ +\d+K ", line)
    ]
    assert len(checked.cells) == len(rows)
    for one, row in zip(checked.cells, rows, strict=True):
        assert [one.cell.arch, str(one.cell.geometry.struct_page_bytes)] == [row.split()[0], row.split()[2]]
        assert one.verdict.value in row
        numbers = [number for number, cause in enumerate(checked.causes, start=1) if one.cell in cause.cells]
        assert list(map(str, numbers)) == row.partition(" occur")[2].split()
    assert [f"finding {number}" for number in range(1, len(checked.causes) + 1)] == [
        line for line in lines if line.startswith("finding ")
    ]


@pytest.mark.parametrize("latent", [False, True])
def test_text_says_whether_what_cannot_occur_fails_the_run(latent: bool) -> None:
    """A heading stands before the findings that cannot occur, once."""
    shown = " ".join(text_of(MIXED, latent=latent).split())
    _, heading, after = shown.partition("These findings cannot occur in this tree. They ")
    assert heading
    assert after.startswith("fail the run, as" if latent else "do not fail the run, unless --latent is given.")
    assert after.count("violated memmap-mapped") == shown.count("violated memmap-mapped") - 1 == 1


def is_free(line: str) -> bool:
    """Tell whether a line may have any length: a command to paste, a name or path that is one word."""
    return line.startswith(("replay ", "from ", "    at ")) or len(line.split()) == 1


@pytest.mark.parametrize("latent", [False, True])
@EVERY
def test_text_fits_its_columns(checked: CheckResult, latent: bool) -> None:
    """Rows, operations and the verdict have at most 100 columns, prose 80."""
    rows = re.compile(r"[a-z0-9_]+ +\d+K |architecture |    not met:|violated |holds |vacuous |  (add|remove|boot) ")
    message = "\n".join(one.error for one in checked.cells)
    for line in text_of(checked, latent=latent).split("\n"):
        limit = 100 if rows.match(line) or line.strip() in message else 80
        assert len(line) <= limit or is_free(line), line


def test_text_wraps_rows_that_would_be_too_wide() -> None:
    """Two dozen findings of a row, all marks missing and a long message still fit; nothing but the message is cut."""
    error = "no such name in the tree; " * 9
    leaf = found(LEAF, cell("loongarch64", "4K", 56), BLOCKS)
    cells = (vacuous(cell("loongarch64", "64K", 96), NAMES), without_verdict(cell("arm64", "64K", 1024), error), leaf)
    checked = result(*cells)
    (cause,) = checked.causes
    shown = text_of(replace(checked, causes=tuple(replace(cause) for _ in range(24))))
    table = shown.split("\n\n")[1].split("\n")
    assert max(map(len, table)) <= 100
    words = " ".join(table).split()
    assert {*map(str, range(1, 25)), *(f"{name}," for name in NAMES[:-1]), NAMES[-1], "..."} <= set(words)
    assert f"no verdict: {error}" in shown


@EVERY
def test_reports_never_say_safe(checked: CheckResult) -> None:
    """No search shows that."""
    for shown in (text_of(checked), check_json(checked, {}), check_junit(checked, {}, latent=True)):
        assert "safe" not in shown.lower()


REACHABLE = {
    "device": (MIXED, "yes: sizeof(struct page) = 64 occurs in this tree; by device ranges (ZONE_DEVICE), which may be"
               " 2 MiB (subsection) aligned"),
    "memory": (LATENT, "no: sizeof(struct page) = 56 cannot occur in this tree; by any memory block"),
    "boot": (OF_BOOT, "yes: sizeof(struct page) = 64 occurs in this tree; by memory that was there at boot"),
    "failing": (FAILED_ADD, "yes: sizeof(struct page) = 64 occurs in this tree; by device ranges (ZONE_DEVICE), which"
                " may be 2 MiB (subsection) aligned, when an allocation fails"),
    "bent": (BENT, "no: SUBSECTION_SHIFT is 20 here, 21 in the kernel; by any memory block"),
}  # fmt: skip


@pytest.mark.parametrize(("checked", "says"), REACHABLE.values(), ids=REACHABLE.keys())
def test_finding_says_whether_it_can_occur_and_by_which_door(checked: CheckResult, says: str) -> None:
    """The size of struct page, and the narrowest door that the sequence needs."""
    lines = " ".join(" ".join(cause_lines(checked, checked.causes[0], "")).split())
    assert lines.endswith(f"reachable {says}")


def test_door_of_a_sequence_without_memory_is_a_request() -> None:
    """A request that is refused needs no memory at all."""
    (cause,) = OF_BOOT.causes
    finding = replace(cause.finding, sequence=(Refused(Action.ADD, Door.MEMORY, 0, 1),))
    assert door_words(finding) == "by a request that is not valid"


def test_finding_names_the_other_cells_and_quotes_its_replay() -> None:
    """Cells of one page size stand together; the command can be pasted."""
    cells = [cell("arm64", "64K", 64), cell("arm64", "64K", 72, reachable=False), cell("arm64", "16K", 64)]
    checked = result(*(found(FreesNeighboursPage, one, DEVICES) for one in cells))
    (cause,) = checked.causes
    lines = cause_lines(checked, cause, "my replays/1.json")
    shown = " ".join(" ".join(lines).split())
    assert "also in 64K pages, struct page (72); 16K pages, struct page 64 ( ) cannot occur" in shown
    assert lines[-1] == "replay    vmemcheck replay 'my replays/1.json' --tree /trees/linux-1.2.3"


ORIGINS = {
    "/trees/my linux": "--tree '/trees/my linux'",
    "/trees/linux at 0123456789ab": "--tree /trees/linux",
    "/trees/linux at 0123456789ab with local changes": "--tree /trees/linux",
    "/trees/linux at v1.2.3 (0123456789ab)": "--tree /trees/linux --rev 0123456789ab",
    "/trees/my linux at v1.2.3 (0123456789ab)": "--tree '/trees/my linux' --rev 0123456789ab",
    "a form that is not known": "--tree linux-1.2.3",
}


@pytest.mark.parametrize(("origin", "options"), ORIGINS.items())
def test_replay_names_the_same_tree(origin: str, options: str) -> None:
    """The folder, or the repository and the revision, as the shell needs them."""
    assert options == tree_arguments(replace(HOLDING, origin=origin))


def test_door_tells_a_failing_allocation_from_a_large_block_that_is_not_to_be_had() -> None:
    """The fallback to base pages is no failure of the request."""
    (cause,) = FAILED_ADD.causes
    words = "by device ranges (ZONE_DEVICE), which may be 2 MiB (subsection) aligned, when"
    for operations in ((Boot(0, 0, 1), AddMemory(1, 1), AddDevice(0, 1)), (Boot(0, 0, 1), AddMemory(1, 1))):
        door = "device ranges" if len(operations) == 3 else "any memory block"
        assert door_words(replace(cause.finding, sequence=operations)).startswith(f"by {door}")
    for fault, says in (
        (Fault(FaultKind.NTH, 5), "an allocation fails"),
        (Fault(FaultKind.ORDER, 0), "an allocation fails"),
        (Fault(FaultKind.ORDER, 1), "no large block is to be had"),
    ):
        finding = replace(cause.finding, sequence=(AddDevice(0, 65, fault=fault), AddDevice(66, 1)))
        assert f"{words} {says}" == door_words(finding)


def test_finding_shows_the_cell_that_its_sequence_is_from() -> None:
    """The sizes in the first line are those of the sequence; the first cell of the cause may be another."""
    cells = [cell("arm64", "64K", 72, reachable=False), cell("arm64", "64K", 64)]
    checked = result(*(found(FreesNeighboursPage, one, DEVICES) for one in cells))
    lines = cause_lines(checked, checked.causes[0], "")
    assert lines[0] == "violated  memmap-mapped   arm64 64K pages, struct page 64, linux-1.2.3"
    assert "also in   64K pages, struct page (72)   ( ) cannot occur" in lines
    bent = cause_lines(BENT, BENT.causes[0], "")
    assert bent[0] == "violated  memmap-mapped   x86_64 4K pages, struct page 56, SUBSECTION_SHIFT 20, linux-1.2.3"


def test_finding_keeps_places_whole_and_says_how_many_more_there_are() -> None:
    """A place in the source is one line, however long, and nothing in a finding reaches the terminal unescaped."""
    (cause,) = FAILED_ADD.causes
    (violation, *others) = cause.finding.violations
    where = Location(f"arch/arm64/{'long/' * 14}\x1bmmu.c", 888, "unmap_hotplug_pmd_range")
    changed = replace(violation, problems=(Problem("one word " + 90 * "x", where),), more=7)
    finding = replace(cause.finding, violations=(changed, *others))
    lines = cause_lines(FAILED_ADD, replace(cause, finding=finding), "")
    assert printable(f"    at {where}") in lines
    assert "    " + 90 * "x" in lines
    assert "  and 7 more of the same kind" in lines


def test_text_says_each_message_and_each_heading_once() -> None:
    """Two rows with one message, and two findings that cannot occur."""
    cells = [without_verdict(cell("arm64", "4K", size)) for size in (64, 80)]
    cells += [found(LEAF, cell(arch, "4K", 56, reachable=False), BLOCKS) for arch in ("x86_64", "riscv64")]
    shown = text_of(result(*cells))
    assert shown.count("no verdict: arm64: the slice needs") == 1
    assert (2, 1) == (shown.count("\nfinding "), shown.count("These findings cannot occur"))


def test_text_says_how_many_rows_were_known() -> None:
    """And how to run them again; machines are told the same as if they had run."""
    cells = [replace(one, cached=True) for one in MIXED.cells]
    some = replace(MIXED, cells=(*cells[:3], *MIXED.cells[3:]))
    says = f"cached    3 of {len(cells)} rows: their results were known; --no-cache runs them again"
    assert [says] == [line for line in text_of(some).split("\n") if line not in text_of(MIXED).split("\n")]
    assert check_json(some, {}) == check_json(MIXED, {})


def test_text_without_rows_has_no_table() -> None:
    """A head without rows would only puzzle."""
    assert "architecture" not in text_of(EMPTY)


def test_scope_says_what_is_in_and_what_is_left_out() -> None:
    """Each field of a scope is on one of the two sides."""
    assert "without" not in scope_words(Scope())
    bare = Scope(
        1,
        boot=False,
        faults=False,
        fallback=False,
        altmaps=False,
        compound=False,
        pairs=False,
        private=False,
        refusals=False,
    )
    without = "boot memory, fallback to base pages, altmaps, compound devmaps, devices of two ranges"
    without += ", private memory of devices, requests that must be refused"
    assert f"ranges in 1 section; without {without}, failing allocations" == scope_words(bare)
    assert scope_words(Scope(devices=False)).startswith("memory blocks in 2 sections, with ")


def test_printable_keeps_letters_and_escapes_what_a_terminal_obeys() -> None:
    """Escapes are readable, and text that needs none stays."""
    assert printable("a\x1b[31m\r\x00\udc80\x9b\n\tü") == "a\\x1b[31m\\r\\x00\\udc80\\x9b\n\tü"
    assert printable("\u202ea\u2028b\u2069") == "\\u202ea\\u2028b\\u2069"


COLOURS = {
    "violated": (MIXED, "\x1b[1;31mviolated\x1b[0m          290"),
    "violated, cannot occur": (MIXED, "\x1b[31mviolated\x1b[0m          290"),
    "holds": (MIXED, "\x1b[32mholds\x1b[0m             300"),
    "vacuous": (MIXED, "\x1b[1;33mvacuous\x1b[0m           300"),
    "no verdict": (MIXED, "\x1b[1;33mno verdict\x1b[0m          -"),
    "the last line": (MIXED, "\x1b[1;31mviolated\x1b[0m  1 finding can occur"),
    "the last line, vacuous": (VACUOUS, "\x1b[1;33mvacuous\x1b[0m   2 rows"),
    "the last line, no verdict": (NO_VERDICT, "\x1b[1;33mno verdict\x1b[0m 2 rows"),
}


@pytest.mark.parametrize(("checked", "coloured"), COLOURS.values(), ids=COLOURS.keys())
def test_terminal_paints_the_verdicts(
    checked: CheckResult, coloured: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal the verdict of each row has a colour; nowhere else."""
    text = text_of(checked)
    terminal.print_table(text)
    assert text + "\n" == capsys.readouterr().out
    for name in ("NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    terminal.print_table(text)
    shown = capsys.readouterr().out
    assert coloured in shown
    assert text + "\n" == re.sub("\x1b\\[[0-9;]*m", "", shown)


@EVERY
def test_overall_verdict_has_the_exit_code_of_the_result(checked: CheckResult) -> None:
    """The word and the code never differ."""
    for latent in (False, True):
        assert overall(checked, latent=latent).exit_code == checked.exit_code(latent=latent)
    assert overall(HOLDING, latent=True) is Verdict.HOLDS
    other = without_verdict(cell("x86_64", "4K", 72, reachable=False))
    assert overall(result(*VACUOUS.cells, other), latent=False) is Verdict.VACUOUS
