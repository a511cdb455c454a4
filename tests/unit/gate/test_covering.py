# SPDX-License-Identifier: GPL-2.0-or-later
"""On which geometries changed lines are counted."""

from tests.unit.check_results import cell
from vmemcheck.check import Cell, Job
from vmemcheck.gate.covering import firsts, leading, left_to_count
from vmemcheck.gate.result import LineUse
from vmemcheck.gate.uses import Use
from vmemcheck.kernel.machine import Traits
from vmemcheck.scope import Scope

_TEXT = '#line 7 "mm/a.c"\nint a;\nint b;\n'
_PLACES = (("mm/a.c", 7), ("mm/a.c", 8))


def _job(arch: str, page: str, size: int = 64, text: str = _TEXT, model: str = "", *, reachable: bool = True) -> Job:
    known = cell(arch, page, size)
    one = Cell(known.arch, known.geometry, reachable, model)
    return Job(one, text, "tree", Traits(), Scope(), 1, 0)


def test_first_of_an_architecture_is_the_one_with_a_vmemmap_that_can_occur() -> None:
    """Of each page size and memory model there is one, and of these one leads."""
    odd, usual = _job("x86_64", "4K", 80, reachable=False), _job("x86_64", "4K")
    debug, other = _job("x86_64", "4K", model="DEBUG_VM"), _job("arm64", "64K")
    assert [debug, usual, other] == list(firsts([debug, odd, usual, other]))
    assert [usual, other] == leading([debug, usual, other])


def test_lines_that_ran_on_an_architecture_are_not_counted_again_on_it() -> None:
    """What did not run there is asked for on the other geometries, on those of another architecture all of it."""
    ran = Use("arm64", {_PLACES[0]: LineUse.EXECUTED, _PLACES[1]: LineUse.NOT_EXECUTED})
    same, other = _job("arm64", "64K"), _job("x86_64", "4K")
    assert ([(same, _PLACES[1:]), (other, _PLACES)], []) == left_to_count([same, other], _PLACES, [ran])


def test_geometry_that_has_none_of_the_lines_is_not_run() -> None:
    """What became of them there is told by its text."""
    without = _job("arm64", "64K", text='#line 1 "mm/b.c"\nint c;\n')
    asked, told = left_to_count([without], _PLACES, [])
    assert ([], [Use("arm64", dict.fromkeys(_PLACES, LineUse.OUTSIDE))]) == (asked, told)


def test_geometry_of_which_all_lines_ran_elsewhere_is_not_run() -> None:
    """There is nothing left to ask."""
    ran = Use("arm64", dict.fromkeys(_PLACES, LineUse.EXECUTED))
    assert ([], [Use("arm64", {})]) == left_to_count([_job("arm64", "64K")], _PLACES, [ran])
