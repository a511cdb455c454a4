# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` as the JSON that b4's check commands print: the series first, then each patch of several.

Source: b4: b4.review-perpatch-check-cmd and b4.review-series-check-cmd
"""

import json

from vmemcheck.gate.result import Answer, GateResult, PatchHead, Standing
from vmemcheck.reports.check_words import counted
from vmemcheck.reports.finding_json import printable_data
from vmemcheck.reports.gate_text import gate_text, one_line
from vmemcheck.reports.gate_words import (
    TOOL,
    Replays,
    asides,
    between_words,
    breaking_facts,
    counted_changes,
    headline,
    lines_not_run,
    listed,
)

PASS, WARN, FAIL = "pass", "warn", "fail"


def gate_b4(result: GateResult, replays: Replays, latent: bool) -> str:
    """Return the list of checks.

    :param replays: the files that sequences were saved to
    :param latent: violations in sizes that cannot occur count too
    """
    words = [f"{result.answer(latent=latent).value}: {headline(result, latent=latent)}", *asides(result, latent=latent)]
    whole = _check(TOOL, series_status(result, latent=latent), "; ".join(words), gate_text(result, replays, latent))
    heads = result.series if len(result.series) > 1 else ()
    data = [whole, *(_patch(result, head, latent=latent) for head in heads)]
    return json.dumps(printable_data(data), indent=1)


def series_status(result: GateResult, *, latent: bool) -> str:
    """Return ``pass``, ``warn`` or ``fail``.

    What the series does is a failure; what was there before, or could not be seen, a warning.
    """
    match result.answer(latent=latent):
        case Answer.BREAKS:
            return FAIL
        case Answer.NO_VERDICT:
            return FAIL if any(one.by_series for one in result.unbuilt) else WARN
        case Answer.NOT_EXERCISED:
            return WARN
        case Answer.NOT_APPLICABLE:
            return PASS
        case _:
            old = counted_changes(result, Standing.ALREADY_THERE, latent=latent)
            return WARN if old or result.between else PASS


def _check(tool: str, status: str, summary: str, details: str) -> dict[str, object]:
    return {"tool": tool, "status": status, "summary": one_line(summary), "url": "", "details": details}


def _patch(result: GateResult, head: PatchHead, *, latent: bool) -> dict[str, object]:
    number = head.number
    bad = [
        f"{change.kind.invariant} on {change.arch}"
        for change in counted_changes(result, Standing.BREAKS, latent=latent)
        if change.patch == number
    ]
    bad += [f"{fact.name} on {fact.arch}" for fact in breaking_facts(result) if fact.patch == number]
    unbuilt = [f"does not compile on {one.arch}" for one in result.unbuilt if one.by_series and one.patch == number]
    halted = [one for one in result.between if one.patch == number]
    halts = [f"{between_words(result, one)}: {one.message.partition(chr(10))[0]}" for one in halted]
    missed = [line for line in lines_not_run(result) if line.patch == number]
    gone = [change for change in counted_changes(result, Standing.FIXES, latent=latent) if change.patch == number]
    parts = [f"breaks {listed(bad)}"] if bad else []
    parts += [listed(unbuilt)] if unbuilt else []
    parts += [listed(halts)] if halts else []
    parts += [f"{counted(len(missed), 'changed line')} did not run"] if missed else []
    parts += [f"fixes {listed(f'{one.kind.invariant} on {one.arch}' for one in gone)}"] if gone else []
    status = FAIL if bad or unbuilt else WARN if missed or halts else PASS
    summary = "; ".join(parts) or "nothing new"
    return _check(f"{TOOL} {number}/{len(result.series)}", status, summary, head.subject)
