# SPDX-License-Identifier: GPL-2.0-or-later
"""The reports of ``vmemcheck mutate``, of results that are put together by hand."""

import json
from pathlib import Path

import jsonschema

from tests.unit.published import assert_exact, objects
from vmemcheck.geometry import Geometry
from vmemcheck.mutation.mutant import Mutant, Operator
from vmemcheck.mutation.result import Fate, MutantResult, MutationResult
from vmemcheck.operation import AddDevice, Remove
from vmemcheck.reports.mutation_json import mutants_json, mutation_json
from vmemcheck.reports.mutation_text import mutation_text
from vmemcheck.scope import Scope

SCHEMA = json.loads((Path(__file__).parents[2] / "reports" / "mutation.schema.json").read_text())
GEOMETRY = Geometry(struct_page_bytes=64)
_NUMBERED = (
    Mutant(1, Operator.DROP_STATEMENT, "free_it", "mm/it.c", 7, "it();", ("it",)),
    Mutant(2, Operator.NEGATE, "free_it", "mm/it.c", 8, "is_it\x1b"),
    Mutant(3, Operator.SWAP, "boot_it", "mm/it.c", 20, "it(): a <-> b"),
    Mutant(4, Operator.DROP_STATEMENT, "free_it", "mm/it.c", 30, "spin_lock(it);", ("spin_lock",)),
)
RESULT = MutationResult(
    tree="linux-1.2.3",
    origin="/trees/linux-1.2.3",
    arch="x86",
    refused=1,
    geometries=(GEOMETRY,),
    scopes=(Scope(faults=False), Scope()),
    examples=20,
    seed=7,
    mutants=(
        MutantResult(_NUMBERED[0], Fate.KILLED, "no-leak", GEOMETRY, (AddDevice(0, 1), Remove(0)), 3),
        MutantResult(_NUMBERED[1], Fate.SURVIVED, differed=2),
        MutantResult(_NUMBERED[2], Fate.NOT_REACHED),
        MutantResult(_NUMBERED[3], Fate.OUTSIDE, "one thread"),
    ),
    paths=frozenset(("free_it",)),
)


def test_mutation_json_is_what_the_schema_says() -> None:
    """The reports validate, of a run and of a list, and are ASCII."""
    for text in (mutation_json(RESULT), mutants_json(_NUMBERED)):
        jsonschema.validate(json.loads(text), SCHEMA, jsonschema.Draft202012Validator)
        assert text.isascii()


def test_mutation_json_schema_requires_and_allows_just_what_is_there() -> None:
    """Without any of its keys, and with one more, a report is refused."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for text in (mutation_json(RESULT), mutants_json(_NUMBERED)):
        data = json.loads(text)
        fixed = [place for place in objects(data) if "page_shift" not in place and "boot" not in place]
        assert_exact(validator, data, fixed)


def test_mutation_json_counts_the_paths_apart() -> None:
    """What is in a function of the paths counts for them; the rest counts for all only."""
    data = json.loads(mutation_json(RESULT))
    assert data["counts"] == {"killed": 1, "equivalent": 0, "outside": 1, "not_reached": 1, "survived": 1}
    assert data["counts_of_paths"] == {"killed": 1, "equivalent": 0, "outside": 1, "not_reached": 0, "survived": 1}
    assert [(one["function"], one["on_paths"]) for one in data["functions"]] == [("free_it", True), ("boot_it", False)]


def test_mutation_text_says_the_share_of_the_paths_and_what_survived() -> None:
    """Both shares, with and without what this machine cannot show; each mutant that nothing killed."""
    lines = mutation_text(RESULT).split("\n")
    assert "paths     killed 1 of 3 (33.3%) that are not equivalent" in lines
    assert "          killed 1 of 2 (50.0%) of them that make a difference in this machine" in lines
    assert "   2 mm/it.c:8 free_it(): negate condition: is_it?; does something else on 2 sequences" in (
        line.replace("\\x1b", "?").strip("\n").removeprefix("  ") for line in lines
    )
    assert any(line.startswith("mm/it.c: boot_it()  (no path)") for line in lines)
