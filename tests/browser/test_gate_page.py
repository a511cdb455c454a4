# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of ``vmemcheck gate`` in a browser: stepping, deep links, no network, no scripts of a patch."""

from collections.abc import Callable

import pytest

from tests.browser.conftest import Opened
from tests.unit.gate_results import BREAKS, POSSIBLE, RESULTS, hostile
from vmemcheck.gate.result import GateResult
from vmemcheck.reports.finding import sequence_lines

Open = Callable[..., Opened]
OPERATIONS = [" ".join(line.split()) for line in sequence_lines(POSSIBLE.finding)]


def test_page_steps_through_the_sequence_with_buttons(opened: Open) -> None:
    """Forward, back, to the last and to the first; at an end the button is off."""
    shown = opened(BREAKS)
    assert ("step 1 of 3", OPERATIONS[0]) == (shown.position(), shown.operation())
    for button, step in (("next", 2), ("next", 3), ("previous", 2), ("last", 3), ("first", 1)):
        shown.page.click(f"#{button}")
        assert (f"step {step} of 3", OPERATIONS[step - 1]) == (shown.position(), shown.operation())
    assert shown.page.locator("#previous").is_disabled()
    assert shown.page.locator("#next").is_enabled()
    assert shown.complaints == []


def test_page_steps_through_the_sequence_with_keys(opened: Open) -> None:
    """Arrows, Home and End; keys with modifiers stay the browser's, and nothing leaves the sequence."""
    shown = opened(BREAKS)
    keys = {"ArrowLeft": 1, "ArrowRight": 2, "End": 3, "Home": 1, "Control+ArrowRight": 1}
    for key, step in keys.items():
        shown.page.keyboard.press(key)
        assert shown.position() == f"step {step} of 3", key
    for _ in range(5):
        shown.page.keyboard.press("ArrowRight")
    assert ("step 3 of 3", OPERATIONS[2]) == (shown.position(), shown.operation())
    assert shown.page.evaluate("location.hash") == "#violation=1&step=3"


@pytest.mark.parametrize(
    ("fragment", "position", "violation"),
    [
        ("#step=2", "step 2 of 3", 0),
        ("#violation=4&step=2", "step 2 of 2", 3),
        ("#step=99", "step 3 of 3", 0),
        ("#violation=99&step=x", "step 1 of 2", 3),
        ("#<script>", "step 1 of 3", 0),
    ],
)
def test_page_opens_at_the_step_of_its_address(opened: Open, fragment: str, position: str, violation: int) -> None:
    """A link to a step can be mailed; a wrong one leads to a step that exists."""
    shown = opened(BREAKS, fragment)
    assert shown.position() == position
    assert [number == violation for number in range(4)] == [
        one.is_visible() for one in shown.page.locator(".violation").all()
    ]


def test_page_chooses_among_violations(opened: Open) -> None:
    """A click on a violation shows its first step, and marks it in the list."""
    shown = opened(BREAKS)
    shown.page.click("#choice li:nth-child(4) a")
    assert (shown.position(), shown.operation()) == ("step 1 of 2", "boot section 0 subsections [0, 64)")
    assert "no-leak" in shown.page.locator("#choice a[aria-current]").inner_text()


def test_page_draws_the_vmemmap_and_the_reason_at_the_last_step(opened: Open) -> None:
    """The memmap that is not mapped is red where the sequence ends, and only there the reason is told."""
    shown = opened(BREAKS, "#step=2")
    red = shown.page.locator("rect.missing:visible")
    because = shown.page.locator(".because:visible")
    assert (0, 0) == (red.count() - 1, because.count())  # the legend has one
    shown.page.keyboard.press("ArrowRight")
    assert (1, 1) == (red.count() - 1, because.count())
    assert "needs vmemmap page 0x0, which is not mapped" in because.inner_text()
    drawing = shown.page.locator(".step:visible svg").bounding_box()
    assert drawing is not None
    assert drawing["width"] > 100
    assert (
        shown.page.locator("rect.missing:visible").last.evaluate("e => getComputedStyle(e).fill") == "rgb(239, 83, 80)"
    )


def test_page_shows_the_lines_of_the_kernel_at_each_step(opened: Open) -> None:
    """What the step did stands beside the place that did it."""
    shown = opened(BREAKS, "#step=3")
    rows = shown.page.locator(".step:visible .deeds tr").all_inner_texts()
    assert any("free_mapping()" in row and "unmapped PTE page 0x0" in row for row in rows)


def test_page_without_scripts_lists_all_steps(opened: Open) -> None:
    """Nothing is hidden, and the buttons that would do nothing are."""
    shown = opened(BREAKS, scripts=False)
    steps = sum(len(change.finding.steps) for change in BREAKS.changes)
    assert shown.page.locator(".step:visible").count() == steps
    assert not shown.page.locator("#controls").is_visible()
    assert "all steps are listed" in shown.page.locator("noscript").inner_text()


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
def test_page_loads_nothing_and_complains_of_nothing(opened: Open, result: GateResult) -> None:
    """One file: the only request is the page itself, whatever the judgement is."""
    shown = opened(result)
    assert len(shown.requests) == 1
    assert shown.complaints == []
    assert shown.page.locator("h1").inner_text() == f"vmemcheck gate: {result.answer().value}"


def test_page_policy_forbids_network_and_other_scripts(opened: Open, server: tuple[str, list[str]]) -> None:
    """Even a script that somehow gets into the page does not run, and nothing reaches a server."""
    address, asked = server
    shown = opened(BREAKS)
    shown.page.evaluate(
        """(address) => {
            const add = (tag, name, value) => {
                const element = document.createElement(tag);
                element[name] = value;
                document.body.append(element);
            };
            add("img", "src", address + "x.png");
            add("script", "src", address + "x.js");
            add("script", "textContent", "window.ran = true");
            return fetch(address + "x.json", {mode: "no-cors"}).catch(() => null);
        }""",
        address,
    )
    assert shown.page.evaluate("window.ran") is None
    assert asked == []
    for directive in ("script-src", "img-src", "connect-src"):
        assert any(directive in complaint for complaint in shown.complaints), directive


@pytest.mark.parametrize(
    "text",
    [
        "</title></style></script><script>window.ran = true; alert(1)</script>",
        "\"'><img src=x onerror='window.ran = true'>",
        "{{ 7 * 7 }}{% raw %}",
        "&lt;b&gt; \x1b[31m\u202e",
    ],
)
def test_page_shows_text_of_a_patch_as_text(opened: Open, text: str) -> None:
    """Subjects, names, lines and messages with markup are shown letter by letter."""
    shown = opened(hostile(text))
    assert shown.page.evaluate("window.ran") is None
    assert (len(shown.requests), shown.complaints) == (1, [])
    head = shown.page.locator("section[aria-label='The series'] ol li").first.inner_text()
    assert head.startswith(text.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e"))
    assert shown.page.locator("img, body script ~ *").count() == 0
