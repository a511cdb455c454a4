# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck check`` as text: one table, what stands behind it, then each finding once, and the verdict."""

from collections.abc import Iterator, Mapping

from vmemcheck.check import Cause, CellResult, CheckResult
from vmemcheck.invariant import Verdict
from vmemcheck.reports.check_finding import cause_lines
from vmemcheck.reports.check_sub_page import sub_page_lines
from vmemcheck.reports.check_words import (
    by_design_lines,
    counted,
    counts,
    ended_words,
    overall,
    printable,
    scope_words,
    unusual_levels,
    wrapped,
)
from vmemcheck.reports.finding import page_size

ROW_COLUMNS = 100

# Heads in two lines; numbers stand to the right.
_HEADS = (
    ("", "architecture", "<", 12),
    ("", "page", "<", 4),
    ("struct", "page", ">", 6),
    ("", "levels", ">", 6),
    ("", "verdict", "<", 10),
    ("", "sequences", ">", 9),
    ("", "marks", ">", 5),
    ("struct page", "size", "<", 12),
    ("", "findings", "<", 8),
)
_FINDINGS_COLUMN = sum(width + 2 for _, _, _, width in _HEADS[:-1])
_NOTE = "    "
_KEY = " " * 10


def check_text(result: CheckResult, replays: Mapping[Cause, str], *, latent: bool) -> str:
    """Return the report of a tree.

    :param replays: the files that sequences were saved to
    :param latent: what cannot occur counts too
    """
    parts = [
        list(_head_lines(result)),
        list(_table_lines(result)),
        list(_below_lines(result)),
        list(sub_page_lines(result)),
        list(_message_lines(result)),
        *_finding_parts(result, replays, latent=latent),
        [
            *wrapped(verdict_line(result, latent=latent), _KEY, columns=ROW_COLUMNS),
            *wrapped(f"next      {_next_words(result, latent=latent)}", _KEY),
        ],
    ]
    return "\n\n".join(printable("\n".join(part)) for part in parts if part)


def _head_lines(result: CheckResult) -> Iterator[str]:
    yield f"tree      {result.tree}"
    yield f"from      {result.origin}"
    yield from wrapped(f"scope     {scope_words(result.scope)}", _KEY)
    yield f"sequences {result.examples} for each row, seed {result.seed}"
    known = sum(one.cached for one in result.cells)
    if known:
        yield f"cached    {known} of {len(result.cells)} rows: their results were known; --no-cache runs them again"
    for key, texts in (("confined", result.confined), ("unconfined", result.unconfined)):
        if texts:
            yield from wrapped(f"{key:<9} {'; '.join(texts)}", _KEY)


def _table_lines(result: CheckResult) -> Iterator[str]:
    if not result.cells:
        return
    yield _row([upper for upper, _, _, _ in _HEADS])
    yield _row([lower for _, lower, _, _ in _HEADS])
    numbers: dict[object, list[int]] = {}
    for number, cause in enumerate(result.causes, start=1):
        for cell in cause.cells:
            numbers.setdefault(cell, []).append(number)
    for one in result.cells:
        yield from _cell_lines(one, numbers.get(one.cell, []))


def _cell_lines(one: CellResult, numbers: list[int]) -> Iterator[str]:
    ran = one.verdict is not Verdict.NO_VERDICT
    first, *rest = wrapped(" ".join(map(str, numbers)), columns=ROW_COLUMNS - _FINDINGS_COLUMN)
    yield _row(
        [
            one.cell.arch,
            page_size(one.cell.geometry),
            str(one.cell.geometry.struct_page_bytes),
            unusual_levels(one.cell),
            one.verdict.value,
            str(one.sequences) if ran else "-",
            f"{len(one.met)}/{len(one.met) + len(one.missing)}" if ran else "-",
            "can occur" if one.cell.reachable else "cannot occur",
            first,
        ]
    )
    yield from (" " * _FINDINGS_COLUMN + line for line in rest)
    if one.cell.memory_model:
        yield f"{_NOTE}{one.cell.memory_model}" + (": no vmemmap, no device ranges" if one.cell.is_classic else "")
    if one.ended_early:
        yield f"{_NOTE}{ended_words(one)}"
    if one.verdict is Verdict.VACUOUS:
        yield from wrapped(f"{_NOTE}not met: {', '.join(one.missing)}", 2 * _NOTE, columns=ROW_COLUMNS)
    if not ran:
        message = f"{_NOTE}{printable(one.error).partition(chr(10))[0]}"
        yield message if len(message) <= ROW_COLUMNS else f"{message[: ROW_COLUMNS - 4]} ..."


