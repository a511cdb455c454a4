# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck prove`` as its users see it."""

import importlib.util
import json
import re
from pathlib import Path

import cvc5
import jsonschema
import pytest

from tests.unit.test_theorems import cvc5_answers
from vmemcheck.cli import main
from vmemcheck.theorems import THEOREMS, Theorem

SCHEMA = Path(__file__).parents[2] / "reports" / "prove.schema.json"

BAD_INPUT = {
    "struct page not a multiple of 8": (["--struct-page", "60"], "a multiple of 8 such as 56 or 64"),
    "struct page zero": (["--struct-page", "0"], "out of range"),
    "struct page negative": (["--struct-page", "-8"], "out of range"),
    "struct page enormous": (["--struct-page", "65544"], "out of range"),
    "struct page not a number": (["--struct-page", "large"], "'large' is not a number"),
    "struct page of a million digits": (["--struct-page", "9" * 1_000_000], "is not a number"),
    "one of several sizes wrong": (["--struct-page", "64", "65"], "65 cannot be"),
    "unknown architecture": (["--arch", "vax"], "unknown architecture 'vax'; use one of x86_64"),
    "empty architecture": (["--arch", ""], "unknown architecture ''"),
    "unknown page size": (["--page-size", "8K"], "unknown page size '8K'"),
    "page size that the architecture has not": (["--arch", "x86", "--page-size", "64K"], "x86_64 has 4K"),
    "section smaller than subsection": (["--section-shift", "20"], "section shift 20"),
    "section of the address space": (["--section-shift", "64"], "section shift 64"),
    "subsection smaller than page": (["--subsection-shift", "11"], "subsection shift 11"),
    "shift not a number": (["--subsection-shift", "x"], "'x' is not a number"),
    "unknown claim": (["--claim", "everything"], "unknown claim 'everything'; use one of page-multiple"),
    "unknown format": (["--format", "pdf"], "invalid choice: 'pdf'"),
    "unknown option": (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    "abbreviated option": (["--struct", "64"], "unrecognized arguments"),
    "output without smt2": (["--output", "somewhere"], "--output goes with --format smt2"),
    "missing value": (["--arch"], "expected one argument"),
}


@pytest.mark.parametrize(("arguments", "says"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_prove_bad_input_is_one_line_and_exit_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad input gives one line that says what is wrong, nothing on standard output, and exit code 2."""
    assert main(["prove", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert says in shown.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--arch", "arm64", "--page-size", "64K", "--struct-page", "64"], 1, "2048 bytes, 1/32 of a page of 65536"),
        (["--arch", "x86_64", "--struct-page", "56", "64", "72"], 0, "are 7 pages"),
        (["--arch", "x86", "--struct-page", "72"], 0, "x86_64 4K, struct page 72: 512 struct pages of 72 bytes are 9"),
        (["--arch", "powerpc", "--page-size", "65536"], 1, "powerpc64 64K"),
        (["--arch", "riscv", "--subsection-shift", "20", "--struct-page", "56"], 1, "is not a multiple of 16"),
    ],
)
def test_prove_claim_exit_code_is_the_verdict(
    arguments: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A claim that a case refutes ends with 1 and the witness, one that holds with 0 and the number."""
    assert main(["prove", "--claim", "page-multiple", *arguments]) == code
    shown = " ".join(capsys.readouterr().out.split())
    assert says in shown
    assert ("refuted page-multiple" in shown) == (code == 1)


def test_prove_survey_has_a_row_for_each_architecture_and_page_size(capsys: pytest.CaptureFixture[str]) -> None:
    """The survey shows the whole table at 80 columns, ends with 0 and names the provers."""
    assert main(["prove"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert max(map(len, lines)) <= 80
    table = {" ".join(line.split()[:2]): line.split()[2:] for line in lines[2:13]}
    assert table["x86_64 4K"] == ["(7)", "8", "(9)", "10", "(11)", "12"]
    assert table["powerpc64 4K"] == ["7", "8", "9", "(10)", "(11)", "(12)"]
    assert table["arm64 64K"][1] == "1/32!"
    expected = (
        "x86_64 4K, arm64 4K, arm64 16K, arm64 64K, riscv64 4K, s390x 4K, powerpc64 4K, powerpc64 64K, loongarch64 4K"
    )
    assert [*expected.split(", "), "loongarch64 16K", "loongarch64 64K"] == list(table)
    for theorem in THEOREMS:
        assert f"theorem   {theorem.name}: proved" in lines
    assert "they agree" in lines[-2]


@pytest.mark.parametrize("theorem", THEOREMS, ids=lambda theorem: theorem.name)
def test_prove_steps_show_every_deduction(theorem: Theorem, capsys: pytest.CaptureFixture[str]) -> None:
    """--steps shows what sympy computed and what the solver was asked."""
    main(["prove", "--claim", theorem.name, "--steps", "--arch", "x86", "--struct-page", "64"])
    shown = capsys.readouterr().out
    for deduction in theorem.derive():
        assert deduction.formula in shown
    for obligation in theorem.obligations:
        assert obligation.name in shown


def test_prove_json_follows_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON report validates against the published schema and holds all cases."""
    assert main(["prove", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, json.loads(SCHEMA.read_text()))
    assert len(data["cases"]) == 66
    assert all(o["proved_by_z3"] for theorem in data["theorems"] for o in theorem["obligations"])


def test_prove_claim_in_json_has_exit_code_too(capsys: pytest.CaptureFixture[str]) -> None:
    """The format does not change the exit code."""
    arguments = ["--claim", "sub-pmd", "--arch", "x86", "--struct-page", "56", "--format", "json"]
    assert main(["prove", *arguments]) == 1
    (case,) = json.loads(capsys.readouterr().out)["cases"]
    assert case["claims"]["sub-pmd"] | {"because": ""} == {"verdict": "refuted", "because": "", "quantity": "7/8"}


def test_prove_markdown_tables_have_equal_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """Each row of the Markdown tables has as many columns as the heading."""
    assert main(["prove", "--format", "markdown", "--steps"]) == 0
    rows = [line for line in capsys.readouterr().out.split("\n") if line.startswith("|")]
    assert len(rows) == 26
    assert {row.count("|") for row in rows} == {9}


def test_prove_latex_is_balanced(capsys: pytest.CaptureFixture[str]) -> None:
    """Every environment that is opened is closed, braces pair up, and no special letter is left bare."""
    assert main(["prove", "--format", "latex"]) == 0
    text = capsys.readouterr().out
    opened = re.findall(r"\\begin\{(\w+)\}", text)
    assert len(opened) > len(THEOREMS)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+)\}", text))
    assert len(re.findall(r"(?<!\\)\{", text)) == len(re.findall(r"(?<!\\)\}", text))
    outside = re.sub(r"\\\[.*?\\\]|\\begin\{tabular\}.*?\\end\{tabular\}", "", text, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)[_^&#%$]", outside)


def test_prove_smt2_script_is_checked_by_another_solver(capsys: pytest.CaptureFixture[str]) -> None:
    """The script on standard output is proved by cvc5."""
    assert main(["prove", "--format", "smt2", "--claim", "walkers"]) == 0
    assert cvc5_answers(capsys.readouterr().out) == ["unsat", "unsat"]
    assert cvc5.__version__


def test_prove_smt2_output_writes_one_file_for_each_obligation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--output fills a folder and leaves nothing unfinished in it."""
    folder = tmp_path / "new" / "folder"
    assert main(["prove", "--format", "smt2", "--output", str(folder)]) == 0
    names = {f"{obligation.name}.smt2" for theorem in THEOREMS for obligation in theorem.obligations}
    assert names == {path.name for path in folder.iterdir()}
    assert str(len(names)) in capsys.readouterr().out


def test_prove_smt2_output_that_cannot_be_written_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file where the folder should be is named in the message."""
    (tmp_path / "file").write_text("")
    assert main(["prove", "--format", "smt2", "--output", str(tmp_path / "file")]) == 2
    assert "file" in capsys.readouterr().err


def test_prove_without_z3_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the optional solver the proofs stand, and the report says that there is no second opinion."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "z3" else find_spec(name))
    assert main(["prove", "--arch", "x86"]) == 0
    assert "no second opinion: install vmemcheck[smt] for z3" in capsys.readouterr().out
