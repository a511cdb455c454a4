# SPDX-License-Identifier: GPL-2.0-or-later
"""One architecture and page size, before and after a series: sliced twice, where the series touches what is read.

Nothing is built or run here. Runs in a process of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from vmemcheck.check import Job
from vmemcheck.errors import ShimGapError, UsageError, VmemcheckError
from vmemcheck.garbage import collected_seldom
from vmemcheck.gate.affected import read_names
from vmemcheck.gate.budget import Budget, key_of
from vmemcheck.gate.compare import Pair
from vmemcheck.gate.facts import changed_facts
from vmemcheck.gate.result import FactChange
from vmemcheck.gate.text import same_program
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.kernel.watched import WatchedTree, looked_at_once
from vmemcheck.selection import ALL, Prepared, Target, Wishes, prepare


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be prepared.

    :param touched: names of files that the series changes
    :param named: the architecture was asked for by name
    :param wishes: which sizes and levels are run
    """

    base: Tree
    patched: Tree
    target: Target
    touched: tuple[str, ...]
    budget: Budget
    seed: int
    latent: bool = False
    named: bool = False
    wishes: Wishes = ALL


@dataclass(frozen=True, slots=True)
class TargetPairs:
    """What came of one target.

    :param read: those of the touched files that it is made of; nothing else is said where there are none
    :param identical: jobs whose program is the same before and after
    :param error: why there is nothing to run
    :param by_series: before the series there was something to run: the error is not that this tool lacks something
    """

    target: Target
    read: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    identical: tuple[Job, ...] = ()
    facts: tuple[FactChange, ...] = ()
    skipped: str = ""
    error: VmemcheckError | None = None
    by_series: bool = False


@collected_seldom()
@looked_at_once()
def prepare_pairs(question: Question) -> TargetPairs:
    """Slice a target before and after; an error becomes a result.

    :raises UsageError: when what was asked for does not go with the tree
    """
    target = question.target
    watched = WatchedTree.of(question.base)
    base: Prepared | None = None
    failed: VmemcheckError | None = None
    try:
        base = _prepared(question, watched)
    except UsageError:
        raise
    except VmemcheckError as error:
        failed = error
    read = read_names(question.touched, watched.seen)
    if not read and failed is None:
        return TargetPairs(target, skipped=base.skipped if base else "")
    try:
        patched = _prepared(question, question.patched)
        if base is None or (_has_vmemmap(base) and not _has_vmemmap(patched)):
            why = failed or VmemcheckError(patched.skipped)
            return TargetPairs(target, read, error=why, by_series=base is not None)
        sizes = {job.cell.geometry.struct_page_bytes for job in patched.jobs}
        if sizes - {job.cell.geometry.struct_page_bytes for job in base.jobs}:
            base = _prepared(question, watched, replace(question.wishes, struct_page_bytes=tuple(sorted(sizes))))
        facts = changed_facts(question.base, question.patched, target) if patched.jobs else ()
    except VmemcheckError as error:
        by_series = base is not None and not isinstance(error, ShimGapError)
        return TargetPairs(target, read, error=failed or error, by_series=by_series)
    pairs, identical = _paired(question, base.jobs, patched.jobs)
    return TargetPairs(target, read, pairs, identical, facts, patched.skipped)


def _prepared(question: Question, tree: Tree, wishes: Wishes | None = None) -> Prepared:
    budget, wishes = question.budget, wishes or question.wishes
    return prepare(tree, question.target, wishes, budget.scope, budget.examples, question.seed, named=question.named)


def _has_vmemmap(prepared: Prepared) -> bool:
    return any(not job.cell.memory_model for job in prepared.jobs)


def _paired(
    question: Question, before: Iterable[Job], after: Iterable[Job]
) -> tuple[tuple[Pair, ...], tuple[Job, ...]]:
    known = {key_of(job): _in_parts(job) for job in before}
    wanted = bool(question.wishes.struct_page_bytes)
    pairs: list[Pair] = []
    identical: list[Job] = []
    for job in map(_in_parts, after):
        base = known.get(key_of(job))
        was_reachable = base is not None and base.cell.reachable
        if not wanted and not question.budget.takes(job.cell, latent=question.latent) and not was_reachable:
            continue
        if base is not None and _is_same(base, job):
            identical.append(job)
        else:
            pairs.append(Pair(base, job))
    return tuple(pairs), tuple(identical)


def _in_parts(job: Job) -> Job:
    """Return a job whose program is compiled in parts: most series change none of the second."""
    return replace(job, variant=Variant.PARTS)


def _is_same(base: Job, patched: Job) -> bool:
    return base.cell == patched.cell and base.traits == patched.traits and same_program(base.text, patched.text)
