# SPDX-License-Identifier: GPL-2.0-or-later
"""From what became of each geometry to what the series does: one entry for each kind on each architecture."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from vmemcheck.arches import find
from vmemcheck.check import Cell
from vmemcheck.errors import VmemcheckError
from vmemcheck.gate.between import Between
from vmemcheck.gate.blame import Blame, mended_by, patch_of, patch_of_error, patch_of_fact
from vmemcheck.gate.compare import Compared
from vmemcheck.gate.result import Change, FactChange, Standing, Unbuilt
from vmemcheck.gate.targets import TargetPairs
from vmemcheck.invariant import Finding, Kind
from vmemcheck.invariants import INVARIANTS
from vmemcheck.operation import AddDevice, Boot
from vmemcheck.selection import Target

Blames = Mapping[Target, Blame]
Touches = Callable[[Cell, Finding], bool]
_Key = tuple[Standing, str, bool, Kind]
_COMPILER = re.compile(r"(\S+?):(\d+)(?::\d+)?: (?:fatal )?[eE]rror: (.*)")
_PLACE = re.compile(r"[\w.][^\s:]*:\d+")
_RANKS = {invariant.name: rank for rank, invariant in enumerate(INVARIANTS)}
_ORDER = (Standing.BREAKS, Standing.ALREADY_THERE, Standing.FIXES)


def changes_of(compared: Iterable[Compared], blames: Blames, touches: Touches = lambda *_: False) -> tuple[Change, ...]:
    """Return what the series does, what it breaks first, and of that what can occur and is easy to follow first.

    :param touches: tells whether a finding on the patched code acts in a function that the series changes
    """
    found: dict[_Key, list[tuple[Cell, Finding]]] = {}
    for one in compared:
        for standing, findings in zip(_ORDER, (one.breaks, one.already, one.fixes), strict=True):
            for finding in findings:
                key = (standing, one.cell.arch, one.cell.is_classic, finding.kind)
                found.setdefault(key, []).append((one.cell, finding))
    changes = [_change(standing, kind, pairs, blames, touches) for (standing, _, _, kind), pairs in found.items()]
    changes = [one for one in changes if not any(_tells(other, one) for other in changes)]
    return tuple(sorted(changes, key=lambda one: (_ORDER.index(one.standing), not one.reachable, _effort(one))))


def _tells(change: Change, other: Change) -> bool:
    """Tell whether a violation has another one as its consequence: on the same sequence, and wherever that is met."""
    return (
        change is not other
        and (change.standing, change.arch, change.finding.sequence)
        == (other.standing, other.arch, other.finding.sequence)
        and other.kind in {violation.kind for violation in change.finding.violations}
        and set(other.cells) <= set(change.cells)
    )


def _effort(change: Change) -> tuple[bool, int]:
    """Return what it takes to follow a violation: boot memory is special, and a low rank stands for a consequence."""
    boots = any(isinstance(operation, Boot) for operation in change.finding.sequence)
    return boots, _RANKS[change.kind.invariant]


def _change(
    standing: Standing, kind: Kind, pairs: list[tuple[Cell, Finding]], blames: Blames, touches: Touches
) -> Change:
    cell, finding = min(pairs, key=lambda pair: (not pair[0].reachable, pair[0].memory_model, len(pair[1].sequence)))
    patch = 0
    if standing is not Standing.ALREADY_THERE:
        blame = blames.get(_target(cell))
        patch = 1 if blame is None else patch_of(blame, cell, finding, fixes=standing is Standing.FIXES)
    return Change(
        standing=standing,
        arch=cell.arch,
        kind=kind,
        cells=tuple(one for one, _ in pairs),
        finding=finding,
        reachable=cell.reachable,
        by_device=any(isinstance(operation, AddDevice) for operation in finding.sequence),
        patch=patch,
        touched=standing is Standing.ALREADY_THERE and touches(cell, finding),
    )


def mended_of(between: Iterable[Compared], changes: Iterable[Change], blames: Blames) -> tuple[Change, ...]:
    """Return what breaks between two patches of the series, and is mended by a later one.

    :param changes: what the whole series does: what it breaks is told there
    """
    known = {(one.arch, one.cells[0].is_classic, one.kind) for one in changes if one.standing is Standing.BREAKS}
    found = []
    for one in changes_of(between, blames):
        blame = blames[_target(one.cells[0])]
        if (one.arch, one.cells[0].is_classic, one.kind) not in known and one.patch:
            mended = mended_by(blame, one.cells[0], one.finding, one.patch)
            found += [replace(one, mended=mended)] if mended else []
    return tuple(found)


def _target(cell: Cell) -> Target:
    return Target(find(cell.arch), cell.geometry.page_shift)


def facts_of(found: Iterable[TargetPairs], blames: Blames) -> tuple[FactChange, ...]:
    """Return the facts that the series changes, each with the patch."""
    return tuple(replace(fact, patch=_patch_of_fact(one, fact, blames)) for one in found for fact in one.facts)


def _patch_of_fact(one: TargetPairs, fact: FactChange, blames: Blames) -> int:
    blame = blames.get(one.target)
    return 1 if blame is None else patch_of_fact(blame, fact.name, fact.after)


def unbuilt_of(found: Iterable[TargetPairs], compared: Iterable[Compared], blames: Blames) -> tuple[Unbuilt, ...]:
    """Return why something could not be run; the same reason for one page size is said once."""
    whole = [_unbuilt(one.target, one.error, one.by_series, blames, None) for one in found if one.error is not None]
    cells = [
        _unbuilt(_target(one.cell), one.error, one.by_series, blames, one.cell)
        for one in compared
        if one.error is not None
    ]
    return tuple(dict.fromkeys((*whole, *cells)))


def unbuilt_between(
    asked: Iterable[Between], looked: Iterable[Compared], compared: Iterable[Compared]
) -> tuple[Unbuilt, ...]:
    """Return the patches after which a tree could not be run, each with the first later one after which it can be.

    :param looked: what became of each that was asked
    :param compared: the whole series: where that has no verdict, it is told there
    """
    failed = {one.cell for one in compared if one.error is not None}
    trees: dict[Cell, dict[int, tuple[Between, Compared]]] = {}
    for ask, one in zip(asked, looked, strict=True):
        trees.setdefault(ask.pair.patched.cell, {})[ask.number] = (ask, one)
    found = []
    for cell, numbered in trees.items():
        broken = {number for number, (_, one) in numbered.items() if one.error is not None}
        for number in sorted(broken) if cell not in failed else ():
            ask, one = numbered[number]
            if number - 1 not in broken and one.error is not None:
                whole = len(ask.blame.trees) - 1
                mended = next(later for later in range(number + 1, whole + 1) if later not in broken)
                is_seen = mended in numbered or mended == whole
                message, where = _told(one.error, by_series=one.by_series)
                target = ask.blame.target
                named = mended if is_seen else 0
                found.append(Unbuilt(cell.arch, target.page, message, where, one.by_series, number, named))
    return tuple(found)


def _unbuilt(target: Target, error: VmemcheckError, by_series: bool, blames: Blames, cell: Cell | None) -> Unbuilt:
    blame = blames.get(target)
    patch = 0
    if by_series:
        patch = 1 if blame is None else patch_of_error(blame, cell)
    message, where = _told(error, by_series=by_series)
    return Unbuilt(target.architecture.name, target.page, message, where, by_series, patch)


def _told(error: VmemcheckError, *, by_series: bool) -> tuple[str, str]:
    """Return what an error says and where: of a compiler, the file and the line; of a gap, what to do as well."""
    first, *others = error.where.splitlines() or [""]
    found = _COMPILER.fullmatch(first)
    if found:
        return "\n".join([found[3], *(line.strip() for line in others)]), f"{found[1]}:{found[2]}"
    to_fix = f"to fix   {error.to_fix}" if error.to_fix and not by_series else ""
    where = first if _PLACE.fullmatch(first) else ""
    places = [line.strip() for line in ("" if where else _in_kernel(first), *others)]
    return "\n".join(filter(None, [error.what, *places, to_fix])), where


def _in_kernel(where: str) -> str:
    """Return a place of the kernel; nothing for one of this machine, which is another one in the next run."""
    return "" if where.startswith("/") else where
