# SPDX-License-Identifier: GPL-2.0-or-later
"""What breaks between two patches and is mended by a later one, told with machines that are wrong on purpose."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.negative.variants import VARIANTS, Variant
from tests.unit.check_results import cell
from vmemcheck.arches import find
from vmemcheck.bulk import bulk_search
from vmemcheck.check import Job
from vmemcheck.errors import BuildError, ShimGapError
from vmemcheck.gate import between as module
from vmemcheck.gate import blame as blaming
from vmemcheck.gate import judge as judge_module
from vmemcheck.gate.between import MOST_TREES, Between, look_between
from vmemcheck.gate.blame import Blame
from vmemcheck.gate.changes import changes_of, mended_of, unbuilt_between
from vmemcheck.gate.compare import Compared, Pair
from vmemcheck.gate.targets import TargetPairs
from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Finding, Verdict
from vmemcheck.kernel.machine import Traits
from vmemcheck.kernel.memory_model import MemoryModel
from vmemcheck.kernel.tree import Tree
from vmemcheck.machine import Machine
from vmemcheck.reference import ReferenceMachine
from vmemcheck.scope import Scope
from vmemcheck.selection import Target

_VARIANT = next(one for one in VARIANTS if one.invariant == "no-leak")
_CELL = cell("x86_64", "4K", 64)
_TARGET = Target(find("x86"), 12)


def _trees(*words: str) -> tuple[Tree, ...]:
    return tuple(Tree(Path(f"/{number}-{word}"), "1.2.3", word) for number, word in enumerate(words))


def _machine(tree: Tree, variant: Variant = _VARIANT) -> Machine:
    return variant.machine(variant.geometry) if tree.origin == "bad" else ReferenceMachine(variant.geometry)


@dataclass(frozen=True)
class _Source:
    """Stands for the sliced code of a tree: its text says whether it is good or bad."""

    tree: Tree
    name: str = "ours"

    @property
    def traits(self) -> Traits:
        return Traits()

    def geometry(self, *_: int) -> Geometry:
        return _VARIANT.geometry

    def text(self, _: Geometry) -> str:
        return f"int {self.tree.origin};"

    def machine(self, _: Geometry) -> "contextlib.nullcontext[Machine]":
        return contextlib.nullcontext(_machine(self.tree))


def _job(word: str) -> Job:
    return Job(_CELL, f"int {word};", word, Traits(), _VARIANT.scope, 80, 0)


def _findings() -> tuple[Finding, ...]:
    scope: Scope = _VARIANT.scope
    return tuple(bulk_search(_VARIANT.machine(_VARIANT.geometry), scope, 80, 0).findings)


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Compared, Blame]]:
    """Return a function that looks at the second tree of several."""

    def looked(*words: str) -> tuple[Compared, Blame]:
        blame = Blame(_trees(*words), _TARGET)
        return look_between(Between(blame, 1, Pair(_job(words[0]), _job(words[-1])))), blame

    def compared(pair: Pair) -> Compared:
        if "typo" in pair.patched.text:
            error = BuildError("it does not compile", where="mm/sparse.c:7:1: error: expected ';'")
            return Compared(_CELL, Verdict.HOLDS, Verdict.NO_VERDICT, error=error, by_series=True)
        return Compared(
            _CELL, Verdict.HOLDS, Verdict.VIOLATED, breaks=_findings() if "bad" in pair.patched.text else ()
        )

    def sliced(_: Blame, tree: Tree, __: MemoryModel) -> _Source:
        if tree.origin == "gap":
            raise ShimGapError("the slice needs frob()")
        return _Source(tree)

    monkeypatch.setattr(module, "source_of", sliced)
    monkeypatch.setattr(blaming, "source_of", lambda _, tree, __: _Source(tree))
    monkeypatch.setattr(module, "compare", compared)
    monkeypatch.setattr(module, "machine_of", lambda job: _Source(_trees(job.text[4:-1])[0]).machine(_VARIANT.geometry))
    return looked


def test_patch_that_a_later_one_mends_is_told_with_it(look: Callable[..., tuple[Compared, Blame]]) -> None:
    """Both are named; nothing is said of what the whole series breaks anyway."""
    found, blame = look("good", "bad", "other", "good")
    assert _findings() == found.breaks
    (change, *_) = mended_of([found], (), {_TARGET: blame})
    assert ("no-leak", 1, 2) == (change.kind.invariant, change.patch, change.mended)
    broken = changes_of([found], {_TARGET: blame})
    assert () == mended_of([found], broken, {_TARGET: blame})


@pytest.mark.parametrize("words", [("good", "bad", "bad"), ("bad", "bad", "good"), ("good", "other", "good")])
def test_tree_between_that_is_as_the_first_or_the_last_breaks_nothing_of_its_own(
    words: tuple[str, ...], look: Callable[..., tuple[Compared, Blame]]
) -> None:
    """What the last one breaks, the judgement of the series tells; what the first one does was there before."""
    assert () == look(*words)[0].breaks


HALTS = {
    "compiler": (("good", "typo", "typo", "last"), [(1, 3, True)]),
    "slicer": (("good", "other", "gap", "last"), [(2, 3, False)]),
    "twice": (("good", "typo", "other", "gap", "typo", "last"), [(1, 2, True), (3, 5, False)]),
    "never": (("good", "other", "bad", "last"), []),
    "long": (("good", *["gap"] * 20, "last"), [(1, None, False)]),
}


@pytest.mark.usefixtures("look")
@pytest.mark.parametrize(("words", "told"), HALTS.values(), ids=HALTS.keys())
def test_patch_that_cannot_be_built_is_told_with_the_one_that_mends_it(
    words: tuple[str, ...], told: list[tuple[int, int | None, bool]]
) -> None:
    """Patches in a row are told once; that the slice lacks a name may be a gap of ours."""
    pair = Pair(_job(words[0]), _job(words[-1]))
    blame = Blame(_trees(*words), _TARGET)
    asked = [Between(blame, number, pair) for number in range(1, min(len(words) - 1, MOST_TREES + 1))]
    looked = [look_between(one) for one in asked]
    found = unbuilt_between(asked, looked, ())
    assert told == [(one.patch, one.mended or None, one.by_series) for one in found]
    assert {("x86_64", "4K")} >= {(one.arch, one.page) for one in found}
    without = Compared(_CELL, Verdict.HOLDS, Verdict.NO_VERDICT, error=BuildError("it does not compile"))
    assert () == unbuilt_between(asked, looked, [without])


def test_violation_that_the_whole_series_has_too_is_not_mended(
    look: Callable[..., tuple[Compared, Blame]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last tree is asked with the sequence."""
    monkeypatch.setattr(module, "machine_of", lambda _: _Source(_trees("bad")[0]).machine(_VARIANT.geometry))
    assert () == look("good", "bad", "last")[0].breaks


