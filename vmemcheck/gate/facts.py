# SPDX-License-Identifier: GPL-2.0-or-later
"""What a series changes of the facts of a tree, and which theorems no longer hold for the new ones."""

from collections.abc import Iterable, Iterator, Mapping

from vmemcheck.gate.result import FactChange
from vmemcheck.kernel.facts import Facts, probe
from vmemcheck.kernel.struct_page import minimal
from vmemcheck.kernel.target import target_of
from vmemcheck.kernel.tree import Tree
from vmemcheck.reproof import Claim, reprove
from vmemcheck.selection import Target
from vmemcheck.theorems.theorem import Verdict

_SIZES = "sizeof(struct page)"


def changed_facts(base: Tree, patched: Tree, target: Target) -> tuple[FactChange, ...]:
    """Return the facts of one architecture and page size that differ.

    :raises VmemcheckError: when one of the trees cannot be probed
    """
    kernel = target_of(target.architecture.alias)
    before, after = (probe(tree, kernel, target.page_shift) for tree in (base, patched))
    return tuple(_changes(target.name, before, after))


def _changes(arch: str, before: Facts, after: Facts) -> Iterator[FactChange]:
    old_values = dict(_values(before))
    changed = [(name, old_values[name], new) for name, new in _values(after) if old_values[name] != new]
    broken = _no_longer(before, after) if changed else {}
    for number, (name, old, new) in enumerate(changed):
        says = _broken_words(broken) if number == 0 else ""
        yield FactChange(arch, name, old, new, breaks=bool(says), says=says)


def _broken_words(broken: Mapping[str, str]) -> str:
    """Return the first theorem with its witness, and the names of those that fall with it."""
    if not broken:
        return ""
    (first, witness), *others = broken.items()
    nor = f"; nor {'does' if len(others) == 1 else 'do'} {' and '.join(name for name, _ in others)}" if others else ""
    return f"{first} no longer holds: {witness}{nor}"


def _no_longer(before: Facts, after: Facts) -> dict[str, str]:
    """Return the theorems that held for all sizes that could occur, and no longer do, each with a witness."""
    broken = {}
    held = {each.theorem.name: _refuted(each.claims) for each in reprove(before).reproofs}
    for each in reprove(after).reproofs:
        refuted = _refuted(each.claims)
        new = [size for size in refuted if size not in held[each.theorem.name]]
        if new:
            broken[each.theorem.name] = refuted[new[0]]
    return broken


def _refuted(claims: Iterable[Claim]) -> dict[int, str]:
    """Return the sizes that can occur and for which a theorem does not hold, each with the witness."""
    return {
        claim.struct_page_bytes: claim.judgement.because
        for claim in claims
        if claim.can_occur and claim.judgement.verdict is Verdict.REFUTED
    }


def fact_text(facts: Facts, name: str) -> str:
    """Return a fact by the name that it has in a report."""
    return dict(_values(facts))[name]


def _values(facts: Facts) -> Iterator[tuple[str, str]]:
    yield from ((name, _text(value)) for name, value in facts.constants.items())
    yield "levels of page tables", str(facts.levels)
    yield _SIZES, _sizes(facts)


def _text(value: int | None) -> str:
    return "decided at boot" if value is None else str(value)


def _sizes(facts: Facts) -> str:
    return " ".join(str(size.bytes) for size in minimal(facts.sizes).values() if size.reachable) or "none"
