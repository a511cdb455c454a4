# SPDX-License-Identifier: GPL-2.0-or-later
"""What the reports of ``vmemcheck gate`` have in common, its text and its JSON."""

import base64
import copy
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry, Resource

from tests.unit.gate_results import (
    ALREADY,
    BETWEEN,
    BREAKS,
    FACTS,
    LATENT,
    MENDED,
    NEW,
    NO_VERDICT,
    NOT_EXERCISED,
    POSSIBLE,
    RESULTS,
    UNCHANGED,
    hostile,
    replays,
)
from tests.unit.published import HOSTILE, OBEYED, assert_exact, objects
from vmemcheck import replay_file
from vmemcheck.gate.result import Answer, ChangedLine, GateResult, LineUse, PatchHead
from vmemcheck.reports.check_words import printable
from vmemcheck.reports.gate_b4 import gate_b4
from vmemcheck.reports.gate_formats import FORMATS as TABLE
from vmemcheck.reports.gate_formats import report
from vmemcheck.reports.gate_html import gate_html
from vmemcheck.reports.gate_json import gate_json
from vmemcheck.reports.gate_junit import gate_junit
from vmemcheck.reports.gate_ktap import gate_ktap
from vmemcheck.reports.gate_mail import gate_mail
from vmemcheck.reports.gate_markdown import gate_markdown
from vmemcheck.reports.gate_sarif import gate_sarif
from vmemcheck.reports.gate_text import gate_text
from vmemcheck.reports.gate_words import Format, headline, next_words

GOLDEN = Path(__file__).parent / "golden"
REPORTS = Path(__file__).parents[2] / "reports"
EVERY = pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
FORMATS: dict[str, Format] = {
    "txt": gate_text,
    "json": gate_json,
    "eml": gate_mail,
    "md": gate_markdown,
    "xml": gate_junit,
    "b4.json": gate_b4,
    "ktap": gate_ktap,
    "sarif": gate_sarif,
    "html": gate_html,
}


def text_of(result: GateResult, *, latent: bool = False) -> str:
    """Return the report as text."""
    return gate_text(result, replays(result), latent)


def schema() -> jsonschema.Draft202012Validator:
    """Return the published schema, which refers to that of a check."""
    texts = {name: json.loads((REPORTS / name).read_text()) for name in ("gate.schema.json", "check.schema.json")}
    registry = Registry().with_resources((name, Resource.from_contents(text)) for name, text in texts.items())
    return jsonschema.Draft202012Validator(texts["gate.schema.json"], registry=registry)


@pytest.mark.parametrize("suffix", FORMATS)
def test_gate_report_is_the_golden_file(suffix: str) -> None:
    """Every byte of a report is as it was approved; of the page, style and script are those of their files."""
    approved = (GOLDEN / f"gate_breaks.{suffix}").read_text()
    if suffix == "html":
        for place, name in (("STYLE", "gate_page.css"), ("SCRIPT", "gate_page.js")):
            part = (REPORTS / name).read_bytes()
            digest = base64.b64encode(hashlib.sha256(part).digest()).decode()
            approved = approved.replace(f"HASH OF {place}", f"sha256-{digest}").replace(place, part.decode())
    assert approved == FORMATS[suffix](BREAKS, replays(BREAKS), False) + "\n"


def test_gate_table_of_formats_has_each_once() -> None:
    """What the command offers is what there is, and each name leads to its own report."""
    assert len(FORMATS) == len(TABLE)
    shown = {name: report(name, BREAKS, replays(BREAKS), latent=False) for name in TABLE}
    assert {text(BREAKS, replays(BREAKS), False) for text in FORMATS.values()} == set(shown.values())


def test_gate_headline_has_the_error_without_the_advice() -> None:
    """What is to be done stands in the message; a summary of one line says what is wrong."""
    for message in (
        "the program died   to fix   please report",
        "the program died\n  to fix   please",
        "the program died",
    ):
        (one, *_) = NO_VERDICT.unbuilt
        result = replace(NO_VERDICT, unbuilt=(replace(one, message=message),))
        assert headline(result, latent=False).endswith(": the program died")


def test_gate_text_sends_nobody_to_longer_runs_that_cannot_help() -> None:
    """What the simulated machine has instead runs in no budget."""
    missed = tuple(one for one in NOT_EXERCISED.lines if one.use is LineUse.NOT_SLICED)
    assert missed
    assert "however long" in text_of(replace(NOT_EXERCISED, lines=missed)).splitlines()[-1]
    assert "however long" not in text_of(NOT_EXERCISED)


@EVERY
def test_gate_text_has_the_answer_and_what_to_do_last(result: GateResult) -> None:
    """The last part starts with the word that the exit code stands for."""
    for latent in (False, True):
        last = text_of(result, latent=latent).split("\n\n")[-1]
        assert last.startswith(f"{result.answer(latent=latent).value}: ")
        assert " ".join(last.split()).endswith(f"next {next_words(result, latent=latent)}")


