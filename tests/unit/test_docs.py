# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents say what the program does."""

import re
import shlex
from pathlib import Path

import pytest

from vmemcheck.cli import main
from vmemcheck.errors import VmemcheckError
from vmemcheck.invariants import INVARIANTS
from vmemcheck.sequence_text import parse, sequence_to_text
from vmemcheck.theorems import THEOREMS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(name: str) -> list[str]:
    """Return the fenced blocks of a document."""
    return re.findall(r"^```\n(.*?)^```", (ROOT / name).read_text(), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_document_links_lead_somewhere(path: Path) -> None:
    """Every file that a document links to is there."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_readme_proof_is_the_real_output(capsys: pytest.CaptureFixture[str]) -> None:
    """The lines of the README are those of the program, in their order."""
    main(["prove"])
    shown = iter(capsys.readouterr().out.split("\n"))
    (block,) = [block for block in blocks("README.md") if block.startswith("pages that")]
    for line in block.rstrip("\n").split("\n"):
        assert line == "[...]" or line in shown, line


def test_readme_claim_is_the_real_output(capsys: pytest.CaptureFixture[str]) -> None:
    """The finding of the README is what its command prints."""
    (block,) = [block for block in blocks("README.md") if block.startswith("$ ")]
    command, _, expected = block.partition("\n")
    assert main(shlex.split(command)[2:]) == 1
    assert expected == capsys.readouterr().out


def test_invariants_document_has_the_table_of_the_code() -> None:
    """Names, statements and order are those of INVARIANTS."""
    rows = re.findall(r"^\| ([a-z-]+) \| (.*) \|$", (ROOT / "docs/invariants.md").read_text(), flags=re.MULTILINE)
    stated = [(name, says.replace("`", "")) for name, says in rows if name not in ("invariant", "---")]
    assert [(invariant.name, invariant.says) for invariant in INVARIANTS] == stated


def test_theorems_document_names_each_claim() -> None:
    """Names and order are those of THEOREMS."""
    rows = re.findall(r"^\| ([a-z-]+) \|", (ROOT / "docs/theorems.md").read_text(), flags=re.MULTILINE)
    assert [theorem.name for theorem in THEOREMS] == [name for name in rows if name not in ("claim", "---")]


def test_sequences_document_example_can_be_read() -> None:
    """The example of the text form is a sequence, with each kind of operation, and written canonically."""
    text = (ROOT / "docs/sequences.md").read_text()
    example = "\n".join(re.findall(r"^    ((?:geometry|boot|add|init|remove|refuse) .*)$", text, flags=re.MULTILINE))
    try:
        geometry, sequence = parse(example)
    except VmemcheckError as error:
        pytest.fail(str(error))
    assert geometry.struct_page_bytes == 56
    assert example.split("\n")[1:] == sequence_to_text(sequence).split("\n")
    assert len({type(operation) for operation in sequence}) == 6
