# SPDX-License-Identifier: GPL-2.0-or-later
"""Several mutation runs side by side, as Markdown tables for docs/mutation.md.

They are made from the JSON reports of ``vmemcheck mutate``. Nothing is run here, and what survivors mean is not said.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from vmemcheck.mutation.reasons import REASONS
from vmemcheck.mutation.result import Fate
from vmemcheck.reports.check_words import printable

_SAME_CODE = "same code"
_SAYS = {
    **{reason.name: reason.says for reason in REASONS},
    _SAME_CODE: "the compiler makes the same object code of it, in a scaled and in a full geometry",
}
_ABSENT = "-"
_MM = "mm"


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one mutant.

    :param place: kernel file, or ``mm``, and function
    :param why: what killed it, or the reason
    """

    place: tuple[str, str]
    text: str
    fate: Fate
    why: str


@dataclass(frozen=True, slots=True)
class Survey:
    """A mutation run.

    :param name: tree and architecture
    """

    name: str
    mutants: tuple[Judged, ...]

    def count(self, fate: Fate) -> int:
        """Count the mutants of a fate."""
        return sum(one.fate is fate for one in self.mutants)


def survey_of(report: str) -> Survey:
    """Read a survey from a report of ``vmemcheck mutate --format json``."""
    data = json.loads(report)
    return Survey(
        name=printable(f"{data['tree'].removeprefix('linux-')} {data['arch']}"),
        mutants=tuple(
            Judged(
                place=(_file(printable(one["file"])), printable(f"{one['function']}()")),
                text=printable(f"{one['operator']} `{one['text']}`"),
                fate=Fate(one["fate"]),
                why=printable(one["why"]),
            )
            for one in data["mutants"]
        ),
    )


def _file(name: str) -> str:
    return _MM if name.startswith(f"{_MM}/") else name


def surveys_markdown(surveys: Sequence[Survey]) -> str:
    """Return the tables: all fates, what killed, by function, the reasons, and what nothing killed."""
    parts = [
        [*_fates(surveys)],
        ["What killed them:"],
        [*_killers(surveys)],
        ["By function: killed of those that are not equivalent, and how many are equivalent behind the +."],
        *([*table] for table in _functions(surveys)),
        ["Why mutants are equivalent, and how many:"],
        [*_reasons(surveys, Fate.EQUIVALENT)],
        ["Why mutants are outside, and how many:"],
        [*_reasons(surveys, Fate.OUTSIDE)],
        ["What no sequence gets to, and what survived:"],
        [*_left(surveys)],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield _row(head)
    yield _row("---" for _ in head)
    yield from map(_row, rows)


def _fates(surveys: Sequence[Survey]) -> Iterator[str]:
    rows = []
    for one in surveys:
        different = len(one.mutants) - one.count(Fate.EQUIVALENT)
        percent = f"{one.count(Fate.KILLED) * 1000 // different / 10}%" if different else "-"
        rows.append((one.name, len(one.mutants), *(one.count(fate) for fate in Fate), percent))
    return _table(("tree", "mutants", *(fate.value for fate in Fate), "killed of those not equivalent"), rows)


def _killers(surveys: Sequence[Survey]) -> Iterator[str]:
    def named(one: Judged) -> str:
        name = one.why.split(":")[0]
        return "a mark that is missed" if name.startswith("mark ") else name

    return _counted("killed by", surveys, Fate.KILLED, named)


def _reasons(surveys: Sequence[Survey], fate: Fate) -> Iterator[str]:
    def named(one: Judged) -> str:
        return f"{one.why}: {_SAYS[one.why]}" if one.why in _SAYS else one.why

    return _counted("reason", surveys, fate, named)


def _counted(what: str, surveys: Sequence[Survey], fate: Fate, named: Callable[[Judged], str]) -> Iterator[str]:
    """Yield a table of how often each name comes, the most frequent first."""
    counts = [Counter(named(one) for one in survey.mutants if one.fate is fate) for survey in surveys]
    everywhere = sum(counts, Counter[str]())
    order = sorted(everywhere, key=lambda name: (-everywhere[name], name))
    return _table((what, *(one.name for one in surveys)), [(name, *(each[name] for each in counts)) for name in order])


def _functions(surveys: Sequence[Survey]) -> Iterator[Iterator[str]]:
    """Yield a table of the functions of mm, which move from file to file there, and one for each other file."""
    places = dict.fromkeys(one.place for survey in surveys for one in survey.mutants)
    files = dict.fromkeys(file for file, _ in places)
    for file in sorted(files, key=lambda name: (name != _MM, list(files).index(name))):
        own = [place for place in places if place[0] == file]
        there = [one for one in surveys if any(judged.place in own for judged in one.mutants)]
        rows = [(f"`{place[1]}`", *(_share(one, place) for one in there)) for place in own]
        yield _table((file, *(one.name for one in there)), rows)


def _share(survey: Survey, place: tuple[str, str]) -> str:
    fates = Counter(one.fate for one in survey.mutants if one.place == place)
    if not fates:
        return _ABSENT
    share = f"{fates[Fate.KILLED]}/{fates.total() - fates[Fate.EQUIVALENT]}"
    return f"{share} +{fates[Fate.EQUIVALENT]}" if fates[Fate.EQUIVALENT] else share


def _left(surveys: Sequence[Survey]) -> Iterator[str]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for survey in surveys:
        for one in survey.mutants:
            if one.fate in (Fate.NOT_REACHED, Fate.SURVIVED):
                found.setdefault((f"`{one.place[1]}`", one.text, one.fate.value), []).append(survey.name)
    rows = ((place, text, fate, ", ".join(names)) for (place, text, fate), names in found.items())
    return _table(("function", "mutant", "fate", "trees"), rows)
