# SPDX-License-Identifier: GPL-2.0-or-later
"""The reports of ``vmemcheck check`` that machines read: JSON and JUnit."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pytest

from tests.unit.check_results import (
    HOLDING,
    LATENT,
    LEAF,
    MIXED,
    NAMES,
    RESULTS,
    UNREACHABLE,
    cell,
    hostile,
    replays,
    result,
    vacuous,
)
from tests.unit.published import HOSTILE, OBEYED, assert_exact, objects
from vmemcheck import replay_file
from vmemcheck.check import CheckResult
from vmemcheck.engine import check
from vmemcheck.marks import MARKS
from vmemcheck.reports.check_finding import cause_lines
from vmemcheck.reports.check_json import check_json
from vmemcheck.reports.check_junit import check_junit
from vmemcheck.reports.check_text import check_text
from vmemcheck.reports.check_words import printable

SCHEMA = json.loads((Path(__file__).parents[2] / "reports" / "check.schema.json").read_text())
EVERY = pytest.mark.parametrize("checked", RESULTS.values(), ids=RESULTS.keys())


def json_of(checked: CheckResult) -> Any:
    """Return the report as JSON, read again."""
    return json.loads(check_json(checked, replays(checked)))


def junit_of(checked: CheckResult, *, latent: bool = False) -> junitparser.JUnitXml:
    """Return the report as JUnit, read by its usual reader."""
    return junitparser.JUnitXml.fromstring(check_junit(checked, replays(checked), latent=latent).encode())


@EVERY
def test_json_is_what_the_schema_says_and_repeatable(checked: CheckResult) -> None:
    """The report validates, is ASCII, and has the same bytes each time."""
    text = check_json(checked, replays(checked))
    jsonschema.validate(json.loads(text), SCHEMA, jsonschema.Draft202012Validator)
    assert text.isascii()
    again = copy.deepcopy(checked)
    assert text == check_json(again, replays(again))


def test_json_has_the_exit_codes_and_the_counts() -> None:
    """The verdict and the exit code stand in it, with and without --latent; so does each row."""
    data = json_of(LATENT)
    assert ("holds", 0) == (data["verdict"], data["exit_code"])
    assert ("violated", 1) == (data["verdict_latent"], data["exit_code_latent"])
    latent = data["cells"][1]
    assert (False, 290, list(NAMES), []) == tuple(
        latent[key] for key in ("can_occur", "sequences", "marks_met", "marks_missing")
    )
    assert {mark.name: mark.says for mark in MARKS} == data["marks"]
    few = vacuous(cell("x86_64", "4K", 64), NAMES[:2])
    assert list(NAMES[:3]) == list(json_of(result(replace(few, met=NAMES[2:3])))["marks"])


def test_json_replay_of_a_finding_is_a_replay_file() -> None:
    """What stands there can be saved and replayed, and shows the same finding."""
    for finding in json_of(LATENT)["findings"]:
        replay = replay_file.from_json(json.dumps(finding["replay"]))
        again = check(LEAF(replay.geometry), replay.sequence)
        assert again is not None
        assert (finding["invariant"], "linux-1.2.3 x86_64") == (again.invariant, replay.machine)
        assert finding["replay_file"] == "replays/1.json"


def test_json_schema_requires_and_allows_just_what_is_there() -> None:
    """Without any of its keys, and with one more, a report of the golden file is refused."""
    data = json_of(MIXED)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    fixed = [place for place in objects(data) if "operation" not in place and place is not data["marks"]]
    assert len(fixed) > 40
    assert_exact(validator, data, fixed)


@pytest.mark.parametrize("latent", [False, True])
@EVERY
def test_junit_fails_where_the_exit_code_is_not_0(checked: CheckResult, latent: bool) -> None:
    """A failure for exit code 1, an error for 2, neither for 0; a testcase for each row."""
    report = junit_of(checked, latent=latent)
    failures, errors = report.failures, report.errors
    assert checked.exit_code(latent=latent) == (1 if failures else 2 if errors else 0)
    cases = [case for suite in report for case in suite if case.classname not in ("check", "check.left_out")]
    assert len(checked.cells) == len(cases)
    report.update_statistics()  # type: ignore[no-untyped-call]  # it counts them itself
    assert (failures, errors) == (report.failures, report.errors)


def outcomes(checked: CheckResult, *, latent: bool) -> list[tuple[str, str | None]]:
    """Return the kind and the type of what came of each testcase."""
    cases = [case for suite in junit_of(checked, latent=latent) for case in suite]
    return [(type(case.result[0]).__name__, case.result[0].type) if case.result else ("passed", None) for case in cases]


def test_junit_tells_rows_that_cannot_occur_apart() -> None:
    """What cannot occur passes or is skipped, with its text; with --latent it counts."""
    left_out = ("Skipped", "left out")
    vacuous_, without = ("Error", "vacuous"), ("Error", "no verdict")
    one, passed = ("Failure", "violated"), ("passed", None)
    assert [passed, passed, passed, one, passed, vacuous_, without, left_out] == outcomes(MIXED, latent=False)
    assert [one, passed, passed, one, one, vacuous_, without, left_out] == outcomes(MIXED, latent=True)
    skipped = [("Skipped", "vacuous"), ("Skipped", "no verdict"), ("Error", "no verdict")]
    assert skipped == outcomes(UNREACHABLE, latent=False)
    assert [vacuous_, without] == outcomes(UNREACHABLE, latent=True)
    first = next(iter(next(iter(junit_of(MIXED)))))
    assert "violated  memmap-mapped   x86_64 4K pages, struct page 56" in first.system_out


def test_junit_names_are_those_of_the_rows() -> None:
    """Rows that differ in the levels of page tables alone, or in DEBUG_VM, have different names."""
    cases = [(case.classname, case.name) for suite in junit_of(HOLDING) for case in suite]
    assert [
        ("check.x86_64.4K", "struct page 64"),
        ("check.x86_64.4K", "struct page 64, 5 levels"),
        ("check.x86_64.4K", "struct page 64, sparse vmemmap, DEBUG_VM"),
        ("check.arm64.64K", "struct page 64"),
        ("check.left_out", "riscv64 4K"),
    ] == cases


def test_junit_has_the_text_of_each_cause_of_a_row() -> None:
    """A failure reads like the finding of the text report."""
    (_, suite, *_) = junit_of(MIXED)
    (failure,) = next(iter(suite)).result
    assert failure.text == "\n".join(cause_lines(MIXED, MIXED.causes[0], "replays/1.json"))
    assert failure.message == "memmap-mapped"


def test_reports_take_any_characters() -> None:
    """Control characters, halves of surrogate pairs and markup, wherever they come from, give valid reports."""
    checked = hostile(HOSTILE)
    report = check_junit(checked, replays(checked), latent=False)
    junit = junitparser.JUnitXml.fromstring(report.encode())
    results = [one for suite in junit for case in suite for one in case.result]
    assert [printable(HOSTILE)] == [one.text for one in results if one.type == "no verdict"]
    assert report.isascii()
    data = json_of(checked)
    jsonschema.validate(data, SCHEMA, jsonschema.Draft202012Validator)
    assert data["tree"] == printable(HOSTILE)
    shown = check_text(checked, replays(checked), latent=False)
    shown.encode()
    assert not OBEYED.search(shown)
