# SPDX-License-Identifier: GPL-2.0-or-later
"""The second prover: z3 on 64-bit words, independent of sympy.

z3 is an optional package (extra ``smt``). Without it there is no second opinion,
and the report says so.
"""

import importlib.util
import operator
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from vmemcheck.errors import ProverError
from vmemcheck.theorems.terms import BITS, Term, evaluate
from vmemcheck.theorems.theorem import Obligation

TIMEOUT_MS = 20_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What the prover says of one obligation.

    :param counterexample: values of the variables, where the obligation does not hold
    """

    holds: bool
    counterexample: dict[str, int]


def available() -> bool:
    """Whether z3 is installed."""
    return importlib.util.find_spec("z3") is not None


def decide_all(obligations: Sequence[Obligation]) -> dict[str, Decision]:
    """Decide all obligations, several at a time; return the decisions by name.

    :raises ProverError: as ``decide()``
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return dict(zip([o.name for o in obligations], pool.map(decide, obligations), strict=True))


def decide(obligation: Obligation) -> Decision:
    """Decide one obligation for all 2^64 values of each variable.

    :raises ProverError: when z3 gives up, or gives a counterexample that is none
    """
    import z3

    context = z3.Context()  # one for each call, so that calls may run side by side
    # For statements as small as these, straight to SAT is quicker than what z3 would try by itself.
    tactics = [z3.Tactic(name, ctx=context) for name in ("simplify", "bit-blast", "sat")]
    solver = z3.Then(*tactics, ctx=context).solver()
    solver.set("timeout", TIMEOUT_MS)
    names = {name: z3.BitVec(name, BITS, context) for name in obligation.variables}
    for _, hypothesis in obligation.hypotheses:
        solver.add(_convert(hypothesis, names, context))
    solver.add(z3.Not(_convert(obligation.conclusion, names, context)))
    answer = solver.check()
    if answer == z3.unsat:
        return Decision(True, {})
    if answer != z3.sat:
        raise ProverError(
            f"z3 did not decide {obligation.name}: {solver.reason_unknown()}",
            to_fix="run it again on an idle machine, or give the file of --format smt2 to another solver",
        )
    model = solver.model()
    values = {name: model.eval(word, model_completion=True).as_long() for name, word in names.items()}
    if not is_counterexample(obligation, values):
        raise ProverError(f"z3 gave a counterexample to {obligation.name} that is none: {values}")
    return Decision(False, values)


def is_counterexample(obligation: Obligation, values: dict[str, int]) -> bool:
    """Whether ``values`` meet all hypotheses and not the conclusion, by computing them."""
    return all(evaluate(term, values) for _, term in obligation.hypotheses) and not evaluate(
        obligation.conclusion, values
    )


# z3 has no type annotations: its words and contexts are passed through as Any, within this module only.
def _convert(term: Term, names: dict[str, Any], context: Any) -> Any:
    import z3

    if term.op == "const":
        return z3.BitVecVal(term.value, BITS, context)
    if term.op == "var":
        return names[term.name]
    parts = [_convert(argument, names, context) for argument in term.arguments]
    functions = {"bvlshr": z3.LShR, "bvult": z3.ULT, "bvule": z3.ULE, "and": z3.And, "not": z3.Not, "ite": z3.If}
    function = functions.get(term.op) or _INFIX[term.op]
    return function(*parts)


_INFIX: dict[str, Callable[..., Any]] = {
    "bvadd": operator.add,
    "bvsub": operator.sub,
    "bvmul": operator.mul,
    "bvand": operator.and_,
    "bvnot": operator.invert,
    "bvshl": operator.lshift,
    "=": operator.eq,
}
