# SPDX-License-Identifier: GPL-2.0-or-later
"""What a series breaks, what was there before, and what it fixes: told with machines that are wrong on purpose."""

import contextlib
from dataclasses import replace

import pytest

from tests.negative.altmaps import NeverCountsBack
from tests.negative.variants import VARIANTS, NoDestructor, Variant, with_part
from tests.unit.check_results import cell
from vmemcheck.bulk import bulk_search
from vmemcheck.check import CellResult, Job
from vmemcheck.errors import ExecutorError
from vmemcheck.gate import compare as module
from vmemcheck.gate.changes import unbuilt_of
from vmemcheck.gate.compare import Pair, Search, compare, fixed, holds, sorted_out, violates
from vmemcheck.invariant import Finding, Verdict
from vmemcheck.kernel.machine import Traits
from vmemcheck.machine import Machine
from vmemcheck.operation import AddMemory, Fault, FaultKind, Remove
from vmemcheck.reference import ReferenceMachine
from vmemcheck.scope import Scope

_SOME = [one for one in VARIANTS if one.invariant in ("memmap-mapped", "freed-once", "no-leak", "refusals")][:4]


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
    monkeypatch.setattr(module, "run_known", lambda job: (results[job.name], False))
    found = compare(Pair(base if has_base else None, patched))
    assert (Verdict.NO_VERDICT, by_series) == (found.patched, found.by_series)
    assert f"it died{said and f' {said}'}   to fix   look" == str(found.error)
    (one,) = unbuilt_of((), (replace(found, error=ExecutorError("it died", where=place)),), {})
    assert ("it died", place if said else "") == (one.message, one.where)
