# SPDX-License-Identifier: GPL-2.0-or-later
"""From what became of each geometry to what the series does: one entry for each kind on each architecture."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from vmemcheck.arches import find
from vmemcheck.check import Cell
from vmemcheck.errors import VmemcheckError
from vmemcheck.gate.blame import Blame, patch_of, patch_of_error, patch_of_fact
from vmemcheck.gate.compare import Compared
from vmemcheck.gate.result import Change, FactChange, Standing, Unbuilt
from vmemcheck.gate.targets import TargetPairs
from vmemcheck.invariant import Finding, Kind
from vmemcheck.operation import AddDevice
from vmemcheck.selection import Target

Blames = Mapping[Target, Blame]
_Key = tuple[Standing, str, bool, Kind]
_ORDER = (Standing.BREAKS, Standing.ALREADY_THERE, Standing.FIXES)


def changes_of(compared: Iterable[Compared], blames: Blames) -> tuple[Change, ...]:
    """Return what the series does, what it breaks first, and of that what can occur first."""
    found: dict[_Key, list[tuple[Cell, Finding]]] = {}
    for one in compared:
        for standing, findings in zip(_ORDER, (one.breaks, one.already, one.fixes), strict=True):
            for finding in findings:
                key = (standing, one.cell.arch, one.cell.is_classic, finding.kind)
                found.setdefault(key, []).append((one.cell, finding))
    changes = [_change(standing, kind, pairs, blames) for (standing, _, _, kind), pairs in found.items()]
    return tuple(sorted(changes, key=lambda change: (_ORDER.index(change.standing), not change.reachable)))


def _change(standing: Standing, kind: Kind, pairs: list[tuple[Cell, Finding]], blames: Blames) -> Change:
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
    )


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


def _unbuilt(target: Target, error: VmemcheckError, by_series: bool, blames: Blames, cell: Cell | None) -> Unbuilt:
    blame = blames.get(target)
    patch = 0
    if by_series:
        patch = 1 if blame is None else patch_of_error(blame, cell)
    return Unbuilt(target.architecture.name, target.page, error.what, _in_kernel(error.where), by_series, patch)


def _in_kernel(where: str) -> str:
    """Return a place of the kernel; nothing for one of this machine, which is another one in the next run."""
    return "" if where.startswith("/") else where
