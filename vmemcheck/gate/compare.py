# SPDX-License-Identifier: GPL-2.0-or-later
"""One geometry before and after a series: the same sequences on both, and what became of each kind of violation.

That a random search meets a kind on one side only says nothing yet: the sequence is played on the other side too.
What breaks is a sequence on which nothing was violated before. Runs in a process of its own.
"""

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from vmemcheck import scope as scopes
from vmemcheck.bulk import random_sequences
from vmemcheck.check import Cell, CellResult, Job, machine_of
from vmemcheck.engine import check, known_of, steps
from vmemcheck.errors import ExecutorError, ShimGapError, VmemcheckError
from vmemcheck.garbage import collected_seldom
from vmemcheck.gate.recorded import Recorded, Recording
from vmemcheck.invariant import Finding, Kind, Verdict
from vmemcheck.judgement import are_soft
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.known import Known
from vmemcheck.life import brought_to_life, of_a_kernel
from vmemcheck.machine import Machine
from vmemcheck.observation import Event, Location, Observation
from vmemcheck.operation import MOST_ALLOCATIONS, AddDevice, AddMemory, Fault, FaultKind, Operation, Remove, Sequence
from vmemcheck.results import played_again, run_known
from vmemcheck.shrink import plainer, shrink

# Where on this machine: another one in the next run, and no place of the kernel.
_PLACE = re.compile(r"\n  where +/.*")
_MOST_DIFFERENCES = 4


@dataclass(frozen=True, slots=True)
class Search:
    """Which sequences were run."""

    scope: scopes.Scope
    examples: int
    seed: int


@dataclass(frozen=True, slots=True)
class Pair:
    """The jobs of one geometry.

    :param base: None where the tree did not have it before
    """

    base: Job | None
    patched: Job


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of one geometry.

    :param missing: marks that were met before and are no longer
    :param error: why there is no verdict
    :param by_series: before the series there was a verdict: the error is not that this tool lacks something
    :param cached: the result of the base was known before
    """

    cell: Cell
    base: Verdict
    patched: Verdict
    sequences: int = 0
    breaks: tuple[Finding, ...] = ()
    already: tuple[Finding, ...] = ()
    fixes: tuple[Finding, ...] = ()
    missing: tuple[str, ...] = ()
    error: VmemcheckError | None = None
    by_series: bool = False
    cached: bool = False


@collected_seldom()
def compare(pair: Pair) -> Compared:
    """Run a pair of jobs and compare; an error becomes a result without a verdict."""
    try:
        with machine_of(pair.patched) as patched:
            return _compared(pair, patched)
    except VmemcheckError as error:
        base = _searched(pair.base).verdict if pair.base else Verdict.NO_VERDICT
        by_series = base is not Verdict.NO_VERDICT and not isinstance(error, ShimGapError)
        return Compared(pair.patched.cell, base, Verdict.NO_VERDICT, error=error, by_series=by_series)


def _compared(pair: Pair, patched: KernelMachine) -> Compared:
    cell = pair.patched.cell
    before = _searched(pair.base) if pair.base else CellResult(cell, Verdict.NO_VERDICT)
    alike = _alike(pair.base, before, pair.patched, patched) if pair.base else None
    if alike is not None:
        return alike
    after = _searched(pair.patched, before.findings)
    error = before.error or after.error
    if error:
        by_series = before.verdict is not Verdict.NO_VERDICT
        said = VmemcheckError(_PLACE.sub("", error).replace("\n", " "))
        return Compared(cell, before.verdict, after.verdict, error=said, by_series=by_series, cached=before.cached)
    if pair.base is None:
        return Compared(cell, before.verdict, after.verdict, after.sequences, breaks=after.findings)
    breaks: tuple[Finding, ...] = ()
    already: tuple[Finding, ...] = ()
    fixes: tuple[Finding, ...] = ()
    if after.findings or before.findings:
        with machine_of(pair.base) as base:
            job = pair.patched
            breaks, already = sorted_out(patched, base, after.findings, Search(job.scope, job.examples, job.seed))
            newly = cell.reachable and not pair.base.cell.reachable
            if newly:  # what could not occur before now can
                breaks, already = (*breaks, *already), ()
            fixes = tuple(fixed(patched, before.findings, after.findings))
    return Compared(
        cell=cell,
        base=before.verdict,
        patched=after.verdict,
        sequences=after.sequences,
        breaks=breaks,
        already=already,
        fixes=fixes,
        missing=tuple(name for name in after.missing if name not in before.missing),
        cached=before.cached,
    )


def _searched(job: Job, before: tuple[Finding, ...] = ()) -> CellResult:
    """Search one program, unless that was done before; how often the sub-page path ran is not asked here."""
    return run_known(replace(job, sub_page=None), before)


def _alike(base: Job, result: CellResult, after: Job, patched: KernelMachine) -> Compared | None:
    """Return what there is to say where all sequences do on both what they did before; None where one does not.

    Then what was found on the base holds for both, and need not be searched for again.

    :param result: of the base
    """
    same_search = (base.scope, base.examples, base.seed) == (after.scope, after.examples, after.seed)
    if result.error or not same_search or (base.cell, base.traits) != (after.cell, after.traits):
        return None
    with Recorded(base) as recorded:
        if not do_the_same(recorded, patched):
            return None
    already = played_again(patched, (one.sequence for one in result.findings))
    if already is None or [one.kind.invariant for one in already] != [one.kind.invariant for one in result.findings]:
        return None
    return Compared(
        cell=after.cell,
        base=result.verdict,
        patched=result.verdict,
        sequences=result.sequences,
        already=already,
        cached=result.cached,
    )


def do_the_same(base: Recorded, patched: Recording) -> bool:
    """Tell whether each step of all sequences of a search is observed alike on both machines."""
    sequences, passed = base.sequences(), 0
    try:
        for number, (request, digest) in enumerate(base.answers()):
            if patched.digest(request) != digest:
                sequence = next(itertools.islice(sequences, number - passed, None))
                passed = number + 1
                if _without_lines(base.run(sequence)) != _without_lines(patched.run(sequence)):
                    return False
    except ExecutorError:  # that is for the search to tell
        return False
    return True


def _without_lines(observations: Iterable[Observation]) -> list[object]:
    """Return what was observed, with functions, and without lines, which a series may move."""
    return [
        (one.applied, one.pfns, one.returned, [_without_line(event) for event in one.events], one.state)
        for one in observations
    ]


def _without_line(event: Event) -> Event:
    where: Location | None = getattr(event, "where", None)
    return replace(event, where=replace(where, line=0)) if where else event  # type: ignore[arg-type]  # it has one


def sorted_out(
    patched: Machine, base: Machine, findings: Iterable[Finding], search: Search
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return what the series breaks, and what was there before."""
    breaks = [one for one in findings if holds(base, one.sequence, one.kind)]
    already = [one for one in findings if one not in breaks]
    if already:
        # What was there before can hide that it now happens in a case where it did not.
        breaks += _differences(search, patched, base, {one.kind for one in breaks})
    return tuple(breaks), tuple(one for one in already if one.kind not in {each.kind for each in breaks})