def _row(texts: list[str]) -> str:
    columns = zip(texts, _HEADS, strict=True)
    return "  ".join(f"{text:{side}{width}}" for text, (_, _, side, width) in columns).rstrip()


def _below_lines(result: CheckResult) -> Iterator[str]:
    for line in by_design_lines(result.cells):
        yield from wrapped(f"by design  {line}", " " * 11)
    for line in result.skipped:
        yield from wrapped(f"skipped    {line}", " " * 11)


def _message_lines(result: CheckResult) -> Iterator[str]:
    """Yield each message of a row without verdict once, whole, as it is: commands and file names are in it."""
    for message in dict.fromkeys(one.error for one in result.cells if one.verdict is Verdict.NO_VERDICT):
        yield f"no verdict: {message}"


def _finding_parts(result: CheckResult, replays: Mapping[Cause, str], *, latent: bool) -> Iterator[list[str]]:
    headed = False
    for number, cause in enumerate(result.causes, start=1):
        if not (cause.reachable or headed):
            headed = True
            does = "fail the run, as --latent asks" if latent else "do not fail the run, unless --latent is given"
            yield wrapped(f"These findings cannot occur in this tree. They {does}.")
        yield [f"finding {number}", *cause_lines(result, cause, replays.get(cause, ""))]


def verdict_line(result: CheckResult, *, latent: bool) -> str:
    """Return the verdict on the tree, with counts."""
    verdict = overall(result, latent=latent)
    rows = [one for one in result.cells if counts(one, latent=latent)]
    if not rows:
        return f"{verdict.value:<9} none of {counted(len(result.cells), 'row')} can occur in this tree"
    parts = []
    if verdict is Verdict.HOLDS:
        parts.append(f"no violation in {counted(sum(one.sequences for one in rows), 'sequence')}, seed {result.seed}")
    can = sum(cause.reachable for cause in result.causes)
    cannot = len(result.causes) - can
    if can:
        parts.append(f"{counted(can, 'finding')} can occur" + (f", {cannot} cannot" if cannot else ""))
    elif cannot:
        parts.append(f"{counted(cannot, 'finding')} cannot occur")
    numbers = {kind: sum(one.verdict is kind for one in result.cells) for kind in Verdict}
    words = [f"{number} {kind.value}" for kind, number in numbers.items() if number]
    parts.append(f"{counted(len(result.cells), 'row')}: {', '.join(words)}")
    return f"{verdict.value:<9} {'; '.join(parts)}"


def _next_words(result: CheckResult, *, latent: bool) -> str:
    """Return what a reader can do now."""
    match overall(result, latent=latent):
        case Verdict.VIOLATED:
            return "replay finding 1, which draws the vmemmap after each operation"
        case Verdict.VACUOUS:
            return f"run longer, until every mark is met: --examples {4 * result.examples}"
        case Verdict.HOLDS:
            more = "" if result.scope.faults else ", --faults"
            return f"look further: --examples {10 * result.examples}, --seed {result.seed + 1}{more}"
        case _ if any(counts(one, latent=latent) for one in result.cells):
            return "do what the messages say, or choose rows: --arch, --page-size, --struct-page"
        case _:
            return "choose other rows: --arch, --page-size, --struct-page; --latent counts all rows"
