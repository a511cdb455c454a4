# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of ``vmemcheck gate`` without a browser; tests/browser has the rest."""

import pickle
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.unit.gate_results import BREAKS, NEW, POSSIBLE, RESULTS, hostile, replays
from tests.unit.published import HOSTILE, OBEYED
from vmemcheck.gate.result import GateResult
from vmemcheck.reports import drawing
from vmemcheck.reports.gate_html import MEANINGS, MOST_VIOLATIONS, gate_html
from vmemcheck.reports.steps import deeds, outcome_words

VOID = {"meta", "rect"}
EVERY = pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())


class Strict(HTMLParser):
    """Reads a page in which every element is closed in its turn, and nothing leads outside."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            assert not name.startswith("on")
            assert name != "src"
            assert name != "style"
            assert name != "href" or (value or "").startswith("#")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert tag == self.open.pop()


@EVERY
def test_page_is_one_well_formed_file(result: GateResult) -> None:
    """No attribute runs a script or loads a file, and each element is closed."""
    page = gate_html(result, replays(result), False)
    Strict(page)
    assert page.startswith("<!DOCTYPE html>\n<html")
    assert page.count("<script>") == page.count("<style>") == 1


def test_page_takes_any_characters() -> None:
    """Markup and control characters of a patch are text."""
    for text in (HOSTILE, "</script><script>", "'\"><img src=x onerror=alert(1)>", "{{ 1 }}"):
        page = gate_html(hostile(text), {}, True)
        page.encode()
        Strict(page)
        assert not OBEYED.search(page)


def test_page_of_many_violations_says_how_many_it_leaves_out() -> None:
    """A page that no browser can show helps nobody."""
    many = replace(BREAKS, changes=tuple(replace(POSSIBLE) for _ in range(MOST_VIOLATIONS + 3)))
    page = gate_html(many, {}, False)
    assert page.count('<article class="violation breaks">') == MOST_VIOLATIONS
    assert "3 more violations left out here" in page
    assert "left out here" not in gate_html(BREAKS, {}, False)


def test_page_explains_each_letter_of_a_drawing() -> None:
    """A new letter needs a meaning, and the meanings are those of the text."""
    assert set(MEANINGS) == set(drawing.STYLES)
    legend = " ".join(drawing.LEGEND.split())
    assert all(means in legend for means in MEANINGS.values())


def test_deeds_of_a_step_name_the_place_and_count_what_repeats() -> None:
    """What the kernel did stands once for each place, with the calls in their order."""
    (_, _, removed) = NEW.finding.steps
    says = [deed.says for deed in deeds(removed)]
    assert any(text.startswith("vmemmap_free([") for text in says)
    assert any(text.startswith("unmapped PMD leaf 0x") for text in says)
    assert all(deed.where for deed in deeds(removed) if deed.says.startswith(("unmapped", "freed")))
    doubled = replace(removed.observation, events=(*removed.observation.events, *removed.observation.events))
    again = deeds(replace(removed, observation=doubled))
    assert says == [deed.says for deed in again]
    assert [2 * deed.times for deed in deeds(removed)] == [deed.times for deed in again]


def test_outcome_of_a_step_is_named_as_errno_does() -> None:
    """An error that must be returned is no fault."""
    (step, *_) = NEW.finding.steps
    assert outcome_words(step) == "done"
    refused = replace(step, observation=replace(step.observation, returned=-22))
    assert outcome_words(refused) == "error -22 (EINVAL)"


def test_page_of_steps_from_another_process_is_the_same() -> None:
    """What was worked out of a step stays behind, and is worked out again."""
    for step in NEW.finding.steps:
        rows = drawing.draw(step)
        assert set(step.__dict__) > set(step.__dataclass_fields__)
        again = pickle.loads(pickle.dumps(step))  # noqa: S301  # it was made here
        assert set(again.__dict__) == set(step.__dataclass_fields__)
        assert rows == drawing.draw(again)
        assert deeds(step) == deeds(again)