def fixed(patched: Machine, before: Iterable[Finding], after: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings of the base that are gone."""
    left = {one.kind for one in after}
    for finding in before:
        # Where another violation follows, the sequence only no longer gets to this one.
        if finding.kind not in left and holds(patched, finding.sequence, finding.kind):
            yield finding


def _differences(search: Search, patched: Machine, base: Machine, found: set[Kind]) -> list[Finding]:
    """Return the shortest sequence of each kind that is violated now and on which nothing was violated before."""
    result: list[Finding] = []
    met, met_before = known_of(patched), known_of(base)
    for sequence in random_sequences(patched.geometry, search.scope, search.examples, search.seed):
        finding = check(patched, sequence, met=met)
        finding = finding and of_a_kernel(patched, finding, met=met)
        if finding is None or finding.kind in found or not holds(base, finding.sequence, finding.kind, met_before):
            continue
        found.add(finding.kind)
        result.append(_shortest(search, (patched, met), (base, met_before), finding))
        if len(result) == _MOST_DIFFERENCES:
            break
    return result


def _shortest(search: Search, patched: tuple[Machine, Known], base: tuple[Machine, Known], finding: Finding) -> Finding:
    (machine, met), (before, met_before) = patched, base
    shortest = finding

    def differs(sequence: Sequence) -> bool:
        nonlocal shortest
        found = check(machine, sequence, met=met)
        found = found and of_a_kernel(machine, found, met=met)
        if found is None or found.kind != finding.kind or not holds(before, found.sequence, finding.kind, met_before):
            return False
        shortest = found
        return True

    shrink(finding.sequence, scopes.operations(machine.geometry, search.scope), differs)
    for other in plainer(machine.geometry, shortest.sequence):
        if differs(other):
            break
    return shortest


def holds(machine: Machine, sequence: Sequence, kind: Kind, met: Known | None = None) -> bool:
    """Tell whether a sequence does no harm, and does not violate ``kind``, whichever of its allocations fails.

    It is played as a kernel would see it, with devices whose memmap is alive; so it is by ``violates()``. What leaves
    the vmemmap as it should be, and is another invariant, does not hide anything.

    :param met: what other sequences on this machine have met
    """
    met = met or known_of(machine)
    for step in steps(machine, brought_to_life(machine, sequence, met), met):
        violations = () if step is None else met.judgements.of(step)
        if not are_soft(violations) or kind.invariant in {one.invariant for one in violations}:
            return False
    return not any(violates(machine, other, kind, met) for other in _other_faults(sequence))


def violates(machine: Machine, sequence: Sequence, kind: Kind, met: Known | None = None) -> bool:
    """Tell whether a sequence violates the invariant, in whichever function: a series may rename that.

    :param met: what other sequences on this machine have met
    """
    met = met or known_of(machine)
    return any(
        violation.invariant == kind.invariant
        for step in steps(machine, brought_to_life(machine, sequence, met), met)
        if step is not None
        for violation in met.judgements.of(step)
    )


def _other_faults(sequence: Sequence) -> Iterator[Sequence]:
    """Yield the sequence with other allocations failing: a series may change how many there are."""
    for index, operation in enumerate(sequence):
        fault = operation.fault if isinstance(operation, AddMemory | AddDevice | Remove) else None
        if fault is not None and fault.kind is not FaultKind.ORDER:
            for number in range(1, MOST_ALLOCATIONS + 1):
                if (FaultKind.NTH, number) != (fault.kind, fault.value):
                    yield (*sequence[:index], _failing(operation, number), *sequence[index + 1 :])


def _failing(operation: Operation, number: int) -> Operation:
    if isinstance(operation, AddMemory | AddDevice | Remove):
        return replace(operation, fault=Fault(FaultKind.NTH, number))
    return operation
