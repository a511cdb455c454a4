# SPDX-License-Identifier: GPL-2.0-or-later
"""SMT-LIB 2: the negated obligations for any solver; ``unsat`` means proved."""

from collections.abc import Sequence

from vmemcheck.theorems.terms import BITS, Term
from vmemcheck.theorems.theorem import Obligation

_HEADER = "(set-logic QF_BV)\n(set-info :source |vmemcheck prove --format smt2|)\n"


def to_smt2(obligation: Obligation) -> str:
    """Return the file of one obligation."""
    lines = [_HEADER + "(set-info :status unsat)", *_body(obligation), "(exit)"]
    return "\n".join(lines) + "\n"


def script(obligations: Sequence[Obligation]) -> str:
    """Return one script that checks all obligations, one after the other."""
    blocks = ["\n".join(["(push 1)", *_body(obligation), "(pop 1)"]) for obligation in obligations]
    return _HEADER + "\n\n".join(blocks) + "\n(exit)\n"


def _body(obligation: Obligation) -> list[str]:
    lines = [
        f"; {obligation.name}: {obligation.says}",
        "; The negation of the claim is asserted: unsat means that the claim is proved.",
        *(f"(declare-const {_symbol(name)} (_ BitVec {BITS}))" for name in obligation.variables),
    ]
    for label, term in obligation.hypotheses:
        lines += [f"; hypothesis: {label}", f"(assert {_render(term)})"]
    return [*lines, "; negated conclusion", f"(assert (not {_render(obligation.conclusion)}))", "(check-sat)"]


def _render(term: Term) -> str:
    if term.op == "const":
        return f"#x{term.value:0{BITS // 4}x}"
    if term.op == "var":
        return _symbol(term.name)
    return f"({term.op} {' '.join(map(_render, term.arguments))})"


def _symbol(name: str) -> str:
    return f"|{name}|"
