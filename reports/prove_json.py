# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck prove`` as JSON."""

import json

from vmemcheck.theorems.survey import Proof, Row, Survey
from vmemcheck.theorems.theorem import Verdict

FORMAT = "vmemcheck prove 1"


def survey_json(survey: Survey) -> str:
    """Return a survey as JSON, with all derivations."""
    data = {
        "format": FORMAT,
        "provers": ["sympy", "z3"] if survey.second_opinion else ["sympy"],
        "theorems": [_proof(proof) for proof in survey.proofs],
        "cases": [_row(survey, row) for row in survey.rows],
    }
    return json.dumps(data, indent=2)


def _proof(proof: Proof) -> dict[str, object]:
    theorem = proof.theorem
    return {
        "name": theorem.name,
        "verdict": Verdict.PROVED.value,
        "statement": theorem.statement,
        "hypotheses": list(theorem.hypotheses),
        "source": theorem.source,
        "steps": [{"text": step.text, "formula": step.formula, "latex": step.latex} for step in proof.deductions],
        "obligations": [
            {
                "name": obligation.name,
                "says": obligation.says,
                "hypotheses": [label for label, _ in obligation.hypotheses],
                "proved_by_z3": obligation.name in proof.words,
            }
            for obligation in theorem.obligations
        ],
    }


def _row(survey: Survey, row: Row) -> dict[str, object]:
    case, geometry = row.subject.case, row.subject.case.geometry
    return {
        "arch": row.subject.arch,
        "page_size": row.subject.page_size,
        "struct_page_bytes": geometry.struct_page_bytes,
        "can_occur": case.can_occur,
        "page_shift": geometry.page_shift,
        "section_shift": geometry.section_shift,
        "subsection_shift": geometry.subsection_shift,
        "pmd_shift": geometry.pmd_shift,
        "claims": {
            proof.theorem.name: {
                "verdict": judgement.verdict.value,
                "because": judgement.because,
                "quantity": None if judgement.quantity is None else str(judgement.quantity),
            }
            for proof, judgement in zip(survey.proofs, row.judgements, strict=True)
        },
    }
