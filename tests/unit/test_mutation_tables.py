# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of docs/mutation.md, made from reports of mutation runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.mutation_tables import BEGIN, END, main, with_tables
from tests.unit.test_mutation_reports import RESULT
from vmemcheck.mutation.result import Fate, MutantResult
from vmemcheck.reports.mutation_json import mutation_json
from vmemcheck.reports.mutation_markdown import survey_of, surveys_markdown

_ARM64 = replace(RESULT, tree="linux-2.0", arch="arm64", mutants=RESULT.mutants[:1])
_DOCUMENT = f"before\n{BEGIN}old\n{END}after\n"


def test_surveys_side_by_side_have_the_counts_of_each() -> None:
    """All fates, what killed, and by function; where a tree does not have a function, nothing is counted."""
    text = surveys_markdown([survey_of(mutation_json(each)) for each in (RESULT, _ARM64)])
    assert "| 1.2.3 x86 | 4 | 1 | 0 | 1 | 1 | 1 | 25.0% |\n| 2.0 arm64 | 1 | 1 | 0 | 0 | 0 | 0 | 100.0% |" in text
    assert "| no-leak | 1 | 1 |" in text
    assert (
        "| mm | 1.2.3 x86 | 2.0 arm64 |\n| --- | --- | --- |\n| `free_it()` | 1/3 | 1/1 |\n| `boot_it()` | 0/1 | - |"
        in text
    )
    assert "| one thread: barriers: operations happen one after the other | 1 | 0 |" in text


def test_surveys_name_what_nothing_killed_with_its_trees() -> None:
    """A mutant that survives in two trees is one row; one that is equivalent is none, and counted behind the +."""
    same = replace(
        RESULT, mutants=(*RESULT.mutants[:2], MutantResult(RESULT.mutants[2].mutant, Fate.EQUIVALENT, "bound"))
    )
    text = surveys_markdown([survey_of(mutation_json(each)) for each in (RESULT, replace(same, tree="linux-2.0"))])
    assert "| `free_it()` | negate condition `is_it\\x1b` | survived | 1.2.3 x86, 2.0 x86 |" in text
    assert "| `boot_it()` | swap arguments `it(): a <-> b` | not reached | 1.2.3 x86 |" in text
    assert "| `boot_it()` | 0/1 | 0/0 +1 |" in text


def test_tables_replace_only_what_is_between_the_marks(tmp_path: Path) -> None:
    """What stands around them is written by hand, and stays."""
    document, report = tmp_path / "document.md", tmp_path / "report.json"
    document.write_text(_DOCUMENT)
    report.write_text(mutation_json(RESULT))
    assert main([str(document), str(report)]) == 0
    text = document.read_text()
    assert text.startswith(f"before\n{BEGIN}\n| tree |")
    assert text.endswith(f"|\n\n{END}after\n")
    assert "old" not in text
    assert text == with_tables(text, [report.read_text()])


def test_tables_without_marks_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A document that has no place for them is left alone."""
    document = tmp_path / "document.md"
    document.write_text("before\n")
    (tmp_path / "report.json").write_text(mutation_json(RESULT))
    assert main([str(document), str(tmp_path / "report.json")]) == 2
    assert "needs the lines" in capsys.readouterr().err
    assert document.read_text() == "before\n"