HEADLINES = {
    "mended": (MENDED, "memmap-mapped on arm64 by patch 1/2 until patch 2/2"),
    "breaks": (BREAKS, "memmap-mapped on arm64 by patch 2/2"),
    "facts": (FACTS, "SUBSECTION_SHIFT on x86_64 by patch 1/2"),
    "no verdict": (
        NO_VERDICT,
        "the patched code could not be run on x86_64, arm64: 'frob' undeclared (first use in this function)",
    ),
    "not exercised": (NOT_EXERCISED, "no new violation, but 2 of 5 changed lines did not run"),
    "marks": (
        RESULTS["marks"],
        "no new violation, but the series keeps the sequences from what they met before: pmd-leaf-shared, add-undone",
    ),
    "identical": (
        RESULTS["identical"],
        "2 geometries of x86_64, arm64: the program is the same before and after",
    ),
    "unchanged": (
        UNCHANGED,
        "no violation is new or gone in 2 geometries of x86_64, arm64, 600 sequences in all, on base and patched code",
    ),
    "latent": (
        LATENT,
        "no violation that can occur is new or gone in 1 geometry of x86_64, 300 sequences in all, on base and patched"
        " code",
    ),
}


@pytest.mark.parametrize(("result", "line"), HEADLINES.values(), ids=HEADLINES.keys())
def test_gate_headline_says_it_in_one_line(result: GateResult, line: str) -> None:
    """What, where and by which patch."""
    assert line == headline(result, latent=False)


def test_gate_headline_names_three_and_counts_the_others() -> None:
    """A series that breaks everything still has a short headline."""
    changes = tuple(replace(POSSIBLE, arch=arch) for arch in ("x86_64", "arm64", "riscv64", "s390x", "powerpc64"))
    line = headline(replace(BREAKS, changes=changes), latent=False)
    assert line.endswith("memmap-mapped on riscv64 by patch 2/2 and 2 more")


@EVERY
def test_gate_text_fits_its_columns(result: GateResult) -> None:
    """Prose has at most 80 columns, lines of code and operations 100."""
    for line in text_of(result).split("\n"):
        assert len(line) <= (100 if line.startswith("  ") else 80) or line.startswith("replay "), line


def test_gate_text_names_each_line_that_did_not_run() -> None:
    """With its file, its number and its patch; those that ran are counted only."""
    lines = text_of(NOT_EXERCISED).split("\n")
    assert "    arch/x86/mm/init_64.c:1102: return;   (patch 2/2)" in lines
    assert "    mm/page_alloc.c:7: return NULL;   (patch 2/2)" in lines
    assert not any("1101" in line for line in lines)


def test_gate_text_of_a_long_series_stays_readable() -> None:
    """A thousand lines that did not run, and a line of a thousand letters, are cut, and that is said."""
    lines = tuple(ChangedLine(1, "mm/a.c", number, 300 * "x ", LineUse.NOT_EXECUTED) for number in range(1, 1001))
    shown = text_of(replace(UNCHANGED, lines=lines)).split("\n")
    assert "    and 960 more" in shown
    assert max(map(len, shown)) == 100
    assert sum(line.endswith("...   (patch 1/2)") for line in shown) == 40


def test_gate_text_says_on_which_tree_a_sequence_runs() -> None:
    """What is new shows on the patched code only; what was there before shows on the tree itself."""
    lines = text_of(BREAKS).split("\n")
    assert "replay    vmemcheck replay replays/1.json --tree PATCHED" in lines
    assert "          PATCHED being linux-1.2.3 with patches 1 to 2 applied" in lines
    assert "replay    vmemcheck replay replays/4.json --tree /trees/linux-1.2.3" in lines


def test_gate_text_lists_what_was_there_before_in_a_line_each() -> None:
    """A tree has dozens of them, and none is the business of who reads a judgement."""
    many = tuple(replace(ALREADY.changes[0], reachable=number % 2 == 0) for number in range(50))
    lines = text_of(replace(ALREADY, changes=many)).split("\n")
    where = "arch/x86/mm/init_64.c: free_pagetable()"
    assert (25, 15) == (lines.count(f"  x86_64 no-leak {where}"), lines.count(f"  x86_64 (no-leak) {where}"))
    assert "  and 10 more" in lines
    assert not [line for line in lines if line.startswith("violation ")]


def test_gate_text_tells_what_was_there_before_and_is_touched() -> None:
    """Such a violation stands first, since it is the business of who changes that code."""
    far, near = ALREADY.changes[0], replace(ALREADY.changes[0], arch="arm64", touched=True)
    lines = text_of(replace(ALREADY, changes=(far, far, near))).split("\n")
    place = "no-leak arch/x86/mm/init_64.c: free_pagetable()"
    shown = [f"  arm64 {place}   (the series touches it)", f"  x86_64 {place}", f"  x86_64 {place}"]
    assert shown == [line for line in lines if place in line]
    assert "also      3 violations already there, 1 in a function that the series changes" in lines
    assert "also      1 violation already there, none in a function that the series changes" in text_of(ALREADY)


