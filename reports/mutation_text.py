# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck mutate`` as text: counts by function, the reasons, and each mutant that nothing killed.

What counts as killed is decided elsewhere.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from vmemcheck.mutation.mutant import Mutant
from vmemcheck.mutation.reasons import REASONS
from vmemcheck.mutation.result import Counts, Fate, MutantResult, MutationResult
from vmemcheck.reports.check_words import counted, printable, scope_words, wrapped
from vmemcheck.reports.finding import geometry_words

_KEY = " " * 10
_HEADS = ("function", *(fate.value for fate in Fate), "of")


def mutants_text(mutants: Iterable[Mutant]) -> str:
    """Return a line for each mutant."""
    return printable("\n".join(_mutant_line(mutant) for mutant in mutants))


def mutation_text(result: MutationResult) -> str:
    """Return the report of a tree and architecture."""
    parts = [
        [*_head(result)],
        [*_table(result)],
        [*_reasons(result.mutants)],
        [*_listed(result.mutants, Fate.NOT_REACHED, "no sequence gets to")],
        [*_listed(result.mutants, Fate.SURVIVED, "nothing killed")],
        [*_verdict(result)],
    ]
    return "\n\n".join(printable("\n".join(part)) for part in parts if part)


def share(part: int, whole: int) -> str:
    """Return a share in percent, rounded down, so that 100% means all."""
    return f"{part} of {whole} ({part * 1000 // whole / 10}%)" if whole else "0 of 0"


def _head(result: MutationResult) -> Iterator[str]:
    yield f"tree      {result.tree}"
    yield f"from      {result.origin}"
    yield f"mutants   {result.counts.total} of {result.arch}; {result.refused} more that do not compile were not tried"
    for at, geometry in enumerate(result.geometries):
        tables = f"{1 << geometry.table_shift} entries per table"
        yield f"{'' if at else 'tried in':<10}{geometry_words(geometry)}, {geometry.levels} levels, {tables}"
    for scope in result.scopes:
        yield from wrapped(f"{'scope':<10}{scope_words(scope)}", _KEY)
    yield f"budget    {counted(result.examples, 'sequence')} for each of these, seed {result.seed}"


def _table(result: MutationResult) -> Iterator[str]:
    rows: list[Sequence[str]] = [_HEADS]
    for (file, function), results in result.by_function().items():
        on_path = "" if function in result.paths else "  (no path)"
        rows.append((f"{file}: {function}(){on_path}", *_cells(Counts.of(results))))
    rows.append(("vmemmap populate and free paths", *_cells(result.counts_of_paths)))
    rows.append(("all", *_cells(result.counts)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for name, *numbers in rows:
        cells = [f"{number:>{width}}" for number, width in zip(numbers, widths[1:], strict=True)]
        yield "  ".join([f"{name:<{widths[0]}}", *cells])


def _cells(counts: Counts) -> tuple[str, ...]:
    return tuple(
        str(number)
        for number in (
            counts.killed,
            counts.equivalent,
            counts.outside,
            counts.not_reached,
            counts.survived,
            counts.total,
        )
    )


def _reasons(results: Iterable[MutantResult]) -> Iterator[str]:
    """Yield what killed how many, and why how many need not be killed, or cannot be."""
    said = {reason.name: reason.says for reason in REASONS}
    found = Counter((one.fate, one.why) for one in results if one.why)
    for (fate, why), number in sorted(found.items(), key=lambda one: (list(Fate).index(one[0][0]), -one[1], one[0][1])):
        yield from wrapped(f"{fate.value:<10} {number:>4}  {why}{f': {said[why]}' if why in said else ''}", " " * 17)


def _listed(results: Iterable[MutantResult], fate: Fate, title: str) -> Iterator[str]:
    chosen = [one for one in results if one.fate is fate]
    if chosen:
        yield f"{title} {counted(len(chosen), 'mutant')}"
    for one in chosen:
        seen = f"; does something else on {counted(one.differed, 'sequence')}" if one.differed else ""
        yield f"  {_mutant_line(one.mutant)}{seen}"


def _mutant_line(mutant: Mutant) -> str:
    return f"{mutant.number:>4} {mutant.file}:{mutant.line} {mutant.function}(): {mutant.operator.value}: {mutant.text}"


def _verdict(result: MutationResult) -> Iterator[str]:
    for key, counts in (("paths", result.counts_of_paths), ("all", result.counts)):
        yield f"{key:<10}killed {share(counts.killed, counts.different)} that are not equivalent"
        yield f"{_KEY}killed {share(counts.killed, counts.inside)} of them that make a difference in this machine"
