# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` as SARIF 2.1.0: results at lines of the patch, sequences as code flows.

What the series fixes is a notification and no result: viewers show every result as a complaint.
"""

import hashlib
import json
from collections.abc import Iterator
from urllib.parse import quote

from vmemcheck.gate.result import Answer, Change, ChangedLine, FactChange, GateResult, Standing, Unbuilt
from vmemcheck.invariants import INVARIANTS
from vmemcheck.observation import Location
from vmemcheck.reports.check_words import cell_words, shown_cell
from vmemcheck.reports.finding import reason_lines, step_line
from vmemcheck.reports.finding_json import printable_data
from vmemcheck.reports.gate_blame import locations, told_line
from vmemcheck.reports.gate_words import (
    TOOL,
    Replays,
    between_words,
    by_change,
    by_patch,
    headline,
    lines_not_run,
    marks_words,
    replay_lines,
    tree_words,
)
from vmemcheck.reports.steps import MOST_DEEDS, deeds, outcome_words

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES = {
    "fact-breaks-theorem": "A fact of the tree is changed, and a theorem that held does not hold any more",
    "does-not-compile": "The patched code does not compile where the code before does",
    "not-exercised": "A changed line was not run, so nothing is known of it",
}
_ROOT = "%SRCROOT%"
Json = dict[str, object]


def gate_sarif(result: GateResult, replays: Replays, latent: bool) -> str:
    """Return the report of a judgement.

    :param replays: the files that sequences were saved to
    :param latent: violations in sizes that cannot occur are errors too
    """
    results = [
        *_changes(result, replays, latent=latent),
        *(one for fact in result.facts if fact.breaks for one in _fact(result, fact)),
        *(one for unbuilt in result.unbuilt if unbuilt.by_series for one in _unbuilt(result, unbuilt)),
        *(one for unbuilt in result.between for one in _between(result, unbuilt)),
        *_not_run(result),
    ]
    run: Json = {
        "tool": {"driver": {"name": TOOL, "rules": _rules()}},
        "automationDetails": {"id": f"{TOOL} gate/{result.budget}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "the kernel tree"}}},
        "invocations": [_invocation(result, latent=latent)],
        "results": results,
        "properties": {"tree": result.tree, "answer": result.answer(latent=latent).value},
    }
    data = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(printable_data(data), indent=1)


def _rules() -> list[Json]:
    texts = {one.name: one.says for one in INVARIANTS} | _RULES
    return [{"id": name, "shortDescription": _text(f"{says[0].upper()}{says[1:]}.")} for name, says in texts.items()]


def _result(rule: str, level: str, says: str, places: list[Json], *key: str) -> Json:
    """Return a result; its fingerprint stays when lines move.

    :param key: what makes it the same result in another run
    """
    digest = hashlib.sha256("\0".join((rule, *key)).encode(errors="replace")).hexdigest()
    return {
        "ruleId": rule,
        "ruleIndex": [*(one.name for one in INVARIANTS), *_RULES].index(rule),
        "level": level,
        "message": _text(says),
        "locations": places,
        "partialFingerprints": {f"{TOOL}/v1": digest[:32]},
    }


def _changes(result: GateResult, replays: Replays, *, latent: bool) -> Iterator[Json]:
    for standing in (Standing.BREAKS, Standing.ALREADY_THERE):
        for change in result.standing(standing):
            line = told_line(result, change) if standing is Standing.BREAKS else None
            where = locations(change.finding)
            told = [_line(line)] if line else [_place(one) for one in where[:1]]
            if told:
                counts = latent or change.reachable
                level = "note" if not counts else "error" if standing is Standing.BREAKS else "warning"
                yield _change(result, change, level, told, where, replays.get(change, ""))


def _change(
    result: GateResult, change: Change, level: str, told: list[Json], where: list[Location], replay: str
) -> Json:
    cell, kind = shown_cell(change), change.kind
    words = "is violated" if change.standing is Standing.BREAKS else "is violated already before the series"
    lines = [
        f"{kind.invariant} {words} on {cell_words(cell)}{by_change(result, change)}.",
        *reason_lines(change.finding),
        *(("reproduce", *replay_lines(result, change, replay)) if replay else ()),
    ]
    if not change.reachable:
        lines.insert(1, "This size of struct page cannot occur in this tree.")
    return {
        **_result(
            kind.invariant, level, "\n".join(lines), told, change.arch, kind.file, kind.function, cell.memory_model
        ),
        "baselineState": "new" if change.standing is Standing.BREAKS else "unchanged",
        "relatedLocations": [{"id": number, **_place(one)} for number, one in enumerate(where, start=1)],
        "codeFlows": [_code_flow(result, change, told[0])],
    }


def _code_flow(result: GateResult, change: Change, told: Json) -> Json:
    """Return the sequence: each operation, and what the kernel did in it at which lines."""
    steps: list[Json] = []
    physical = told["physicalLocation"]
    for step in change.finding.steps:
        words = f"{' '.join(step_line(step).split())}: {outcome_words(step)}"
        steps.append({"nestingLevel": 0, "location": {"physicalLocation": physical, "message": _text(words)}})
        for deed in [one for one in deeds(step) if one.where][:MOST_DEEDS]:
            assert deed.where is not None
            times = f" ({deed.times} times)" if deed.times > 1 else ""
            place = {**_place(deed.where), "message": _text(f"{deed.says}{times}")}
            steps.append({"nestingLevel": 1, "location": place})
    return {
        "message": _text(f"Shortest sequence, on {tree_words(result, change)}"),
        "threadFlows": [{"locations": steps}],
    }


def _fact(result: GateResult, fact: FactChange) -> Iterator[Json]:
    lines = [line for line in result.lines if fact.patch in (0, line.patch)]
    if lines:
        says = f"{fact.arch} {fact.name}: {fact.before} before, {fact.after} after. {fact.says}"
        yield _result("fact-breaks-theorem", "error", says, [_line(lines[0])], fact.arch, fact.name)


def _unbuilt(result: GateResult, one: Unbuilt) -> Iterator[Json]:
    file, _, number = one.where.rpartition(":")
    lines = [line for line in result.lines if one.patch in (0, line.patch)]
    place = Location(file, int(number), "") if file and number.isdecimal() and int(number) else None
    told = [_place(place)] if place else [_line(line) for line in lines[:1]]
    if told:
        says = f"{one.arch} {one.page} pages: {one.message}"
        yield _result("does-not-compile", "error", says, told, one.arch, one.message)


def _between(result: GateResult, one: Unbuilt) -> Iterator[Json]:
    """Yield it at a line of the patch: the line that the compiler names may be another one after the series."""
    for line in [line for line in result.lines if line.patch == one.patch][:1]:
        says = f"{between_words(result, one)}, {one.page} pages: {f'{one.where}: ' if one.where else ''}{one.message}"
        yield _result("does-not-compile", "warning", says, [_line(line)], one.arch, one.message)


def _not_run(result: GateResult) -> Iterator[Json]:
    """Yield lines side by side as one result."""
    run: list[ChangedLine] = []
    for line in [*lines_not_run(result), None]:
        if run and (line is None or (line.file, line.line, line.use) != (run[0].file, run[-1].line + 1, run[0].use)):
            texts = " ".join(one.text for one in run)
            place = _line(run[0], run[-1].line)
            yield _result("not-exercised", "note", f"Changed here: {run[0].use.value}.", [place], run[0].file, texts)
            run = []
        if line:
            run.append(line)


def _invocation(result: GateResult, *, latent: bool) -> Json:
    answer = result.answer(latent=latent)
    notes = [f"{TOOL}: {answer.value}: {headline(result, latent=latent)}"]
    notes += [
        f"fixes: {one.kind.invariant} on {one.arch}{by_patch(result, one.patch)}"
        for one in result.standing(Standing.FIXES)
    ]
    notes += [f"not run: {one.arch} {one.page} pages: {one.message}" for one in result.unbuilt if not one.by_series]
    notes += [f"not exercised: {marks_words(one)}" for one in result.cells if one.missing]
    notes += [f"left out: {text}" for text in result.skipped]
    return {
        "executionSuccessful": answer is not Answer.NO_VERDICT,
        "exitCode": answer.exit_code,
        "exitCodeDescription": answer.value,
        "toolExecutionNotifications": [{"level": "note", "message": _text(text)} for text in notes],
    }


def _text(text: str) -> Json:
    """Return a message in which nothing is a link or a placeholder, whatever a patch says."""
    return {"text": (text or "-").replace("](", "] (").replace("{", "{{").replace("}", "}}")}


def _line(line: ChangedLine, last: int = 0) -> Json:
    region: Json = {"startLine": max(line.line, 1)}
    if last > line.line:
        region["endLine"] = last
    return {"physicalLocation": {"artifactLocation": _artifact(line.file), "region": region}}


def _place(where: Location) -> Json:
    physical: Json = {"artifactLocation": _artifact(where.file)}
    if where.line:
        physical["region"] = {"startLine": where.line}
    location: Json = {"physicalLocation": physical}
    if where.function:
        location["logicalLocations"] = [{"name": where.function, "kind": "function"}]
        location["message"] = _text(f"{where.function}()")
    return location


def _artifact(file: str) -> Json:
    return {"uri": quote(file, errors="replace"), "uriBaseId": _ROOT}
