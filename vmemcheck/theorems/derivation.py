# SPDX-License-Identifier: GPL-2.0-or-later
"""The tools of the derivations: sympy symbols, and steps that sympy has to decide.

Divisibility is stated through the quotient: ``a`` divides ``b`` where ``b / a`` is
an integer. Conditions such as ``p <= q`` are stated by writing ``q = p + d`` with a
non-negative integer ``d``; so sympy decides each step by itself.
"""

from sympy import Expr, Integer, Symbol, expand, latex, powsimp, sstr, together

from vmemcheck.errors import ProverError
from vmemcheck.theorems.theorem import Deduction


def natural(name: str) -> Symbol:
    """Return a symbol for an integer of 0 or more."""
    return Symbol(name, integer=True, nonnegative=True)


def positive(name: str) -> Symbol:
    """Return a symbol for an integer of 1 or more."""
    return Symbol(name, integer=True, positive=True)


def quotient(dividend: Expr, divisor: Expr) -> Expr:
    """Return ``dividend / divisor``, simplified."""
    return powsimp(expand(powsimp(dividend) / divisor))


def shown(text: str, name: str, value: Expr) -> Deduction:
    """Record the value of something that a step has computed."""
    return Deduction(text, f"{name} = {sstr(value)}", f"{name} = {latex(value)}")


def integer(text: str, value: Expr) -> Deduction:
    """Record that ``value`` is an integer.

    :raises ProverError: when sympy cannot decide it, or decides otherwise
    """
    return _decided(text, value, value.is_integer, "is an integer", r"\in \mathbb{Z}")


def not_integer(text: str, value: Expr) -> Deduction:
    """Record that ``value`` is not an integer.

    :raises ProverError: when sympy cannot decide it, or decides otherwise
    """
    return _decided(text, value, value.is_integer is False, "is not an integer", r"\notin \mathbb{Z}")


def proper_fraction(text: str, value: Expr) -> Deduction:
    """Record that ``value`` lies strictly between 0 and 1, and so is not an integer.

    :raises ProverError: when sympy cannot decide it, or decides otherwise
    """
    between = bool(value.is_positive) and bool(together(1 - value).is_positive)
    return _decided(
        text, value, between, "lies between 0 and 1 and is not an integer", r"\in (0, 1), \notin \mathbb{Z}"
    )


def above_zero(text: str, value: Expr) -> Deduction:
    """Record that ``value`` is larger than 0.

    :raises ProverError: when sympy cannot decide it, or decides otherwise
    """
    return _decided(text, value, value.is_positive, "> 0", "> 0")


def not_negative(text: str, value: Expr) -> Deduction:
    """Record that ``value`` is 0 or more.

    :raises ProverError: when sympy cannot decide it, or decides otherwise
    """
    return _decided(text, value, value.is_nonnegative, ">= 0", r"\ge 0")


def same(text: str, left: Expr, right: Expr) -> Deduction:
    """Record that two expressions are equal.

    :raises ProverError: when sympy finds a difference
    """
    difference = powsimp(expand(left - right))
    return _decided(text, left, difference == Integer(0), f"= {sstr(right)}", f"= {latex(right)}")


def _decided(text: str, value: Expr, decision: bool | None, words: str, symbols: str) -> Deduction:
    if decision is not True:
        raise ProverError(
            f"sympy does not confirm: {text}: {sstr(value)} {words}",
            to_fix="this is a defect of vmemcheck or a change in sympy; please report it with the version of sympy",
        )
    return Deduction(text, f"{sstr(value)} {words}", f"{latex(value)} {symbols}")
