# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a violation has to do with the code that a series changes, as far as a machine reports places."""

from collections.abc import Iterable, Iterator

from vmemcheck.gate.text import SlicedText
from vmemcheck.gate.uses import Place
from vmemcheck.invariant import Finding
from vmemcheck.observation import Location


def touches(finding: Finding, text: SlicedText, changed: Iterable[Place]) -> bool:
    """Tell whether a sequence acts in a definition of which a series changes a line.

    :param text: of the program on which it was found
    :param changed: the lines of the series
    """
    definitions = {_definition(text, *place) for place in changed} - {None}
    return any(_definition(text, where.file, where.line) in definitions for where in _places(finding))


def _definition(text: SlicedText, file: str, line: int) -> tuple[str, int] | None:
    return next(((file, first) for first, last in text.spans.get(file, ()) if first <= line <= last), None)


def _places(finding: Finding) -> Iterator[Location]:
    """Yield where the kernel did something, as far as that was told, and where it should not have."""
    told = [getattr(event, "where", None) for step in finding.steps for event in step.observation.events]
    told += [problem.where for violation in finding.violations for problem in violation.problems]
    yield from (where for where in told if isinstance(where, Location))
