# SPDX-License-Identifier: GPL-2.0-or-later
"""Words and numbers that the reports of ``vmemcheck gate`` have in common.

Nothing here lays out a report.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping

from vmemcheck.gate.result import (
    Answer,
    Change,
    ChangedLine,
    FactChange,
    GateResult,
    JudgedCell,
    LineUse,
    Standing,
    Unbuilt,
)
from vmemcheck.reports.check_finding import tree_arguments
from vmemcheck.reports.check_words import cell_words, counted

Replays = Mapping[Change, str]
"""The files that the sequences of violations were saved to."""

Format = Callable[[GateResult, Replays, bool], str]
"""A report: of a judgement and its files; the last is whether violations in sizes that cannot occur count too."""

TOOL = "vmemcheck"
NOT_RUN = (LineUse.NOT_EXECUTED, LineUse.NOT_SLICED)
_TOLD = 3
_MORE = re.compile(r"\n| +(?:where|to fix) {3,}")  # of an error that is one line, its other parts
_BY_ITSELF = "let each patch work by itself: git bisect stops at any of them"


def listed(items: Iterable[str], told: int = _TOLD) -> str:
    """Return a few different items in one line, and how many more there are."""
    names = list(dict.fromkeys(items))
    more = f" and {len(names) - told} more" if len(names) > told else ""
    return ", ".join(names[:told]) + more


def counted_changes(result: GateResult, standing: Standing, *, latent: bool) -> list[Change]:
    """Return the violations that stand so to the series and count for the answer."""
    return [one for one in result.standing(standing) if latent or one.reachable]


def breaking_facts(result: GateResult) -> list[FactChange]:
    """Return the facts whose change breaks a theorem."""
    return [fact for fact in result.facts if fact.breaks]


def lines_not_run(result: GateResult) -> list[ChangedLine]:
    """Return the changed lines that no sequence went through, and that make code."""
    return [line for line in result.lines if line.use in NOT_RUN]


def arches(result: GateResult) -> list[str]:
    """Return the architectures that were run, in report order."""
    cells = [one.cell for one in result.cells] or list(result.identical)
    return list(dict.fromkeys(cell.arch for cell in cells))


def marks_words(one: JudgedCell) -> str:
    """Return what a geometry does not meet any more."""
    return f"{cell_words(one.cell)}: met before the series, not after it: {', '.join(one.missing)}"


def patch_words(result: GateResult, number: int) -> str:
    """Return a patch in a few words: ``patch 2/3``; nothing where none is named or there is only one."""
    return f"patch {number}/{len(result.series)}" if number and len(result.series) > 1 else ""


def by_patch(result: GateResult, number: int) -> str:
    """Return `` by patch 2/3``, or nothing."""
    words = patch_words(result, number)
    return f" by {words}" if words else ""


def change_words(result: GateResult, change: Change) -> str:
    """Return the patch that a violation is from, as ``patch_words()``, and the one that mends it again."""
    words, mended = patch_words(result, change.patch), patch_words(result, change.mended)
    return f"{words} until {mended}" if mended else words


def by_change(result: GateResult, change: Change) -> str:
    """Return the same as `` by patch 2/3 until patch 3/3``, or nothing."""
    words = change_words(result, change)
    return f" by {words}" if words else ""


def between_words(result: GateResult, one: Unbuilt) -> str:
    """Return which patch keeps the code from being built for a time, and until when."""
    return f"{one.arch} {_halt_words(result, one)}"


def _halt_words(result: GateResult, one: Unbuilt) -> str:
    until = patch_words(result, one.mended) or "a later one"
    return f"does not build after {patch_words(result, one.patch)} until {until}"


def cause_words(result: GateResult, one: Unbuilt) -> str:
    """Return why something could not be built; of a name that is missing for a time, both may be the cause."""
    if one.by_series:
        return f"the series is the cause{by_patch(result, one.patch)}"
    return "the series, or a gap of vmemcheck" if one in result.between else "a gap of vmemcheck"


def series_words(result: GateResult) -> str:
    """Return the series in one line: its first subject, and how many patches it has."""
    first = result.series[0].subject if result.series else "no patch"
    count = len(result.series)
    return f"{first}, and {counted(count - 1, 'more patch', 'more patches')}" if count > 1 else first


def use_counts(result: GateResult) -> dict[LineUse, int]:
    """Return how many of the changed lines were used in which way, all ways in order."""
    return {use: sum(line.use is use for line in result.lines) for use in LineUse}


def lines_words(result: GateResult) -> str:
    """Return what became of the lines that the series adds or changes."""
    words = [f"{number} {use.value}" for use, number in use_counts(result).items() if number]
    return f"{counted(len(result.lines), 'changed line')}: {'; '.join(words)}" if words else "no changed line"


def run_words(result: GateResult) -> str:
    """Return what was run, or that nothing need be."""
    if not result.cells:
        same = counted(len(result.identical), "geometry", "geometries")
        return f"{same} of {', '.join(arches(result))}: the program is the same before and after"
    sequences = sum(one.sequences for one in result.cells)
    where = counted(len(result.cells), "geometry", "geometries")
    return f"{where} of {', '.join(arches(result))}, {counted(sequences, 'sequence')} in all, on base and patched code"


def headline(result: GateResult, *, latent: bool) -> str:
    """Return the judgement in one line, without the word itself."""
    match result.answer(latent=latent):
        case Answer.BREAKS:
            new = counted_changes(result, Standing.BREAKS, latent=latent)
            facts = breaking_facts(result)
            named = [f"{one.kind.invariant} on {one.arch}{by_change(result, one)}" for one in new]
            named += [f"{fact.name} on {fact.arch}{by_patch(result, fact.patch)}" for fact in facts]
            return listed(named)
        case Answer.NO_VERDICT:
            said = _MORE.split(result.unbuilt[0].message, 1)[0]
            return f"the patched code could not be run on {listed(one.arch for one in result.unbuilt)}: {said}"
        case Answer.NOT_APPLICABLE:
            return result.reason
        case Answer.NOT_EXERCISED:
            missed = len(lines_not_run(result))
            if not missed:
                marks = listed(dict.fromkeys(name for one in result.cells for name in one.missing))
                return f"no new violation, but the series keeps the sequences from what they met before: {marks}"
            return f"no new violation, but {missed} of {counted(len(result.lines), 'changed line')} did not run"
        case Answer.FIXES:
            gone = counted_changes(result, Standing.FIXES, latent=latent)
            return listed(f"{one.kind.invariant} on {one.arch}{by_change(result, one)}" for one in gone)
        case Answer.UNCHANGED if not result.cells:
            return run_words(result)
        case Answer.UNCHANGED:
            which = "" if all(one.reachable for one in result.changes) else " that can occur"
            return f"no violation{which} is new or gone in {run_words(result)}"


def asides(result: GateResult, *, latent: bool) -> list[str]:
    """Return what else there is to say beside the headline, a few words each."""
    answer = result.answer(latent=latent)
    counts = {
        "fixed": len(result.standing(Standing.FIXES)) if answer is not Answer.FIXES else 0,
        f"already there{touched_words(result)}": len(result.standing(Standing.ALREADY_THERE)),
        "new in sizes that cannot occur": len(result.standing(Standing.BREAKS))
        - len(counted_changes(result, Standing.BREAKS, latent=latent)),
    }
    words = [f"{counted(number, 'violation')} {what}" for what, number in counts.items() if number]
    if result.unbuilt and answer is not Answer.NO_VERDICT:
        words.append(f"{counted(len(result.unbuilt), 'geometry', 'geometries')} could not be run")
    if result.between:
        words.append(f"{listed(_halt_words(result, one) for one in result.between)}: git bisect stops there")
    missed = len(lines_not_run(result))
    if missed and answer is not Answer.NOT_EXERCISED:
        words.append(f"{counted(missed, 'changed line')} did not run")
    return words


def touched_words(result: GateResult) -> str:
    """Return how much of what was there before is the business of who sent the series."""
    near = sum(one.touched for one in result.standing(Standing.ALREADY_THERE))
    return f", {near or 'none'} in a function that the series changes"


def next_words(result: GateResult, *, latent: bool) -> str:
    """Return what a reader can do now."""
    broken = counted_changes(result, Standing.BREAKS, latent=latent)
    match result.answer(latent=latent):
        case Answer.BREAKS if broken and all(one.mended for one in broken):
            return _BY_ITSELF
        case Answer.BREAKS if broken:
            return "replay violation 1, which draws the vmemmap after each operation"
        case Answer.BREAKS:
            return "see vmemcheck prove for the theorem, and vmemcheck facts for the tree"
        case Answer.NO_VERDICT if any(one.by_series for one in result.unbuilt):
            return "mend the patch as the message says"
        case Answer.NO_VERDICT:
            return "do what the messages say"
        case Answer.NOT_EXERCISED if _never_run(result):
            return "read these lines yourself: no sequence gets to them, however long"
        case Answer.NOT_EXERCISED:
            return "run longer, --budget deep, on all architectures and sizes; or read these lines yourself"
        case Answer.NOT_APPLICABLE:
            return "nothing to do here"
        case _ if result.between:
            return _BY_ITSELF
        case Answer.UNCHANGED if not result.cells:
            return "nothing to do here: no line of code is another one"
        case _ if result.budget != "deep":
            return "look further: --budget deep"
        case _:
            return f"look further: --seed {result.seed + 1}"


def _never_run(result: GateResult) -> bool:
    uses = {line.use for line in lines_not_run(result)}
    return uses == {LineUse.NOT_SLICED}


def tree_words(result: GateResult, change: Change) -> str:
    """Return the tree on which a violation shows: with the patches up to the one that is named, or as it was."""
    if change.standing is not Standing.BREAKS:
        return f"{result.tree} as it was"
    count = change.patch or len(result.series)
    patches = f"patches 1 to {count}" if count > 1 else "patch 1" if len(result.series) > 1 else "the patch"
    return f"{result.tree} with {patches} applied"


def replay_lines(result: GateResult, change: Change, replay: str) -> list[str]:
    """Return how to run the sequence of a violation again, as a command and what it needs."""
    if not replay:
        return []
    command = f"vmemcheck replay {shlex.quote(replay)}"
    if change.standing is not Standing.BREAKS:
        return [f"{command} {tree_arguments(result)}"]
    return [f"{command} --tree PATCHED", f"PATCHED being {tree_words(result, change)}"]