def test_gate_text_tells_the_fault_of_the_series_from_a_gap() -> None:
    """The compiler's message stands at the kernel's line, and a message of several lines stays whole."""
    shown = text_of(NO_VERDICT)
    assert "x86_64 4K pages: the series is the cause by patch 2/2\n  arch/x86/mm/init_64.c:1101: 'frob'" in shown
    assert "arm64 64K pages: a gap of vmemcheck\n  the slice needs pagetable_pte_dtor()\n    to fix" in shown


@EVERY
def test_gate_json_is_what_the_schema_says_and_repeatable(result: GateResult) -> None:
    """The report validates, is ASCII, and has the same bytes each time, whatever was known before."""
    text = gate_json(result, replays(result), False)
    schema().validate(json.loads(text))
    assert text.isascii()
    again = replace(copy.deepcopy(result), cached=result.cached + 1)
    assert text == gate_json(again, replays(again), False)


def test_gate_json_has_both_answers() -> None:
    """With and without --latent, in words and as exit codes."""
    data = json.loads(gate_json(LATENT, {}, False))
    assert ("nothing changed", 0, "breaks", 1) == tuple(
        data[key] for key in ("answer", "exit_code", "answer_latent", "exit_code_latent")
    )


def test_gate_json_replay_of_a_violation_is_a_replay_file() -> None:
    """What stands there can be saved and replayed."""
    data = json.loads(gate_json(BREAKS, replays(BREAKS), False))
    latent = next(change for change in data["changes"] if not change["can_occur"])
    replay = replay_file.from_json(json.dumps(latent["replay"]))
    assert (NEW.finding.sequence, "linux-1.2.3 x86_64") == (replay.sequence, replay.machine)
    assert (2, "replays/2.json") == (latent["patch"], latent["replay_file"])


def test_gate_json_schema_requires_and_allows_just_what_is_there() -> None:
    """Without any of its keys, and with one more, a report is refused."""
    validator = schema()
    for result in (BREAKS, NO_VERDICT, FACTS):
        data = json.loads(gate_json(result, replays(result), False))
        # Operations and their faults have keys that may be left out.
        assert_exact(validator, data, [place for place in objects(data) if not {"operation", "kind"} & set(place)])


def test_gate_text_and_json_take_any_characters() -> None:
    """Nothing that a terminal obeys leaves in them, and a line of a patch stays one line."""
    result = hostile(HOSTILE)
    shown = text_of(result, latent=True)
    shown.encode()
    assert not OBEYED.search(shown)
    text = gate_json(result, replays(result), True)
    schema().validate(json.loads(text))
    assert printable(HOSTILE) == json.loads(text)["series"][0]["subject"]
    forged = replace(UNCHANGED, series=(PatchHead(1, "a\nbreaks: all of it\n", files=("b\nnext      c",)),))
    assert not [line for line in text_of(forged).split("\n") if line.startswith(("breaks", "next      c"))]


@EVERY
def test_gate_reports_never_say_safe(result: GateResult) -> None:
    """No search shows that."""
    for text in FORMATS.values():
        assert "safe" not in text(result, {}, True).lower()


def test_gate_tells_in_each_format_which_patch_does_not_build() -> None:
    """The judgement is that of the whole series; who bisects cannot build between the two."""
    assert (UNCHANGED.answer(), 0) == (BETWEEN.answer(), BETWEEN.answer().exit_code)
    assert "git bisect" in next_words(BETWEEN, latent=False)
    for name in set(FORMATS) - {"json"}:
        said = " ".join(FORMATS[name](BETWEEN, replays(BETWEEN), False).split())
        assert "x86_64 does not build after patch 1/2 until patch 2/2" in said, name
        assert "does not build" not in FORMATS[name](UNCHANGED, {}, False), name
        assert "frob" in said, name
    first, second = json.loads(gate_json(BETWEEN, {}, False))["unbuilt_between"]
    assert (1, 2, True) == (first["patch"], first["mended"], first["by_series"])
    assert (1, None, False) == (second["patch"], second["mended"], second["by_series"])


def test_gate_tells_what_a_later_patch_mends_in_each_format() -> None:
    """Between the two the kernel is broken, for whoever bisects: it breaks, and the second patch is told too."""
    assert (Answer.BREAKS, 1) == (MENDED.answer(), MENDED.answer().exit_code)
    assert "git bisect" in next_words(MENDED, latent=False)
    assert "git bisect" not in next_words(BREAKS, latent=False)
    for name in set(FORMATS) - {"json", "b4.json", "html"}:
        said = " ".join(FORMATS[name](MENDED, replays(MENDED), False).split())
        assert "patch 1/2 until patch 2/2" in said, name
    change = json.loads(gate_json(MENDED, {}, False))["changes"][0]
    assert (1, 2) == (change["patch"], change["mended"])
