# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin, as pytest loads it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vmemcheck.pytest_plugin import EXAMPLES
from vmemcheck.sequence_text import parse

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
    lines = collect(*arguments, "--tree", "none", "-q").stdout.split("\n")
    assert expected == [line.partition("[")[2].rstrip("]") for line in lines if "[" in line]


def test_plugin_default_machines_include_every_page_size_and_small_ones() -> None:
    """Without options there are machines of all page sizes, of 56, 64 and 72 bytes, and scaled-down ones."""
    shown = collect("-q").stdout
    for name in ("x86_64-4K-56", "x86_64-4K-64", "x86_64-4K-72", "arm64-16K-64", "arm64-64K-64", "scaled-4K-80"):
        assert f"[{name}]" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["--arch", "vax"],
        ["--struct-page", "big"],
        ["--arch", "x86", "--page-size", "64K"],
    ],
)
def test_plugin_bad_option_is_one_message(arguments: list[str]) -> None:
    """A machine that does not exist is named in one line."""
    done = collect(*arguments)
    assert done.returncode == 4
    assert done.stderr.startswith("ERROR: ")
    assert "Traceback" not in done.stderr


def test_plugin_architecture_without_a_machine_is_one_message() -> None:
    """Where a tree is named too: else the properties of the reference machine alone would look like an answer."""
    done = collect("--arch", "s390x", "--tree", ".")
    assert (4, "ERROR: kernel code of s390x cannot be run yet; leave out --tree") == (
        done.returncode,
        done.stderr.strip(),
    )


def test_plugin_failing_property_prints_the_sequence_to_replay(tmp_path: Path) -> None:
    """On a broken machine the suite fails with the shrunk sequence in the text form of operations."""
    (tmp_path / "broken.py").write_text(
        "from tests.negative.variants import FreesLeafUnasked, with_part\n"
        "from vmemcheck import pytest_plugin\n"
        "pytest_plugin.ReferenceMachine = with_part(FreesLeafUnasked)\n"
    )
    suite = "properties/test_invariants.py::test_machine_any_sequence_keeps_all_invariants[scaled-4K-56]"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "broken",
        "--hypothesis-profile=ci",
        suite,
    ]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 1
    lines = done.stdout.split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("violated  memmap-mapped"))
    paste = next(number for number, line in enumerate(lines) if line.endswith("vmemcheck replay FILE"))
    geometry, sequence = parse("\n".join(line for line in lines[paste + 1 : paste + 5]))
    assert start < paste
    assert geometry.struct_page_bytes == 56
    assert len(sequence) == 3
