# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether what was there before is in code that a series changes."""

import pytest

from tests.unit.gate_results import OLD
from vmemcheck.gate.text import SlicedText
from vmemcheck.gate.touched import touches

FILE = OLD.kind.file
LINE = 1234
TEXT = SlicedText({}, {FILE: ((1200, 1240), (1300, 1310)), "mm/other.c": ((1200, 1240),)})


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((FILE, 1200), True),
        ((FILE, 1240), True),
        ((FILE, 1241), False),
        ((FILE, 1305), False),
        (("mm/other.c", LINE), False),
        (("mm/absent.c", LINE), False),
    ],
)
def test_violation_is_touched_by_a_change_of_the_function_it_shows_in(place: tuple[str, int], expected: bool) -> None:
    """From its first line to its last, in that file; lines outside of all functions touch nothing."""
    (problem,) = {one.where for one in OLD.finding.violations[0].problems if one.where}
    assert (FILE, LINE) == (problem.file, problem.line)
    assert expected == touches(OLD.finding, TEXT, [("mm/absent.c", 1), place])
    assert not touches(OLD.finding, SlicedText({}, {}), [place])
