# SPDX-License-Identifier: GPL-2.0-or-later
"""A survey: every theorem proved in general, and judged for each case that was asked for.

Result data only; the reports are made from it.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from vmemcheck.arches import Architecture
from vmemcheck.errors import ProverError
from vmemcheck.geometry import Geometry
from vmemcheck.theorems import bitvector
from vmemcheck.theorems.bitvector import Decision
from vmemcheck.theorems.theorem import Case, Deduction, Judgement, Theorem, distinct_obligations


@dataclass(frozen=True, slots=True)
class Subject:
    """A case with the names that reports give it."""

    arch: str
    page_size: str
    case: Case


@dataclass(frozen=True, slots=True)
class Row:
    """The judgements of all theorems on one subject, in the order of the theorems."""

    subject: Subject
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """The general proof of one theorem.

    :param deductions: the steps that sympy confirmed
    :param words: names of the obligations over 64-bit words that z3 proved; empty without z3
    """

    theorem: Theorem
    deductions: tuple[Deduction, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What ``vmemcheck prove`` reports.

    :param second_opinion: whether z3 was there to be asked
    """

    proofs: tuple[Proof, ...]
    rows: tuple[Row, ...]
    second_opinion: bool


def subjects(
    architecture: Architecture, page_sizes: Sequence[str], sizes: Sequence[int], **shifts: int
) -> list[Subject]:
    """Return the subjects of one architecture.

    :param page_sizes: names of page sizes; empty for all
    :param sizes: sizes of struct page in bytes
    :param shifts: fields of ``Geometry`` to set to another value
    :raises GeometryError: when the shifts do not fit each other
    """
    found: list[Subject] = []
    for page_size in architecture.page_sizes:
        if page_sizes and page_size.name not in page_sizes:
            continue
        for size in sizes:
            geometry = page_size.geometry(size).changed(**shifts)
            found.append(Subject(architecture.name, page_size.name, _case(architecture, geometry)))
    return found


def _case(architecture: Architecture, geometry: Geometry) -> Case:
    return Case(geometry, architecture.struct_page_align, architecture.struct_page_sizes)


def survey(theorems: Sequence[Theorem], asked: Sequence[Subject]) -> Survey:
    """Prove ``theorems`` with both provers and judge every subject.

    :raises ProverError: when a proof does not go through, or the provers disagree
    """
    proofs, second = prove(theorems)
    rows = tuple(Row(subject, tuple(theorem.judge(subject.case) for theorem in theorems)) for subject in asked)
    return Survey(proofs, rows, second)


def prove(theorems: Sequence[Theorem]) -> tuple[tuple[Proof, ...], bool]:
    """Prove ``theorems`` for all values; return the proofs, and whether z3 was there for a second opinion.

    :raises ProverError: when a proof does not go through, or the provers disagree
    """
    second = bitvector.available()
    obligations = distinct_obligations(theorems)
    with ThreadPoolExecutor(max_workers=1) as pool:
        # z3 works beside sympy: the survey takes no longer than the slower of the two.
        decided: Future[dict[str, Decision]] | None = pool.submit(bitvector.decide_all, obligations) if second else None
        derived = [theorem.derive() for theorem in theorems]
        decisions = decided.result() if decided else {}
    for name, decision in decisions.items():
        if not decision.holds:
            raise ProverError(
                f"the provers disagree on {name}: sympy derived it, z3 has a counterexample",
                where=", ".join(f"{variable} = {value:#x}" for variable, value in decision.counterexample.items()),
                to_fix="this is a defect of vmemcheck; please report it",
            )
    proofs = tuple(
        Proof(theorem, deductions, tuple(o.name for o in theorem.obligations if o.name in decisions))
        for theorem, deductions in zip(theorems, derived, strict=True)
    )
    return proofs, second
