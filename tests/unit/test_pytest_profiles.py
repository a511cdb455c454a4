# SPDX-License-Identifier: GPL-2.0-or-later
"""The Hypothesis profiles: which one a run of pytest really has, in a folder that is not this project."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vmemcheck.pytest_plugin import EXAMPLES

SETTINGS = """\
from hypothesis import settings

def test_settings():
    now = settings()
    print(settings.get_current_profile_name(), now.max_examples, now.derandomize, now.deadline, now.database)
"""
OWN_PROFILE = """\
from hypothesis import settings

settings.register_profile("ci", max_examples=7)
"""


def run(folder: Path, *arguments: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, as on a CI machine when ``ci`` is given."""
    (folder / "test_settings.py").write_text(SETTINGS)
    # Hypothesis knows many CI systems by their variables; PATH is all that this needs.
    environment = {"PATH": os.environ["PATH"]} | ({"CI": ci} if ci else {})
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("ci", ["", "true"], ids=["by-hand", "on-ci"])
def test_profile_ci_is_ours(tmp_path: Path, ci: str) -> None:
    """Under ``--hypothesis-profile=ci`` the settings are ours, not those of the built-in profile of that name."""
    done = run(tmp_path, "--hypothesis-profile=ci", ci=ci)
    assert f"ci {EXAMPLES['ci']} True None None" in done.stdout
    assert done.returncode == 0


def test_profile_on_ci_without_option_is_ours_and_named(tmp_path: Path) -> None:
    """Where CI is set Hypothesis loads ``ci`` by itself; the header says so, and it is ours."""
    done = run(tmp_path, ci="true")
    assert f"ci {EXAMPLES['ci']} True None None" in done.stdout
    assert f"vmemcheck: profile ci, {EXAMPLES['ci']} sequences, derandomized" in done.stdout


def test_profile_of_another_project_stays_its_own(tmp_path: Path) -> None:
    """A project that registers ``ci`` in its conftest.py gets that, although this plugin is installed."""
    (tmp_path / "conftest.py").write_text(OWN_PROFILE)
    done = run(tmp_path, "--hypothesis-profile=ci")
    assert "ci 7 " in done.stdout
    assert done.returncode == 0


def test_profile_unknown_is_one_message(tmp_path: Path) -> None:
    """A profile that nobody registered is named in one line, with those that exist."""
    done = run(tmp_path, "--hypothesis-profile=slow")
    assert done.returncode == 4
    assert done.stderr.strip() == "ERROR: --hypothesis-profile 'slow' is not registered; there are dev, ci, deep"
