# SPDX-License-Identifier: GPL-2.0-or-later
"""The README's example of the gate, copied as it stands."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from vmemcheck.kernel.tree import Tree

ROOT = Path(__file__).parents[2]


@pytest.mark.newest_tree
def test_readme_gate_example_says_what_the_readme_shows(tree: Tree) -> None:
    """Each line that the README shows is in the output, in that order."""
    text = (ROOT / "README.md").read_text()
    example = re.search(r"^(    tree=.*\n(?:    .*\n)+)\n```\n((?:(?!```).*\n)+)```", text, re.MULTILINE)
    assert example is not None
    script = re.sub(r"\$\(\S+ fetch newest\)", shlex.quote(str(tree.root)), example[1])
    script = script.replace(".venv/bin/vmemcheck", f"{shlex.quote(sys.executable)} -m vmemcheck")
    assert (script.count(str(tree.root)), script.count(sys.executable)) == (1, 1)
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    shown = iter(done.stdout.split("\n"))
    for line in re.sub(r"linux-[\d.]+", tree.name, example[2]).rstrip("\n").split("\n"):
        assert line == "[...]" or line in shown, line
