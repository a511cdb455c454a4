# SPDX-License-Identifier: GPL-2.0-or-later
"""A judgement as test cases, for the reports that know nothing else: JUnit and KTAP.

A failure is what makes the exit code 1, an error what makes it 2: nothing with another exit code than 0 passes.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from vmemcheck.gate.result import Change, GateResult, JudgedCell, Standing, Unbuilt
from vmemcheck.reports.check_words import unusual_levels
from vmemcheck.reports.finding import page_size
from vmemcheck.reports.gate_text import change_lines
from vmemcheck.reports.gate_words import (
    Replays,
    between_words,
    change_words,
    counted_changes,
    headline,
    lines_not_run,
    lines_words,
    marks_words,
)


class Outcome(enum.Enum):
    """What came of a case."""

    PASSED = "passed"
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """One test case; its texts are not escaped.

    :param what: the word of the report: ``breaks``, ``not exercised`` ...
    :param message: in one line
    :param text: the details, lines
    """

    group: str
    name: str
    outcome: Outcome = Outcome.PASSED
    what: str = ""
    message: str = ""
    text: str = ""


def cases(result: GateResult, replays: Replays, *, latent: bool) -> list[Case]:
    """Return all cases, those of one group one after the other.

    :param replays: the files that sequences were saved to
    :param latent: violations in sizes that cannot occur count too
    """
    counting = counted_changes(result, Standing.BREAKS, latent=latent)
    judged = {one.cell for one in result.cells}
    found = [_cell_case(result, one, counting, replays, latent=latent) for one in result.cells]
    groups = list(dict.fromkeys(case.group for case in found))
    found.sort(key=lambda case: groups.index(case.group))
    found += [
        Case("other scopes", f"{one.arch} {one.kind.invariant}", *_failure(result, [one], replays))
        for one in counting
        if not judged.intersection(one.cells)
    ]
    found += [
        Case(
            "facts",
            f"{fact.arch} {fact.name}",
            Outcome.FAILURE if fact.breaks else Outcome.PASSED,
            "breaks" if fact.breaks else "",
            f"{fact.before} before, {fact.after} after",
            fact.says,
        )
        for fact in result.facts
    ]
    found += [
        Case(
            f"{cell.arch} {page_size(cell.geometry)} pages, same program",
            f"struct page {cell.geometry.struct_page_bytes}",
        )
        for cell in result.identical
    ]
    found += [_unbuilt_case(one) for one in result.unbuilt]
    found += [
        Case("between patches", one.arch, Outcome.PASSED, "", between_words(result, one), one.message)
        for one in result.between
    ]
    found += [*_line_cases(result), *_left_out(result, latent=latent)]
    return found or [Case("series", "applicable", message=headline(result, latent=latent))]


def _cell_case(result: GateResult, one: JudgedCell, counting: list[Change], replays: Replays, *, latent: bool) -> Case:
    cell = one.cell
    levels = unusual_levels(cell)
    name = f"struct page {cell.geometry.struct_page_bytes}"
    name += f", {levels} levels" if levels else ""
    name += f", {cell.memory_model}" if cell.memory_model else ""
    name += "" if cell.reachable else ", cannot occur"
    group = f"{cell.arch} {page_size(cell.geometry)} pages"
    broken = [change for change in counting if cell in change.cells]
    if broken:
        return Case(group, name, *_failure(result, broken, replays))
    if one.missing and not result.reason and (latent or cell.reachable):
        return Case(group, name, Outcome.ERROR, "not exercised", marks_words(one))
    others = [change for change in result.changes if cell in change.cells]
    words = [f"{change.standing.value}: {change.kind.invariant}" for change in others]
    told = [change for change in others if change.standing is not Standing.ALREADY_THERE]
    return Case(group, name, Outcome.PASSED, "", "; ".join(words), _text(result, told, replays))


def _failure(result: GateResult, changes: list[Change], replays: Replays) -> tuple[Outcome, str, str, str]:
    words = []
    for change in changes:
        patch = change_words(result, change)
        words.append(f"{change.kind.invariant}{f' ({patch})' if patch else ''}")
    return Outcome.FAILURE, "breaks", ", ".join(dict.fromkeys(words)), _text(result, changes, replays)


def _text(result: GateResult, changes: list[Change], replays: Replays) -> str:
    return "\n\n".join("\n".join(change_lines(result, change, replays.get(change, ""))) for change in changes)


def _unbuilt_case(one: Unbuilt) -> Case:
    text = f"{one.where}: {one.message}" if one.where else one.message
    cause = "the series is the cause" if one.by_series else "a gap of vmemcheck"
    message = f"{cause}: {one.message.partition(chr(10))[0]}"
    return Case("not run", f"{one.arch} {one.page} pages", Outcome.ERROR, "no verdict", message, text)


def _line_cases(result: GateResult) -> Iterator[Case]:
    missed = lines_not_run(result)
    name = "each changed line is run"
    if missed and not result.reason:
        text = "\n".join(f"{line.file}:{line.line}: {line.use.value}: {line.text}" for line in missed)
        yield Case("lines", name, Outcome.ERROR, "not exercised", lines_words(result), text)
    elif result.lines:
        yield Case("lines", name, message=lines_words(result))


def _left_out(result: GateResult, *, latent: bool) -> Iterator[Case]:
    if result.reason:
        # Not skipped: to the kernel's reader, a run in which all is skipped has failed.
        yield Case("series", "not applicable", message=headline(result, latent=latent))
    for line in result.skipped:
        name, _, reason = line.partition(": ")
        yield Case("left out", name, Outcome.SKIPPED, "left out", reason or line)
