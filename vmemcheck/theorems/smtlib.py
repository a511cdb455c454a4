# SPDX-License-Identifier: GPL-2.0-or-later
"""SMT-LIB 2: the negated obligations as files for any solver; ``unsat`` means proved."""

from vmemcheck.theorems.terms import BITS, Term
from vmemcheck.theorems.theorem import Obligation


def to_smt2(obligation: Obligation) -> str:
    """Return the file of one obligation."""
    lines = [
        f"; vmemcheck: {obligation.name}",
        f"; claim: {obligation.says}",
        "; The negation of the claim is asserted: unsat means that it is proved.",
        "(set-logic QF_BV)",
        "(set-info :source |vmemcheck prove --format smt2|)",
        "(set-info :status unsat)",
        *(f"(declare-const {_symbol(name)} (_ BitVec {BITS}))" for name in obligation.variables),
    ]
    for label, term in obligation.hypotheses:
        lines += [f"; hypothesis: {label}", f"(assert {_render(term)})"]
    lines += ["; negated conclusion", f"(assert (not {_render(obligation.conclusion)}))", "(check-sat)", "(exit)"]
    return "\n".join(lines) + "\n"


def _render(term: Term) -> str:
    if term.op == "const":
        return f"#x{term.value:0{BITS // 4}x}"
    if term.op == "var":
        return _symbol(term.name)
    return f"({term.op} {' '.join(map(_render, term.arguments))})"


def _symbol(name: str) -> str:
    return f"|{name}|"
