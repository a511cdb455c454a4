# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` as text: the series, what was run of it, each violation once, and the judgement."""

from collections.abc import Iterator

from vmemcheck.gate.result import Change, ChangedLine, GateResult, LineUse, Standing
from vmemcheck.reports.check_finding import cause_lines
from vmemcheck.reports.check_words import printable, wrapped
from vmemcheck.reports.gate_words import (
    Replays,
    asides,
    between_words,
    by_change,
    by_patch,
    cause_words,
    headline,
    lines_words,
    marks_words,
    next_words,
    patch_words,
    replay_lines,
    run_words,
)

_KEY = " " * 10
_LINE_COLUMNS = 100
_MOST_LINES = 40


def gate_text(result: GateResult, replays: Replays, latent: bool) -> str:
    """Return the report of a judgement.

    :param replays: the files that sequences were saved to
    :param latent: violations in sizes that cannot occur count too
    """
    parts = [
        list(_head_lines(result)),
        list(_run_lines(result)),
        list(_line_lines(result)),
        list(_fact_lines(result)),
        *([printable(line) for line in unbuilt] for unbuilt in _unbuilt_parts(result)),
        *_change_parts(result, replays, latent=latent),
        list(_verdict_lines(result, latent=latent)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _keyed(key: str, text: str) -> list[str]:
    return wrapped(f"{key:<9} {one_line(text)}", _KEY)


def one_line(text: str) -> str:
    """Return text of a patch as one printable line."""
    return printable(" ".join(text.split()))


def _head_lines(result: GateResult) -> Iterator[str]:
    yield f"tree      {one_line(result.tree)}"
    yield f"from      {one_line(result.origin)}"
    for head in result.series:
        number = f"{head.number}/{len(result.series)}"
        yield from _keyed(f"patch {number}" if len(number) < 4 else number, head.subject)
        yield from (f"{_KEY}{one_line(name)}" for name in head.files)


def _run_lines(result: GateResult) -> Iterator[str]:
    if not result.cells and not result.identical:
        return
    yield from _keyed("run", run_words(result))
    if result.cells and result.identical:
        same = len(result.identical)
        yield from _keyed("not run", f"{same} more, whose program is the same before and after")
    yield from _keyed("budget", f"{result.budget}, seed {result.seed}")
    if result.cached:
        yield from _keyed("cached", f"the base in {result.cached} of {len(result.cells)} geometries")
    yield from (line for text in result.skipped for line in _keyed("left out", text))
    if result.confined:
        yield from _keyed("confined", "; ".join(result.confined))
    if result.unconfined:
        yield from _keyed("unconfined", "; ".join(result.unconfined))


def _line_lines(result: GateResult) -> Iterator[str]:
    """Yield the counts, each line that was not run, and each mark that is not met any more."""
    for one in result.cells:
        if one.missing:
            yield from _keyed("marks", marks_words(one))
    if not result.lines:
        return
    yield from _keyed("lines", lines_words(result))
    named = [line for line in result.lines if line.use in (LineUse.NOT_EXECUTED, LineUse.NOT_SLICED)]
    for use in (LineUse.NOT_EXECUTED, LineUse.NOT_SLICED):
        ones = [line for line in named if line.use is use]
        if ones:
            yield f"  {use.value}:"
            yield from (_line(result, line) for line in ones[:_MOST_LINES])
        if len(ones) > _MOST_LINES:
            yield f"    and {len(ones) - _MOST_LINES} more"


def _line(result: GateResult, line: ChangedLine) -> str:
    patch = patch_words(result, line.patch)
    text = printable(f"    {line.file}:{line.line}: {' '.join(line.text.split())}".replace("\n", " "))
    end = f"   ({patch})" if patch else ""
    room = _LINE_COLUMNS - len(end)
    return (text if len(text) <= room else f"{text[: room - 4]} ...") + end


def _fact_lines(result: GateResult) -> Iterator[str]:
    for fact in result.facts:
        breaks = ", which breaks a theorem" if fact.breaks else ""
        says = f": {fact.says}" if fact.says else ""
        words = f"{fact.arch} {fact.name}: {fact.before} before, {fact.after} after"
        yield from _keyed("fact", f"{words}{by_patch(result, fact.patch)}{breaks}{says}")


def _unbuilt_parts(result: GateResult) -> Iterator[list[str]]:
    """Yield each geometry that could not be run; the message stays as it is: commands and file names are in it."""
    for one in (*result.unbuilt, *result.between):
        named = f"{one.arch} {one.page} pages: {cause_words(result, one)}"
        words = f"not built {between_words(result, one)}, {named}" if one in result.between else f"not run   {named}"
        where = f"{one.where}: " if one.where else ""
        yield [
            *wrapped(one_line(words), _KEY),
            *(f"  {line}" for line in f"{where}{one.message}".split("\n")),
        ]


def _change_parts(result: GateResult, replays: Replays, *, latent: bool) -> Iterator[list[str]]:
    number = 0
    for standing in (Standing.BREAKS, Standing.FIXES):
        for change in sorted(result.standing(standing), key=lambda one: not one.reachable):
            number += 1
            unless = "" if change.reachable or latent else "; cannot occur, so it does not count without --latent"
            heading = f"violation {number}: {standing.value}{by_change(result, change)}{unless}"
            yield [*wrapped(heading, "  "), *change_lines(result, change, replays.get(change, ""))]
    if old := already_lines(result):
        yield ["already there, before the series; vmemcheck check shows each with its sequence:", *old]


def already_lines(result: GateResult) -> list[str]:
    """Return a line for each violation that the series neither adds nor removes; those in brackets cannot occur."""
    lines = []
    for change in sorted(result.standing(Standing.ALREADY_THERE), key=lambda one: (not one.touched, not one.reachable)):
        where = f"{change.kind.file}: {change.kind.function}()" if change.kind.function else ""
        name = change.kind.invariant if change.reachable else f"({change.kind.invariant})"
        near = "   (the series touches it)" if change.touched else ""
        lines.append(one_line(f"{change.arch} {name} {where}") + near)
    more = len(lines) - _MOST_LINES
    return [f"  {line}" for line in lines[:_MOST_LINES]] + ([f"  and {more} more"] if more > 0 else [])


def change_lines(result: GateResult, change: Change, replay: str) -> list[str]:
    """Return a violation with its sequence, its place in the kernel and its replay, printable."""
    lines = cause_lines(result, change, "")
    if change.standing is Standing.FIXES:
        lines[0] = lines[0].replace("violated", "was violated", 1)
    for key, text in zip(("replay    ", _KEY), replay_lines(result, change, replay), strict=False):
        lines.append(printable(f"{key}{text}"))
    return lines


def _verdict_lines(result: GateResult, *, latent: bool) -> Iterator[str]:
    answer = result.answer(latent=latent)
    yield from wrapped(one_line(f"{answer.value}: {headline(result, latent=latent)}"), _KEY)
    yield from (line for text in asides(result, latent=latent) for line in _keyed("also", text))
    yield from _keyed("next", next_words(result, latent=latent))
