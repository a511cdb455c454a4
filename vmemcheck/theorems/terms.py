# SPDX-License-Identifier: GPL-2.0-or-later
"""Terms over 64-bit machine words: one form that can be computed, given to z3, or written as SMT-LIB 2.

Words wrap around at 2^64, as ``unsigned long`` does on every architecture with a
vmemmap. Shifts by 64 and more give 0 (in C they are undefined).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

BITS = 64
_MASK = (1 << BITS) - 1


@dataclass(frozen=True, slots=True)
class Term:
    """A word or a truth value, built from smaller terms by ``op``.

    :param op: a key of ``OPERATORS``, ``const`` or ``var``
    :param value: of a constant
    :param name: of a variable
    """

    op: str
    arguments: "tuple[Term, ...]" = ()
    value: int = 0
    name: str = ""

    def __add__(self, other: "Term") -> "Term":
        return Term("bvadd", (self, other))

    def __sub__(self, other: "Term") -> "Term":
        return Term("bvsub", (self, other))

    def __mul__(self, other: "Term") -> "Term":
        return Term("bvmul", (self, other))

    def __and__(self, other: "Term") -> "Term":
        return Term("bvand", (self, other))

    def __invert__(self) -> "Term":
        return Term("bvnot", (self,))

    def __lshift__(self, other: "Term") -> "Term":
        return Term("bvshl", (self, other))

    def __rshift__(self, other: "Term") -> "Term":
        return Term("bvlshr", (self, other))


@dataclass(frozen=True, slots=True)
class Operator:
    """What an operator does with numbers; ``truth`` says that it gives a truth value."""

    apply: Callable[..., int | bool]
    truth: bool = False


def _shift_left(left: int, right: int) -> int:
    return 0 if right >= BITS else left << right


def _shift_right(left: int, right: int) -> int:
    return 0 if right >= BITS else left >> right


# The names are those of SMT-LIB 2.
OPERATORS: dict[str, Operator] = {
    "bvadd": Operator(lambda a, b: a + b),
    "bvsub": Operator(lambda a, b: a - b),
    "bvmul": Operator(lambda a, b: a * b),
    "bvand": Operator(lambda a, b: a & b),
    "bvnot": Operator(lambda a: ~a),
    "bvshl": Operator(_shift_left),
    "bvlshr": Operator(_shift_right),
    "bvult": Operator(lambda a, b: a < b, truth=True),
    "bvule": Operator(lambda a, b: a <= b, truth=True),
    "=": Operator(lambda a, b: a == b, truth=True),
    "and": Operator(lambda *a: all(a), truth=True),
    "not": Operator(lambda a: not a, truth=True),
    "ite": Operator(lambda c, a, b: a if c else b),
}


def const(value: int) -> Term:
    """Return a constant, modulo 2^64."""
    return Term("const", value=value & _MASK)


def var(name: str) -> Term:
    """Return a 64-bit variable."""
    return Term("var", name=name)


def below(left: Term, right: Term) -> Term:
    """``left < right``, unsigned."""
    return Term("bvult", (left, right))


def at_most(left: Term, right: Term) -> Term:
    """``left <= right``, unsigned."""
    return Term("bvule", (left, right))


def equal(left: Term, right: Term) -> Term:
    """Whether two words, or two truth values, are the same."""
    return Term("=", (left, right))


def both(*terms: Term) -> Term:
    """Whether all of ``terms`` are true."""
    return Term("and", terms)


def negated(term: Term) -> Term:
    """Whether ``term`` is false."""
    return Term("not", (term,))


def choose(condition: Term, left: Term, right: Term) -> Term:
    """``condition ? left : right``."""
    return Term("ite", (condition, left, right))


def power(shift: Term) -> Term:
    """``1UL << shift``."""
    return const(1) << shift


def aligned(value: Term, shift: Term) -> Term:
    """``IS_ALIGNED(value, 1UL << shift)``, with shifts of 64 and more taken as 2^64."""
    return equal(value & (power(shift) - const(1)), const(0))


def excess(left: Term, right: Term) -> Term:
    """``max(0, left - right)``."""
    return choose(below(right, left), left - right, const(0))


def evaluate(term: Term, values: Mapping[str, int]) -> int | bool:
    """Compute a term with numbers for its variables."""
    if term.op == "const":
        return term.value
    if term.op == "var":
        return values[term.name] & _MASK
    operator = OPERATORS[term.op]
    result = operator.apply(*(evaluate(argument, values) for argument in term.arguments))
    return bool(result) if operator.truth else result & _MASK


def variables(*terms: Term) -> tuple[str, ...]:
    """Return the names of the variables, sorted."""
    found: set[str] = set()
    for term in terms:
        found |= {term.name} if term.op == "var" else set(variables(*term.arguments))
    return tuple(sorted(found))
