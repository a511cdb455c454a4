# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin, as pytest loads it."""

import subprocess
import sys
from pathlib import Path

import pytest

from vmemcheck.pytest_plugin import EXAMPLES

ROOT = Path(__file__).parents[2]


def collect(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Collect the properties in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-p",
        "no:cacheprovider",
        "properties/test_invariants.py",
    ]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize(("profile", "order"), [("ci", "derandomized"), ("dev", "random"), ("deep", "random")])
def test_plugin_profile_is_ours(profile: str, order: str) -> None:
    """The header shows the number of sequences of our profile, not those of the built-in one of that name."""
    shown = collect(f"--hypothesis-profile={profile}").stdout
    assert f"vmemcheck: profile {profile}, {EXAMPLES[profile]} sequences, {order}" in shown


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--arch", "x86", "--struct-page", "56"], ["x86_64-4K-56"]),
        (["--arch", "arm64", "--page-size", "64K"], ["arm64-64K-64"]),
        (["--arch", "powerpc", "--page-size", "4K"], ["powerpc64-4K-56", "powerpc64-4K-64", "powerpc64-4K-72"]),
        (["--arch", "riscv64", "--arch", "s390x"], ["riscv64-4K-64", "s390x-4K-64"]),
    ],
)
def test_plugin_options_choose_the_machines(arguments: list[str], expected: list[str]) -> None:
    """Each option narrows the machines."""
    lines = collect(*arguments, "-q").stdout.split("\n")
    assert expected == [line.partition("[")[2].rstrip("]") for line in lines if "[" in line]


def test_plugin_default_machines_include_every_page_size_and_small_ones() -> None:
    """Without options there are machines of all page sizes, of 56, 64 and 72 bytes, and scaled-down ones."""
    shown = collect("-q").stdout
    for name in ("x86_64-4K-56", "x86_64-4K-64", "x86_64-4K-72", "arm64-16K-64", "arm64-64K-64", "scaled-4K-80"):
        assert f"[{name}]" in shown


@pytest.mark.parametrize(
    "arguments", [["--arch", "vax"], ["--struct-page", "big"], ["--arch", "x86", "--page-size", "64K"]]
)
def test_plugin_bad_option_is_one_message(arguments: list[str]) -> None:
    """A machine that does not exist is named in one line."""
    done = collect(*arguments)
    assert done.returncode == 4
    assert done.stderr.startswith("ERROR: ")
    assert "Traceback" not in done.stderr
