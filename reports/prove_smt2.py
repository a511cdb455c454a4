# SPDX-License-Identifier: GPL-2.0-or-later
"""The obligations as SMT-LIB 2: one file each, or one script for all of them."""

from collections.abc import Sequence

from vmemcheck.theorems.smtlib import script, to_smt2
from vmemcheck.theorems.theorem import Theorem, distinct_obligations


def smt2_files(theorems: Sequence[Theorem]) -> dict[str, str]:
    """Return the text of each file by its name."""
    return {f"{o.name}.smt2": to_smt2(o) for o in distinct_obligations(theorems)}


def smt2_script(theorems: Sequence[Theorem]) -> str:
    """Return one script; a solver answers it with one ``unsat`` for each obligation."""
    return script(distinct_obligations(theorems))
