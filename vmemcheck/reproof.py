# SPDX-License-Identifier: GPL-2.0-or-later
"""The theorems, judged for the values that were probed from a tree, and what differs from ``vmemcheck.arches``.

Where a value is no constant, since it is decided at boot, the theorems that read it are left out, with
the reason. Nothing is probed here, and ``vmemcheck.arches`` is only compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vmemcheck.arches import PageSize, find
from vmemcheck.errors import GeometryError
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.facts import Facts
from vmemcheck.kernel.struct_page import minimal
from vmemcheck.theorems import THEOREMS, Theorem
from vmemcheck.theorems.survey import Proof, prove
from vmemcheck.theorems.theorem import Case, Judgement

_ENTRY_SHIFT = 3
"""log2 of the bytes of a page-table entry."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that is not the one in ``vmemcheck.arches``.

    :param name: the macro, or what else it is
    :param probed: in the tree, as text; None when it is no constant there
    :param expected: in ``vmemcheck.arches``, as text
    """

    name: str
    probed: str | None
    expected: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A theorem's claim for one size of struct page.

    :param can_occur: some configuration of the tree and architecture gives this size
    """

    struct_page_bytes: int
    can_occur: bool
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Reproof:
    """One theorem for the values of one tree, architecture and page size.

    :param claims: one for each size of struct page, ascending; empty when it could not be judged
    :param gap: why it could not be judged, or nothing
    """

    theorem: Theorem
    claims: tuple[Claim, ...]
    gap: str = ""


@dataclass(frozen=True, slots=True)
class ProbedTarget:
    """The facts of one architecture and page size, and what follows from them.

    :param struct_page_align: what each struct page that can occur is aligned to at least, in bytes
    """

    facts: Facts
    struct_page_align: int
    differences: tuple[Difference, ...]
    reproofs: tuple[Reproof, ...]


@dataclass(frozen=True, slots=True)
class ProbedTree:
    """What ``vmemcheck facts`` reports.

    :param origin: the folder, or the repository and revision
    :param proofs: the theorems for all values
    :param second_opinion: whether z3 was there to be asked
    """

    name: str
    origin: str
    targets: tuple[ProbedTarget, ...]
    proofs: tuple[Proof, ...]
    second_opinion: bool


def reprove_tree(name: str, origin: str, found: Sequence[Facts]) -> ProbedTree:
    """Prove the theorems for all values, and judge them for those of each of the ``found`` facts.

    :raises ProverError: when a proof does not go through, or the provers disagree
    """
    proofs, second_opinion = prove(THEOREMS)
    return ProbedTree(name, origin, tuple(reprove(facts) for facts in found), proofs, second_opinion)


def reprove(facts: Facts) -> ProbedTarget:
    """Judge each theorem for each size of struct page of ``facts``, and compare them with ``vmemcheck.arches``."""
    align = min((size.align for size in facts.sizes if size.reachable), default=8)
    reproofs = tuple(_reprove(theorem, facts, align) for theorem in THEOREMS)
    return ProbedTarget(facts, align, tuple(_differences(facts, align)), reproofs)


def _reprove(theorem: Theorem, facts: Facts, align: int) -> Reproof:
    unknown = [name for name in theorem.reads if facts.constants[name] is None]
    if unknown:
        return Reproof(theorem, (), f"{' and '.join(unknown)}: not a constant, decided at boot or not defined")
    try:
        return Reproof(theorem, tuple(_claims(theorem, facts, align)))
    except GeometryError as error:
        return Reproof(theorem, (), f"the probed values do not fit each other: {error.what}")


def _claims(theorem: Theorem, facts: Facts, align: int) -> list[Claim]:
    can_occur = _can_occur(facts)
    claims = []
    for size in minimal(facts.sizes):
        case = Case(_geometry(facts, size), align, can_occur)
        claims.append(Claim(size, case.can_occur, theorem.judge(case)))
    return claims


def _geometry(facts: Facts, struct_page_bytes: int) -> Geometry:
    """Return the geometry of the probed values.

    In the place of one that is no constant stands another that fits: no theorem that reads it gets here.
    """
    constants = facts.constants
    page = _known(constants["PAGE_SHIFT"], facts.page_shift)
    subsection = _known(constants["SUBSECTION_SHIFT"], page)
    section = _known(constants["SECTION_SIZE_BITS"], subsection)
    return Geometry(
        struct_page_bytes=struct_page_bytes,
        page_shift=page,
        section_shift=section,
        subsection_shift=subsection,
        table_shift=_known(constants["PMD_SHIFT"], 2 * page - _ENTRY_SHIFT) - page,
    )


def _known(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _can_occur(facts: Facts) -> tuple[int, ...]:
    return tuple(size.bytes for size in minimal(facts.sizes).values() if size.reachable)


def _differences(facts: Facts, align: int) -> list[Difference]:
    architecture = find(facts.arch)
    page_size = next((size for size in architecture.page_sizes if size.page_shift == facts.page_shift), None)
    if page_size is None:
        offered = " ".join(str(size.page_shift) for size in architecture.page_sizes)
        return [Difference("PAGE_SHIFT", str(facts.page_shift), offered)]
    pairs = [(name, facts.constants[name], expected) for name, expected in _expected(page_size).items()]
    found = [
        Difference(name, None if probed is None else str(probed), str(expected))
        for name, probed, expected in pairs
        if probed != expected
    ]
    if align != architecture.struct_page_align:
        found.append(Difference("alignment of struct page", str(align), str(architecture.struct_page_align)))
    can_occur = _can_occur(facts)
    if can_occur != architecture.struct_page_sizes:
        texts = (" ".join(map(str, sizes)) or "none" for sizes in (can_occur, architecture.struct_page_sizes))
        found.append(Difference("each sizeof(struct page) that can occur", *texts))
    return found


def _expected(page_size: PageSize) -> dict[str, int]:
    geometry = page_size.geometry(64)  # any size: the shifts do not depend on it
    return {
        "PAGE_SHIFT": geometry.page_shift,
        "SECTION_SIZE_BITS": geometry.section_shift,
        "SUBSECTION_SHIFT": geometry.subsection_shift,
        "PMD_SHIFT": geometry.pmd_shift,
    }
