# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck mutate`` as JSON; equal results give equal bytes, and there are no times in it."""

import dataclasses
import json
from collections.abc import Iterable

from vmemcheck.mutation.mutant import Mutant
from vmemcheck.mutation.result import Counts, MutantResult, MutationResult
from vmemcheck.reports.check_words import printable
from vmemcheck.sequence_text import sequence_to_text

FORMAT = "vmemcheck mutate 1"


def mutants_json(mutants: Iterable[Mutant]) -> str:
    """Return the mutants as JSON."""
    return json.dumps({"format": f"{FORMAT} list", "mutants": [_mutant(mutant) for mutant in mutants]}, indent=1)


def mutation_json(result: MutationResult) -> str:
    """Return the report of a tree and architecture as JSON."""
    data = {
        "format": FORMAT,
        "tree": printable(result.tree),
        "origin": printable(result.origin),
        "arch": result.arch,
        "refused": result.refused,
        "geometries": [dataclasses.asdict(geometry) for geometry in result.geometries],
        "scopes": [dataclasses.asdict(scope) for scope in result.scopes],
        "examples": result.examples,
        "seed": result.seed,
        "counts": dataclasses.asdict(result.counts),
        "counts_of_paths": dataclasses.asdict(result.counts_of_paths),
        "functions": [
            {
                "file": file,
                "function": function,
                "on_paths": function in result.paths,
                "counts": dataclasses.asdict(Counts.of(results)),
            }
            for (file, function), results in result.by_function().items()
        ],
        "mutants": [_result(one) for one in result.mutants],
    }
    return json.dumps(data, indent=1)


def _mutant(mutant: Mutant) -> dict[str, object]:
    return {
        "number": mutant.number,
        "operator": mutant.operator.value,
        "file": mutant.file,
        "line": mutant.line,
        "function": mutant.function,
        "text": printable(mutant.text),
    }


def _result(one: MutantResult) -> dict[str, object]:
    return {
        **_mutant(one.mutant),
        "fate": one.fate.value,
        "why": printable(one.why),
        "geometry": dataclasses.asdict(one.geometry) if one.geometry else None,
        "sequence": sequence_to_text(one.sequence).splitlines(),
        "sequences_that_differ": one.differed,
    }
