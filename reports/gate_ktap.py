# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` as KTAP, version 1: the format of the kernel's own tests.

Source: Documentation/dev-tools/ktap.rst
"""

from collections.abc import Iterator
from itertools import groupby

from vmemcheck.gate.result import GateResult
from vmemcheck.reports.check_words import printable
from vmemcheck.reports.gate_cases import Case, Outcome, cases
from vmemcheck.reports.gate_text import one_line
from vmemcheck.reports.gate_words import Replays, headline, series_words

_INDENT = "  "


def gate_ktap(result: GateResult, replays: Replays, latent: bool) -> str:
    """Return the report of a judgement.

    :param replays: the files that sequences were saved to
    :param latent: violations in sizes that cannot occur count too
    """
    answer = result.answer(latent=latent).value
    groups = [(name, list(members)) for name, members in groupby(cases(result, replays, latent=latent), _group)]
    lines = [
        "KTAP version 1",
        f"1..{len(groups)}",
        *_diagnostic(f"vmemcheck gate {one_line(result.tree)}: {one_line(series_words(result))}"),
        *_diagnostic(f"{answer}: {one_line(headline(result, latent=latent))}"),
    ]
    for number, (name, members) in enumerate(groups, start=1):
        lines += [f"{_INDENT}{line}" for line in _subtest(name, members)]
        lines.append(_result(number, Case(name, name, _worst(members))))
    return "\n".join(lines)


def _group(case: Case) -> str:
    return case.group


def _worst(members: list[Case]) -> Outcome:
    found = {case.outcome for case in members}
    return next(one for one in (Outcome.FAILURE, Outcome.ERROR, Outcome.PASSED, Outcome.SKIPPED) if one in found)


def _subtest(name: str, members: list[Case]) -> Iterator[str]:
    yield "KTAP version 1"
    yield f"# Subtest: {_described(name)}"
    yield f"1..{len(members)}"
    for number, case in enumerate(members, start=1):
        if case.outcome is not Outcome.SKIPPED:
            yield from _diagnostic("\n".join(filter(None, (case.message, case.text))))
        yield _result(number, case)


def _result(number: int, case: Case) -> str:
    reason = one_line(case.message).replace("#", "")
    match case.outcome:
        case Outcome.SKIPPED:
            return f"ok {number} {_described(case.name)} # SKIP {reason}".rstrip()
        case Outcome.ERROR:
            return f"not ok {number} {_described(case.name)} # ERROR {case.what}".rstrip()
        case Outcome.FAILURE:
            return f"not ok {number} {_described(case.name)}"
        case Outcome.PASSED:
            return f"ok {number} {_described(case.name)}"


def _described(text: str) -> str:
    """Return the name of a test, in which # would start a directive."""
    return one_line(text).replace("#", "") or "-"


def _diagnostic(text: str) -> list[str]:
    return [f"# {line}".rstrip() for line in printable(text).split("\n")] if text else []
