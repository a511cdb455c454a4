# SPDX-License-Identifier: GPL-2.0-or-later
"""What a series breaks, what was there before, and what it fixes: told with machines that are wrong on purpose."""

import contextlib
import hashlib
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.negative.altmaps import NeverCountsBack
from tests.negative.variants import VARIANTS, NoDestructor, Variant, with_part
from tests.unit.check_results import cell
from vmemcheck.bulk import bulk_search
from vmemcheck.check import CellResult, Job
from vmemcheck.errors import ExecutorError
from vmemcheck.gate import compare as module
from vmemcheck.gate import recorded
from vmemcheck.gate.changes import unbuilt_of
from vmemcheck.gate.compare import Pair, Search, _other_faults, compare, do_the_same, fixed, holds, sorted_out, violates
from vmemcheck.gate.recorded import Recorded
from vmemcheck.invariant import Finding, Verdict
from vmemcheck.kernel.machine import Traits
from vmemcheck.kernel.protocol import DIGEST_BYTES
from vmemcheck.machine import Machine
from vmemcheck.observation import Event, Freed, Observation, Unmapped, Warned
from vmemcheck.operation import AddMemory, Fault, FaultKind, Remove, Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.scope import FAULTS, Scope

# One that is wrong in nearly every sequence takes long to search, and shows no more.
_SOME = [one for one in VARIANTS if one.invariant in ("memmap-mapped", "freed-once") and one.operations > 1][:4]


def _search(variant: Variant) -> Search:
    return Search(variant.scope, 300, 0)


def _found(machine: Machine, variant: Variant) -> tuple[Finding, ...]:
    search = _search(variant)
    return tuple(bulk_search(machine, search.scope, search.examples, search.seed).findings)


@pytest.mark.parametrize("variant", _SOME, ids=lambda variant: variant.broken.replace(" ", "-"))
def test_violation_is_new_there_before_or_gone_by_what_the_other_code_does(variant: Variant) -> None:
    """A finding breaks on good code, is already there on code with the same mistake, and is fixed by good code."""
    good, bad = ReferenceMachine(variant.geometry), variant.machine(variant.geometry)
    findings = _found(bad, variant)
    assert variant.invariant in {one.invariant for one in findings}
    assert sorted_out(bad, good, findings, _search(variant)) == (findings, ())
    assert sorted_out(bad, bad, findings, _search(variant)) == ((), findings)
    assert tuple(fixed(good, findings, ())) == findings
    assert tuple(fixed(bad, findings, findings)) == ()


def test_violation_that_does_no_harm_before_hides_no_new_one() -> None:
    """Where the base only miscounts on a sequence, what else the patched code violates on it is new."""
    variant = next(one for one in VARIANTS if one.broken.startswith("never counts an altmap"))
    miscounting = with_part(NoDestructor)
    both = type("Both", (with_part(NeverCountsBack),), {"tables_class": NoDestructor})(variant.geometry)
    breaks, already = sorted_out(both, miscounting(variant.geometry), _found(both, variant), _search(variant))
    assert {"counters-balanced"} == {one.invariant for one in already}
    assert "altmap-balanced" in {one.invariant for one in breaks}
    (gone,) = [
        one for one in fixed(miscounting(variant.geometry), breaks, already) if one.invariant == "altmap-balanced"
    ]
    assert gone in breaks


def test_violation_with_another_allocation_failing_was_there_before() -> None:
    """A sequence in which an allocation fails holds on a base only if it holds whichever of them fails."""
    variant = next(one for one in VARIANTS if one.invariant == "failed-add-undone")
    bad = variant.machine(variant.geometry)
    finding = next(one for one in _found(bad, variant) if one.invariant == "failed-add-undone")
    late = (AddMemory(0, 1, fault=Fault(FaultKind.NTH, 200)), Remove(0))
    assert violates(bad, finding.sequence, finding.kind)
    assert not violates(bad, late, finding.kind)
    assert not holds(bad, late, finding.kind)
    assert holds(ReferenceMachine(variant.geometry), late, finding.kind)


def test_neighbours_of_each_allocation_that_is_drawn_are_tried() -> None:
    """A series may need an allocation more or less."""
    for drawn in {fault.value for fault in FAULTS if fault.kind is FaultKind.NTH}:
        add = AddMemory(0, 1, fault=Fault(FaultKind.NTH, drawn))
        tried = {replace(add, fault=Fault(FaultKind.NTH, drawn + step)) for step in (-1, 1) if drawn + step > 0}
        assert tried <= {operation for (operation,) in _other_faults((add,))}


