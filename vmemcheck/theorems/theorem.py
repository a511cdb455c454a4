# SPDX-License-Identifier: GPL-2.0-or-later
"""What a theorem is: a statement, its hypotheses, two proofs, and a judgement for each geometry."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from vmemcheck.geometry import Geometry
from vmemcheck.theorems.terms import Term, variables

SUPPORTED_BYTES = (56, 64, 72, 80, 88, 96)
"""The sizes that the kernel can zero.

Source: include/linux/mm.h: __mm_zero_struct_page()
"""


class Verdict(enum.Enum):
    """The words for a claim."""

    PROVED = "proved"
    REFUTED = "refuted"

    @staticmethod
    def of(true: bool) -> "Verdict":
        """``PROVED`` or ``REFUTED``."""
        return Verdict.PROVED if true else Verdict.REFUTED


@dataclass(frozen=True, slots=True)
class Deduction:
    """One step of a derivation.

    :param text: what is done, in a sentence
    :param formula: the expression that was computed, as text
    :param latex: the same as LaTeX
    """

    text: str
    formula: str
    latex: str


@dataclass(frozen=True, slots=True)
class Obligation:
    """A statement over 64-bit words: under all ``hypotheses``, ``conclusion`` holds for all values.

    :param name: unique among all obligations; a file name
    :param hypotheses: each with a label that people can read; every one of them is needed
    """

    name: str
    says: str
    hypotheses: tuple[tuple[str, Term], ...]
    conclusion: Term

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of its 64-bit variables, sorted."""
        return variables(*(term for _, term in self.hypotheses), self.conclusion)


def distinct_obligations(theorems: "Sequence[Theorem]") -> list[Obligation]:
    """Return the obligations of all ``theorems``, those that several share once."""
    return list({o.name: o for theorem in theorems for o in theorem.obligations}.values())


@dataclass(frozen=True, slots=True)
class Case:
    """What a judgement is about: the sizes, and which sizes of struct page the architecture can have.

    :param struct_page_align: alignment of struct page in bytes: 16 with HAVE_ALIGNED_STRUCT_PAGE, else 8
    :param struct_page_sizes: the sizes that can occur, in bytes
    """

    geometry: Geometry
    struct_page_align: int = 8
    struct_page_sizes: tuple[int, ...] = SUPPORTED_BYTES

    @property
    def can_occur(self) -> bool:
        """Whether this struct page is one that the architecture can have."""
        return self.geometry.struct_page_bytes in self.struct_page_sizes


@dataclass(frozen=True, slots=True)
class Judgement:
    """A theorem's claim for one case.

    :param because: a sentence with the numbers; for a refuted claim the witness
    :param quantity: the number that the claim is about, such as pages per subsection
    """

    verdict: Verdict
    because: str
    quantity: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Theorem:
    """A theorem as a value.

    :param name: as in ``--claim``
    :param statement: with its exact condition
    :param hypotheses: in words, as the statement over words has them in terms
    :param reads: the kernel's macros whose values ``judge`` depends on, besides ``sizeof(struct page)``
    :param source: the kernel's code that it is about
    :param derive: the derivation by sympy
    :param obligations: the same over 64-bit words
    :param judge: the claim for one case
    """

    name: str
    statement: str
    hypotheses: tuple[str, ...]
    reads: tuple[str, ...]
    source: str
    derive: Callable[[], tuple[Deduction, ...]]
    obligations: tuple[Obligation, ...]
    judge: Callable[[Case], Judgement]
