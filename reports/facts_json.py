# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck facts`` as JSON."""

import dataclasses
import json

from vmemcheck.reproof import ProbedTarget, ProbedTree, Reproof

FORMAT = "vmemcheck facts 1"


def facts_json(tree: ProbedTree) -> str:
    """Return the report of a tree as JSON."""
    data = {
        "format": FORMAT,
        "tree": tree.name,
        "origin": tree.origin,
        "provers": ["sympy", "z3"] if tree.second_opinion else ["sympy"],
        "targets": [_target(target) for target in tree.targets],
    }
    return json.dumps(data, indent=1)


def _target(target: ProbedTarget) -> dict[str, object]:
    facts = dataclasses.asdict(target.facts)
    del facts["tree"]
    return facts | {
        "struct_page_align": target.struct_page_align,
        "differences": [dataclasses.asdict(difference) for difference in target.differences],
        "theorems": {reproof.theorem.name: _reproof(reproof) for reproof in target.reproofs},
    }


def _reproof(reproof: Reproof) -> dict[str, object]:
    if reproof.gap:
        return {"not_reproved": reproof.gap}
    return {
        "claims": [
            {
                "struct_page_bytes": claim.struct_page_bytes,
                "can_occur": claim.can_occur,
                "verdict": claim.judgement.verdict.value,
                "because": claim.judgement.because,
                "quantity": None if claim.judgement.quantity is None else str(claim.judgement.quantity),
            }
            for claim in reproof.claims
        ]
    }