@pytest.mark.parametrize(("place", "said"), [("a.c:3", "  where    a.c:3"), ("/home/me/.cache/a", "")])
@pytest.mark.parametrize(("has_base", "by_series"), [(True, True), (False, False)])
def test_geometry_whose_search_ends_with_an_error_has_no_verdict(
    has_base: bool, by_series: bool, place: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why stands there, also for a geometry that the tree did not have before; not where on this machine."""
    base, patched = (Job(cell("x86_64", "4K", 64), text, text, Traits(), Scope(), 1, 0) for text in ("base", "patched"))
    results = {
        "base": CellResult(base.cell, Verdict.HOLDS),
        "patched": CellResult(patched.cell, Verdict.NO_VERDICT, error=f"it died\n  where    {place}\n  to fix   look"),
    }
    monkeypatch.setattr(module, "machine_of", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(module, "run_known", lambda job, *_: results[job.name])
    monkeypatch.setattr(module, "do_the_same", lambda *_: False)
    found = compare(Pair(base if has_base else None, patched))
    assert (Verdict.NO_VERDICT, by_series) == (found.patched, found.by_series)
    assert f"it died{said and f' {said}'}   to fix   look" == str(found.error)
    (one,) = unbuilt_of((), (replace(found, error=ExecutorError("it died", where=place)),), {})
    assert ("it died", place if said else "") == (one.message, one.where)


class _Observed:
    """A machine whose digests are made of its observations."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def request(self, sequence: Sequence) -> bytes:
        return pickle.dumps(sequence)

    def digest(self, request: bytes) -> bytes:
        return hashlib.blake2b(repr(self.run(pickle.loads(request))).encode(), digest_size=DIGEST_BYTES).digest()  # noqa: S301  # what was just made

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        return tuple(self._machine.run(sequence))

    def close(self) -> None:
        pass


class _Elsewhere(_Observed):
    """A machine whose code is at other addresses, and on other lines."""

    def digest(self, request: bytes) -> bytes:
        return id(self).to_bytes(DIGEST_BYTES, "little")

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        return tuple(
            replace(one, events=[_moved(event) for event in one.events]) for one in self._machine.run(sequence)
        )


def _moved(event: Event) -> Event:
    if isinstance(event, Freed | Unmapped | Warned):
        return replace(event, where=replace(event.where, line=event.where.line + 7))
    return event


@pytest.mark.parametrize("variant", _SOME, ids=lambda variant: variant.broken.replace(" ", "-"))
def test_machine_that_does_something_else_in_one_step_does_not_the_same(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All steps of all sequences are compared: the mistake shows, and the same mistake on both does not.

    So it is with what is kept of the base, and with digests that say nothing.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    geometry, one = variant.geometry, replace(cell("x86_64", "4K", 64), geometry=variant.geometry)
    makers: dict[str, Callable[[], _Observed]] = {
        "good": lambda: _Observed(ReferenceMachine(geometry)),
        "bad": lambda: _Observed(variant.machine(geometry)),
        "good elsewhere": lambda: _Elsewhere(ReferenceMachine(geometry)),
        "bad elsewhere": lambda: _Elsewhere(variant.machine(geometry)),
    }
    monkeypatch.setattr(recorded, "machine_of", lambda job: makers[job.text]())

    def alike(base: str, patched: str) -> bool:
        with Recorded(Job(one, base, base, Traits(), variant.scope, 100, 0)) as known:
            return do_the_same(known, makers[patched]())

    for _ in ("asked", "kept"):
        assert alike("good", "good")
        assert alike("bad", "bad")
        assert not alike("good", "bad")
        assert alike("good elsewhere", "good")
        assert not alike("good elsewhere", "bad elsewhere")


def test_geometry_that_does_the_same_has_the_findings_of_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are played again on the patched code, which is not searched."""
    variant = _SOME[0]
    machine = variant.machine(variant.geometry)
    findings = _found(machine, variant)
    one = replace(cell("x86_64", "4K", 64), geometry=variant.geometry)
    base, patched = (Job(one, text, text, Traits(), variant.scope, 300, 0) for text in ("base", "patched"))
    results = {"base": CellResult(one, Verdict.VIOLATED, sequences=7, findings=findings)}
    monkeypatch.setattr(module, "machine_of", lambda _: contextlib.nullcontext(machine))
    monkeypatch.setattr(module, "run_known", lambda job, *_: results[job.name])
    monkeypatch.setattr(module, "do_the_same", lambda *_: True)
    found = compare(Pair(base, patched))
    assert (findings, (), (), Verdict.VIOLATED, 7) == (
        found.already,
        found.breaks,
        found.fixes,
        found.patched,
        found.sequences,
    )


@pytest.mark.parametrize("lacks", ["traits", "finding"])
def test_geometry_whose_findings_do_not_come_again_is_searched(lacks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is one that is judged otherwise than the base: what the architecture does on purpose may differ."""
    variant = _SOME[0]
    findings = _found(variant.machine(variant.geometry), variant)
    one = replace(cell("x86_64", "4K", 64), geometry=variant.geometry)
    base, patched = (Job(one, text, text, Traits(), variant.scope, 300, 0) for text in ("base", "patched"))
    machine: Machine = ReferenceMachine(variant.geometry)
    if lacks == "traits":
        machine, patched = variant.machine(variant.geometry), replace(patched, traits=Traits(boot_stays=True))
    searched = []

    def known(job: Job, before: tuple[Finding, ...] = ()) -> CellResult:
        searched.append((job.name, before))
        return CellResult(one, Verdict.VIOLATED, findings=findings)

    monkeypatch.setattr(module, "machine_of", lambda _: contextlib.nullcontext(machine))
    monkeypatch.setattr(module, "run_known", known)
    monkeypatch.setattr(module, "do_the_same", lambda *_: True)
    compare(Pair(base, patched))
    assert ("patched", findings) in searched
    assert ("base", ()) in searched
