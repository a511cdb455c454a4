# SPDX-License-Identifier: GPL-2.0-or-later
"""What the gate says of a patch to a kernel tree, used as it stands: pasted, replayed, read by other programs."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.needs import missing
from tests.trees.broken import copied, edited
from tests.trees.sources import skip_lacking
from tests.unit.gate_results import RESULTS, replays
from tests.unit.test_gate_formats import sarif_schema
from tests.unit.test_gate_reports import schema
from vmemcheck.cli import main
from vmemcheck.kernel.tree import Tree
from vmemcheck.reports.gate_formats import FORMATS
from vmemcheck.reports.gate_ktap import gate_ktap

ROOT = Path(__file__).parents[2]
FILE = "arch/x86/mm/init_64.c"
HEAD = """\
From: A. Developer <a@example.org>
Subject: [PATCH v2] x86/mm: free a partly used leaf at once
Message-ID: <1@example.org>

Words of ours.
---
"""


def forgetful(text: str) -> str:
    """Free a leaf without asking whether its other part is in use."""
    assert text.count("else if (vmemmap_pmd_is_unused(addr, next)) {") == 1
    return text.replace("else if (vmemmap_pmd_is_unused(addr, next)) {", "else if (addr < next) {")


@dataclass(frozen=True)
class Judged:
    """The reports of a judgement by format, and the trees before and after."""

    code: int
    reports: dict[str, str]
    before: Tree
    after: Path


_JUDGED: list[Judged] = []


@pytest.fixture
def judged(tree_of: Callable[[str], Tree], tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Judge a patch that breaks x86, once."""
    if not _JUDGED:
        tree, folder = tree_of("6.12"), tmp_path_factory.mktemp("gate")
        after = folder / "after"
        copy = copied(tree, "x86", folder)
        with edited(copy, {FILE: forgetful}):
            shutil.copytree(copy.root, after)
        command = ["git", "diff", "--no-index", "--no-prefix", str(tree.root / FILE), str(after / FILE)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        diff = re.sub(r"^(---|\+\+\+) .*$", rf"\1 a/{FILE}", done.stdout, flags=re.MULTILINE)
        (folder / "patch").write_text(HEAD + diff[diff.index("--- ") :])
        options = [word for name in FORMATS for word in ("--format", name, "--output", str(folder / name))]
        where = ["--tree", str(tree.root), "--arch", "x86_64", "--budget", "quick", "--quiet"]
        code = main(["gate", *where, "--replays", str(folder / "replays"), *options, str(folder / "patch")])
        _JUDGED.append(Judged(code, {name: (folder / name).read_text() for name in FORMATS}, tree, after))
    return _JUDGED[0]


def test_gate_on_a_tree_fills_all_formats_alike(judged: Judged) -> None:
    """What the judge makes of a real patch is what the reports are tested with."""
    assert judged.code == 1
    data = json.loads(judged.reports["json"])
    schema().validate(data)
    assert ("breaks", 1) == (data["answer"], data["exit_code"])
    sarif_schema().validate(json.loads(judged.reports["sarif"]))
    for name in ("text", "markdown", "html", "mail", "ktap"):
        assert "memmap-mapped" in judged.reports[name], name
    assert json.loads(judged.reports["b4"])[0]["status"] == "fail"


def test_gate_on_a_tree_tells_the_violation_at_the_line_that_is_changed(judged: Judged) -> None:
    """In the file as it is afterwards; the sequence ends in the function that did it."""
    result = json.loads(judged.reports["sarif"])["runs"][0]["results"][0]
    place = result["locations"][0]["physicalLocation"]
    line = (judged.after / FILE).read_text().splitlines()[place["region"]["startLine"] - 1]
    assert (FILE, "else if (addr < next) {") == (place["artifactLocation"]["uri"], line.strip())
    assert "remove_pmd_table()" in result["message"]["text"]


def replayed(command: str, tree: Path, code: int) -> str:
    """Run a command of a report as it stands, in a tree, and return what it says."""
    words = f"{sys.executable} -m vmemcheck replay --quiet"
    shown = subprocess.run(
        ["bash", "-c", command.replace("vmemcheck replay", words)],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == code, shown.stdout + shown.stderr
    return shown.stdout


def test_mail_command_shows_the_violation_on_the_patched_tree_only(judged: Judged) -> None:
    """Pasted into a shell, it needs nothing else."""
    command, *_ = re.findall(r"^vmemcheck replay .*?^END$", judged.reports["mail"], re.DOTALL | re.MULTILINE)
    assert replayed(command, judged.after, 1).startswith("violated  memmap-mapped")
    assert replayed(command, judged.before.root, 0).startswith("holds ")


def test_text_command_shows_the_violation_on_the_patched_tree(judged: Judged) -> None:
    """The file that it names is there."""
    command, *_ = re.findall(r"^replay +(vmemcheck replay .*) --tree PATCHED$", judged.reports["text"], re.MULTILINE)
    assert "saved for memmap-mapped: it still happens" in replayed(f"{command} --tree .", judged.after, 1)


def test_mail_answers_the_patch_of_the_mailbox(judged: Judged) -> None:
    """The headers are those of the message that was judged."""
    head = judged.reports["mail"].split("\n\n")[0].split("\n")
    assert [
        'To: "A. Developer" <a@example.org>',
        "Subject: Re: [PATCH v2] x86/mm: free a partly used leaf at once",
    ] == [line for line in head if line.startswith(("To:", "Subject:"))]
    assert "In-Reply-To: <1@example.org>" in head


def test_b4_gets_json_of_a_message_on_standard_input(
    tree_of: Callable[[str], Tree], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A patch to something else passes at once."""
    diff = "--- a/net/core/dev.c\n+++ b/net/core/dev.c\n@@ -1,0 +2,1 @@\n+/* of ours */\n"
    (tmp_path / "mail").write_text(HEAD + diff)
    with (tmp_path / "mail").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert main(["gate", "--tree", str(tree_of("6.12").root), "--quiet", "--format", "b4", "-"]) == 0
    (check,) = json.loads(capsys.readouterr().out)
    assert ("vmemcheck", "pass") == (check["tool"], check["status"])
    assert check["summary"].startswith("not applicable: ")


def test_ktap_is_read_by_the_reader_of_the_kernel(tree: Tree) -> None:
    """It passes what exits with 0, and nothing else."""
    reader = tree.root / "tools" / "testing" / "kunit" / "kunit.py"
    if not reader.exists():
        missing(f"{tree.name} has no {reader.relative_to(tree.root)}: make trees, or a whole tree in VMEMCHECK_TREES")
    if "KTAP version" not in reader.with_name("kunit_parser.py").read_text():
        skip_lacking(tree, "reader of KTAP, only one of TAP", "6.1")
    for name, result in RESULTS.items():
        report = gate_ktap(result, replays(result), False)
        command = [sys.executable, "-B", str(reader), "parse"]
        done: Any = subprocess.run(command, input=report, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (result.answer().exit_code == 0), (name, done.stdout)
        assert "[ERROR]" not in done.stdout, name