def test_trees_between_are_looked_at_with_one_geometry_of_each_architecture() -> None:
    """One that can occur, without tools for debugging; of a long series only the first trees."""
    debug = replace(_CELL, memory_model="DEBUG_VM")
    jobs = [replace(_job("new"), cell=one) for one in (debug, cell("x86_64", "4K", 56, reachable=False), _CELL)]
    pairs = tuple(Pair(_job("old"), job) for job in jobs)
    arm = tuple(Target(find("arm64"), shift) for shift in (12, 14))
    same = (replace(_job("same"), cell=cell("arm64", "4K", 64)),)
    found = [TargetPairs(_TARGET, pairs=pairs), *(TargetPairs(one, identical=same) for one in arm)]
    long = {one.target: Blame(_trees(*["tree"] * 40), one.target) for one in found}
    asked = list(judge_module._between(found, long))
    assert [*range(1, 17)] * 2 == [one.number for one in asked]
    assert {("x86_64", 64), ("arm64", 64)} == {
        (one.pair.patched.cell.arch, one.pair.patched.cell.geometry.struct_page_bytes) for one in asked
    }
    assert {""} == {one.pair.patched.cell.memory_model for one in asked}
    short = {one.target: Blame(_trees("first", "second", "third"), one.target) for one in found}
    assert [1, 1] == [one.number for one in judge_module._between(found, short)]
    assert [] == list(judge_module._between(found, {}))
