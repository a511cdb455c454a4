# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck explore`` as text: what was visited, what was scaled, and each finding."""

import shlex
from collections.abc import Iterator, Mapping
from fractions import Fraction

from vmemcheck.exploration import CellExploration, ExploreResult, Shown
from vmemcheck.explore_scope import ExploreScope
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Verdict
from vmemcheck.reports.check_finding import tree_arguments
from vmemcheck.reports.check_words import (
    cell_words,
    counted,
    door_words,
    occurs_words,
    printable,
    scope_words,
    size_text,
    wrapped,
)
from vmemcheck.reports.finding import reason_lines, sequence_lines, verdict_line

_KEY = " " * 10


def explore_text(result: ExploreResult, replays: Mapping[Shown, str], *, latent: bool) -> str:
    """Return the report of a tree.

    :param replays: the files that sequences were saved to
    :param latent: what cannot occur, or is seen in the scaled geometry only, counts too
    """
    parts = [
        [f"tree      {result.tree}", f"from      {result.origin}", *_scope_lines(result.scope)],
        *(part for one in result.cells for part in _cell_parts(result, one, replays, latent=latent)),
    ]
    return "\n\n".join(printable("\n".join(part)) for part in parts)


def _scope_lines(scope: ExploreScope) -> Iterator[str]:
    yield from wrapped(f"scope     {scope_words(scope.scope)}", _KEY)
    devices = f"at most {counted(scope.devices, 'device range')} at a time" if scope.devices else "any number of ranges"
    life = "brought to life at any time" if scope.uninitialised else "each brought to life before anything else happens"
    yield from wrapped(f"{_KEY}{devices}, {life}", _KEY)


def _cell_parts(
    result: ExploreResult, one: CellExploration, replays: Mapping[Shown, str], *, latent: bool
) -> Iterator[list[str]]:
    marks = f"{len(one.met)}/{len(one.met) + len(one.missing)}"
    lines = [
        f"explored  {cell_words(one.cell)}",
        *wrapped(f"scaled    {scaled_words(one.scaled, one.cell.geometry)}", _KEY),
        f"states    {one.states}, {counted(one.transitions, 'transition')}, depth {one.depth}, marks {marks}",
    ]
    if one.missing:
        lines += wrapped(f"not met   {', '.join(one.missing)}", _KEY)
    for declared in one.by_design:
        lines += wrapped(f"by design {declared.says} ({declared.source})", _KEY)
    lines += wrapped(f"free memory: {_free_words(one)}", _KEY)
    lines += wrapped(f"variables of the kernel in the state: {', '.join(one.statics) or 'none'}", _KEY)
    yield lines
    for number, shown in enumerate(one.shown, start=1):
        yield [f"finding {number}", *_finding_lines(result, one, shown, replays.get(shown, ""))]
    yield wrapped(_verdict_words(one, latent=latent), _KEY)


def _free_words(one: CellExploration) -> str:
    if not one.left_over:
        apart = "told apart" if one.with_free else "not told apart"
        return f"{apart}; the code never read what was left in it"
    return f"told apart by what is left in it, since the code reads that: {', '.join(one.left_over)}"


def scaled_words(scaled: Geometry, full: Geometry) -> str:
    """Return what has another size than at full size, and how much of a PMD leaf the memmap of a section is in both."""
    words = [
        f"{1 << scaled.table_shift} entries per table instead of {1 << full.table_shift}",
        f"{scaled.subsections_per_section} subsections per section instead of {full.subsections_per_section}",
    ]
    if scaled.subsection_shift != full.subsection_shift:
        sizes = (size_text(1 << one.subsection_shift) for one in (scaled, full))
        words.append("a subsection is {} instead of {}".format(*sizes))
    sizes = (size_text(1 << one.section_shift) for one in (scaled, full))
    words.append("a section is {} instead of {}".format(*sizes))
    shares = [Fraction(one.section_memmap_bytes, one.pmd_bytes) for one in (scaled, full)]
    same = " as at full size" if shares[0] == shares[1] else f" instead of {shares[1]}"
    return f"{', '.join(words)}; its memmap is {shares[0]} of a PMD leaf{same}"


def _finding_lines(result: ExploreResult, one: CellExploration, shown: Shown, replay: str) -> Iterator[str]:
    finding = shown.finding
    where = cell_words(one.cell) if shown.full else f"{cell_words(one.cell)}, scaled only"
    yield verdict_line(finding, f"{where}, {result.tree}")
    yield from (f"  {line}" for line in sequence_lines(finding))
    for line in reason_lines(finding):
        yield from [line] if line.startswith("    at ") else wrapped(line, "    ")
    yield from wrapped(f"reachable {occurs_words(one.cell)}; {door_words(finding)}", _KEY)
    if not shown.full:
        yield f"{_KEY}no sequence of the same shape shows it at full size"
    if replay:
        yield f"replay    vmemcheck replay {shlex.quote(replay)} {tree_arguments(result)}"


def _verdict_words(one: CellExploration, *, latent: bool) -> str:
    counts = latent or one.cell.reachable
    note = "" if counts else "; this size cannot occur in this tree: it counts with --latent"
    if one.shown:
        scaled = sum(not shown.full for shown in one.shown)
        words = f"{counted(len(one.shown), 'finding')}, {scaled} of them in the scaled geometry only"
        end = "all other states were visited" if one.is_complete else f"stopped after {one.states} states"
        return f"{one.verdict.value:<9} {words}; {end}{note}"
    if not one.is_complete:
        return f"{one.verdict.value:<9} stopped after {one.states} states, nothing violated, not complete{note}"
    words = f"complete: no violation in any of the {one.states} reachable states"
    if one.verdict is Verdict.VACUOUS:
        words += ", but not all marks were met"
    return f"{one.verdict.value:<9} {words}{note}"
