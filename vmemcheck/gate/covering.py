# SPDX-License-Identifier: GPL-2.0-or-later
"""On which geometries the lines that a series changes are counted: on as few as tell what became of each.

For each architecture on its usual geometry; what did not run there, on one of each other page size and memory model;
and what ran nowhere, on all that are left.
"""

from collections.abc import Iterable, Iterator, Sequence

from vmemcheck.check import Job
from vmemcheck.gate.result import LineUse
from vmemcheck.gate.text import sliced_text
from vmemcheck.gate.uses import Place, Use, uses_of

Asked = tuple[Job, tuple[Place, ...]]
"""A job, and the lines that are looked for when its sequences run."""
_NO_PART = (LineUse.OUTSIDE, LineUse.NOT_SLICED)


def firsts(jobs: Iterable[Job]) -> Iterator[Job]:
    """Yield one job of each architecture, page size and memory model: one that can occur, where there is one."""
    groups: dict[tuple[str, int, str], list[Job]] = {}
    for job in jobs:
        cell = job.cell
        groups.setdefault((cell.arch, cell.geometry.page_shift, cell.memory_model), []).append(job)
    for group in groups.values():
        yield min(group, key=lambda job: not job.cell.reachable)


def leading(jobs: Iterable[Job]) -> list[Job]:
    """Return the first job of each architecture, one with a vmemmap where there is one."""
    found: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda each: bool(each.cell.memory_model)):
        found.setdefault(job.cell.arch, job)
    return list(found.values())


def left_to_count(jobs: Iterable[Job], places: Sequence[Place], uses: Iterable[Use]) -> tuple[list[Asked], list[Use]]:
    """Return what jobs can still tell of their architectures.

    :param uses: what was found so far
    :return: the jobs that must run, with the places that did not run on their architectures; and what others say
        without running, as they have none of these places
    """
    ran = {(one.arch, place) for one in uses for place, use in one.uses.items() if use is LineUse.EXECUTED}
    asked: list[Asked] = []
    told: list[Use] = []
    for job in jobs:
        left = tuple(place for place in places if (job.cell.arch, place) not in ran)
        without = uses_of(sliced_text(job.text), {}, left)
        if all(use in _NO_PART for use in without.values()):
            told.append(Use(job.cell.arch, without))
        else:
            asked.append((job, left))
    return asked, told
