# SPDX-License-Identifier: GPL-2.0-or-later
"""The report of ``vmemcheck gate`` for b4."""

import json
from dataclasses import replace

import pytest

from tests.unit.gate_results import ALREADY, NO_VERDICT, RESULTS, UNCHANGED, hostile, replays
from tests.unit.published import HOSTILE, OBEYED
from vmemcheck.gate.result import GateResult
from vmemcheck.reports.gate_b4 import gate_b4
from vmemcheck.reports.gate_text import gate_text

EVERY = pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())


def checks(result: GateResult, *, latent: bool = False) -> list[dict[str, str]]:
    """Return the checks, each as b4 requires it: five texts, a status that it knows."""
    data = json.loads(gate_b4(result, replays(result), latent))
    for one in data:
        assert ["tool", "status", "summary", "url", "details"] == list(one)
        assert all(isinstance(value, str) for value in one.values())
        assert one["status"] in ("pass", "warn", "fail")
        assert "\n" not in one["summary"]
    return list(data)


@EVERY
def test_b4_has_a_check_of_the_series_and_one_of_each_patch(result: GateResult) -> None:
    """A single patch has one only; the text report is its detail."""
    series, *patches = checks(result)
    assert ("vmemcheck", gate_text(result, replays(result), False)) == (series["tool"], series["details"])
    count = len(result.series)
    assert [f"vmemcheck {number}/{count}" for number in range(1, count + 1) if count > 1] == [
        one["tool"] for one in patches
    ]


STATUSES = {
    "breaks": ("fail", "pass", "fail"),
    "fixes": ("pass", "pass", "pass"),
    "unchanged": ("pass", "pass", "pass"),
    "latent": ("pass", "pass", "pass"),
    "already there": ("warn", "pass", "pass"),
    "touched": ("warn", "pass", "pass"),
    "not exercised": ("warn", "pass", "warn"),
    "marks": ("warn", "pass", "pass"),
    "identical": ("pass", "pass", "pass"),
    "no verdict": ("fail", "pass", "fail"),
    "facts": ("fail", "fail", "pass"),
    "mended": ("fail", "fail", "pass"),
    "between": ("warn", "warn", "pass"),
    "not applicable": ("pass",),
    "bare diff": ("pass",),
}


@pytest.mark.parametrize(("name", "statuses"), STATUSES.items(), ids=STATUSES.keys())
def test_b4_blames_the_patch_that_did_it(name: str, statuses: tuple[str, ...]) -> None:
    """What the series does fails; what was there before, and what did not run, is a warning."""
    assert statuses == tuple(one["status"] for one in checks(RESULTS[name]))


def test_b4_warns_only_of_what_is_no_fault_of_the_series() -> None:
    """A gap of vmemcheck is no failure, and what cannot occur is one with --latent only."""
    gap = replace(NO_VERDICT, unbuilt=NO_VERDICT.unbuilt[1:])
    assert ["warn", "pass", "pass"] == [one["status"] for one in checks(gap)]
    assert ["fail", "pass", "fail"] == [one["status"] for one in checks(RESULTS["latent"], latent=True)]
    cannot = tuple(replace(one, reachable=False) for one in ALREADY.changes)
    assert checks(replace(UNCHANGED, changes=cannot))[0]["status"] == "pass"


def test_b4_says_in_one_line_what_a_patch_does() -> None:
    """The summary is what the reviewer's screen shows."""
    summaries = [one["summary"] for one in checks(RESULTS["breaks"])]
    assert "breaks memmap-mapped on arm64" == summaries[2]
    assert "fixes failed-add-undone on x86_64" == summaries[1]
    assert summaries[0].startswith("breaks: memmap-mapped on arm64 by patch 2/2; 1 violation fixed; ")
    assert "1 changed line did not run" not in summaries[0]
    between = checks(RESULTS["between"])
    assert "does not build after patch 1/2 until patch 2/2" in between[0]["summary"]
    assert between[1]["summary"].startswith("x86_64 does not build after patch 1/2 until patch 2/2: 'frob' undeclared")
    assert "arm64 does not build after patch 1/2 until a later one: the slice needs" in between[1]["summary"]
    assert [one["summary"] for one in checks(RESULTS["not exercised"])][2] == "2 changed lines did not run"


def test_b4_takes_any_characters() -> None:
    """Nothing that a terminal obeys gets into a reviewer's screen."""
    for one in checks(hostile(HOSTILE), latent=True):
        assert not OBEYED.search("".join(one.values()))
