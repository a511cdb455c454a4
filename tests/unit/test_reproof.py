# SPDX-License-Identifier: GPL-2.0-or-later
"""The theorems for probed values: facts made by hand, one value changed at a time."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from vmemcheck.arches import find
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.facts import CONSTANTS, Facts, Signature
from vmemcheck.kernel.struct_page import StructPageSize
from vmemcheck.reports.facts_json import facts_json
from vmemcheck.reports.facts_text import facts_text
from vmemcheck.reproof import Difference, reprove, reprove_tree
from vmemcheck.theorems import THEOREMS, Theorem
from vmemcheck.theorems.theorem import Case

SCHEMA = Path(__file__).parents[2] / "reports" / "facts.schema.json"
ALIGNED = "CONFIG_HAVE_ALIGNED_STRUCT_PAGE"
SIZES = (
    StructPageSize((), 56, 8, reachable=False),
    StructPageSize((ALIGNED,), 64, 16, reachable=True),
    StructPageSize(("CONFIG_KMSAN",), 72, 8, reachable=False),
    StructPageSize((ALIGNED, "CONFIG_KMSAN"), 80, 16, reachable=True),
)
SHIFTS: dict[str, int | None] = {"PAGE_SHIFT": 12, "SECTION_SIZE_BITS": 27, "SUBSECTION_SHIFT": 21, "PMD_SHIFT": 21}
SIGNATURE = Signature("vmemmap_free", "void vmemmap_free(unsigned long start)", "mm/init.c", 7)


def facts(
    changed: Mapping[str, int | None] | None = None,
    arch: str = "arm64",
    page_shift: int = 12,
    sizes: tuple[StructPageSize, ...] = SIZES,
) -> Facts:
    """Return facts as arm64 with 4K pages has them in the newest kernel, with other values where ``changed``."""
    constants = dict.fromkeys(CONSTANTS, 512) | SHIFTS | {"PAGE_SHIFT": page_shift} | dict(changed or {})
    return Facts("linux-0.1", arch, page_shift, constants, 4, sizes, (SIGNATURE,), ("vmemmap_populate",))


def verdicts(given: Facts) -> dict[str, dict[int, str]]:
    """Return the verdict of each theorem and size; none for what was not re-proved."""
    return {
        each.theorem.name: {claim.struct_page_bytes: claim.judgement.verdict.value for claim in each.claims}
        for each in reprove(given).reproofs
    }


def test_reproof_of_known_values_is_what_prove_says() -> None:
    """With the values of vmemcheck/arches nothing differs, and each claim is the one of the survey."""
    target = reprove(facts())
    architecture = find("arm64")
    assert target.differences == ()
    assert [each.theorem for each in target.reproofs] == list(THEOREMS)
    for each in target.reproofs:
        assert [(claim.struct_page_bytes, claim.can_occur) for claim in each.claims] == [
            (56, False),
            (64, True),
            (72, False),
            (80, True),
        ]
        for claim in each.claims:
            geometry = architecture.page_sizes[0].geometry(claim.struct_page_bytes)
            expected = each.theorem.judge(Case(geometry, 16, (64, 80)))
            assert claim.judgement == expected


@pytest.mark.parametrize(
    ("changed", "theorem", "size", "before", "after"),
    [
        ({"SECTION_SIZE_BITS": 26}, "sub-pmd", 64, "proved", "refuted"),
        ({"SECTION_SIZE_BITS": 30}, "sub-pmd", 56, "refuted", "proved"),
        ({"PMD_SHIFT": 18}, "sub-pmd", 72, "refuted", "proved"),
        ({"SUBSECTION_SHIFT": 20}, "page-multiple", 56, "proved", "refuted"),
        ({"SUBSECTION_SHIFT": 20}, "range-alignment", 72, "proved", "refuted"),
        ({"SUBSECTION_SHIFT": 20}, "unreachability", 72, "proved", "refuted"),
        ({"PAGE_SHIFT": 14}, "page-multiple", 64, "proved", "refuted"),
    ],
    ids=str,
)
def test_reproof_with_one_value_changed_follows_it(
    changed: dict[str, int], theorem: str, size: int, before: str, after: str
) -> None:
    """The verdict is that of the probed value, whatever vmemcheck/arches has, and the value is named as different."""
    assert verdicts(facts())[theorem][size] == before
    (name,) = changed
    given = facts(changed)
    assert verdicts(given)[theorem][size] == after
    expected = Difference(name, str(changed[name]), str(SHIFTS[name]))
    assert reprove(given).differences == (expected,)


def test_reproof_takes_the_sizes_that_can_occur_from_the_facts() -> None:
    """A size that the tree makes possible is one that can occur, and the difference is named."""
    sizes = (replace(SIZES[0], reachable=True), *SIZES[1:])
    assert verdicts(facts())["reachable-sizes"] == {56: "refuted", 64: "proved", 72: "refuted", 80: "proved"}
    target = reprove(facts(sizes=sizes))
    assert verdicts(facts(sizes=sizes))["reachable-sizes"][56] == "proved"
    assert target.struct_page_align == 8
    assert target.differences == (
        Difference("alignment of struct page", "8", "16"),
        Difference("each sizeof(struct page) that can occur", "56 64 80", "64 80"),
    )


def test_reproof_judges_a_size_that_no_table_has() -> None:
    """The sizes are those that were compiled, not a list that was typed in."""
    sizes = (*SIZES, StructPageSize(("CONFIG_LARGE",), 104, 8, reachable=True))
    assert verdicts(facts(sizes=sizes))["page-multiple"][104] == "proved"


def test_reproof_without_a_constant_says_which_theorems_are_left_out() -> None:
    """PMD_SHIFT decided at boot leaves out what reads it, and nothing else."""
    target = reprove(facts({"PMD_SHIFT": None}))
    gaps = {each.theorem.name: each.gap for each in target.reproofs if each.gap}
    assert gaps == dict.fromkeys(("walkers", "sub-pmd"), "PMD_SHIFT: not a constant, decided at boot or not defined")
    known = verdicts(facts())
    assert verdicts(facts({"PMD_SHIFT": None})) == known | {"walkers": {}, "sub-pmd": {}}
    assert target.differences == (Difference("PMD_SHIFT", None, "21"),)


def test_reproof_without_any_constant_still_has_an_answer() -> None:
    """What depends on no shift is re-proved even then."""
    target = reprove(facts(dict.fromkeys(SHIFTS)))
    assert [each.theorem.name for each in target.reproofs if not each.gap] == ["reachable-sizes"]
    gap = next(each.gap for each in target.reproofs if each.theorem.name == "both-doors")
    assert gap.startswith("SUBSECTION_SHIFT and SECTION_SIZE_BITS: not a constant")


@pytest.mark.parametrize("changed", [{"SUBSECTION_SHIFT": 11}, {"SECTION_SIZE_BITS": 64}, {"PMD_SHIFT": 12}], ids=str)
def test_reproof_of_values_that_do_not_fit_is_left_out(changed: dict[str, int]) -> None:
    """Values outside the conditions of the theorems are a reason, not a verdict and not an end."""
    for each in reprove(facts(changed)).reproofs:
        assert each.claims == ()
        assert each.gap.startswith("the probed values do not fit each other: ")


def test_reproof_of_a_page_size_that_arches_has_not_is_a_difference() -> None:
    """A page size that is not known is judged all the same."""
    given = facts(None, "x86", 13)
    assert reprove(given).differences == (Difference("PAGE_SHIFT", "13", "12"),)
    assert verdicts(given)["page-multiple"][64] == "proved"


_FIELDS = {
    "PAGE_SHIFT": {"page_shift": 13, "table_shift": 8},
    "SECTION_SIZE_BITS": {"section_shift": 28},
    "SUBSECTION_SHIFT": {"subsection_shift": 20},
    "PMD_SHIFT": {"table_shift": 8},
}


@pytest.mark.parametrize("theorem", THEOREMS, ids=lambda theorem: theorem.name)
def test_theorem_reads_what_it_says_and_nothing_else(theorem: Theorem) -> None:
    """A judgement changes with each macro that the theorem reads, and with no other."""
    usual = theorem.judge(Case(Geometry(struct_page_bytes=72)))
    read = {
        name
        for name, changed in _FIELDS.items()
        if theorem.judge(Case(Geometry(struct_page_bytes=72).changed(**changed))) != usual
    }
    assert read == set(theorem.reads)


def test_facts_text_names_verdict_witness_and_difference() -> None:
    """Each theorem has a line with its sizes, each refuted size one with the witness; ( ) cannot occur."""
    lines = facts_text(reprove_tree("linux-0.1", "/tree", [facts({"SECTION_SIZE_BITS": 26})])).split("\n")
    assert "    page-multiple    proved (56) 64 (72) 80" in lines
    assert "    sub-pmd          refuted (56) 64 (72) 80" in lines
    for size, fraction in (("64", "1024 KiB, 1/2"), ("(72)", "1152 KiB, 9/16")):
        witness = f"      refuted {size}: the memmap of a section is {fraction} of a PMD leaf of 2048 KiB; "
        assert len([line for line in lines if line.startswith(witness)]) == 1
    assert "  differs: SECTION_SIZE_BITS is 26 here, 27 in vmemcheck/arches" in lines
    assert f"{len(THEOREMS)} theorems proved for all values that meet their conditions: vmemcheck prove" in lines


def test_facts_text_of_known_values_says_that_they_are_the_same() -> None:
    """That nothing differs is said, not left to be guessed; what could not be re-proved is."""
    text = facts_text(reprove_tree("linux-0.1", "/tree", [facts(), facts({"PMD_SHIFT": None})]))
    assert text.count("\n  vmemcheck/arches has the same values\n") == 1
    assert "\n    sub-pmd          not re-proved: PMD_SHIFT: not a constant, decided at boot or not defined\n" in text
    assert "\n  differs: PMD_SHIFT is not a constant here, 21 in vmemcheck/arches\n" in text


def test_facts_json_follows_its_schema_and_has_each_claim() -> None:
    """The JSON validates against the published schema, and holds what the text holds."""
    given = [
        facts(),
        facts({"PMD_SHIFT": None}, "powerpc", 16),
        facts({"SECTION_SIZE_BITS": 64}, "s390"),
    ]
    data = json.loads(facts_json(reprove_tree("linux-0.1", "/tree", given)))
    jsonschema.validate(data, json.loads(SCHEMA.read_text()))
    first, second, third = data["targets"]
    claims = {claim["struct_page_bytes"]: claim for claim in first["theorems"]["sub-pmd"]["claims"]}
    assert {size: claim["verdict"] for size, claim in claims.items()} == verdicts(facts())["sub-pmd"]
    assert (claims[72]["can_occur"], claims[72]["quantity"]) == (False, "9/8")
    assert second["constants"]["PMD_SHIFT"] is None
    assert list(second["theorems"]["walkers"]) == ["not_reproved"]
    assert third["theorems"]["both-doors"]["not_reproved"].startswith("the probed values do not fit")
    for target in data["targets"]:
        assert list(target["theorems"]) == [theorem.name for theorem in THEOREMS]
