# SPDX-License-Identifier: GPL-2.0-or-later
"""The wheel, built from the sdist, works in an empty environment."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command outside the project and return its output."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTEST_ADDOPTS")}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from it, from a copy of what is committed or about to be."""
    folder = tmp_path_factory.mktemp("dist")
    names = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    archive = folder / "source.tar"
    (folder / "names").write_text(names)
    run("tar", "-cf", archive, "-T", folder / "names", cwd=ROOT)
    source = folder / "source"
    source.mkdir()
    run("tar", "-xf", archive, cwd=source)
    run(sys.executable, "-m", "build", "--outdir", folder, source, cwd=folder)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an empty virtual environment and return its folder of programs."""
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", built[1], cwd=folder)
    return folder / "bin"


def test_sdist_holds_the_folders_once_and_the_licence(built: tuple[Path, Path]) -> None:
    """The sdist has what is needed to build the wheel, and the licence."""
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "pyproject.toml", "README.md", "vmemcheck/strategies/sequences.py"} <= names


def test_wheel_has_one_top_level_package(built: tuple[Path, Path]) -> None:
    """Nothing but vmemcheck reaches site-packages, with its type marker and its data."""
    names = zipfile.ZipFile(built[1]).namelist()
    assert {"vmemcheck"} == {name.split("/")[0] for name in names if ".dist-info/" not in name}
    wanted = {"vmemcheck/py.typed", "vmemcheck/properties/test_invariants.py", "vmemcheck/reports/prove.schema.json"}
    assert wanted <= set(names)


def test_wheel_installed_proves(environment: Path, tmp_path: Path) -> None:
    """``vmemcheck prove`` works from the wheel, without the optional solver."""
    shown = run(environment / "vmemcheck", "prove", cwd=tmp_path)
    assert "x86_64        4K" in shown
    assert "no second opinion" in shown


def test_wheel_installed_runs_the_properties(environment: Path, tmp_path: Path) -> None:
    """``pytest --pyargs vmemcheck.properties`` finds the suite, the plugin and the profiles in the wheel."""
    arguments = ["--pyargs", "vmemcheck.properties", "--hypothesis-profile=dev", "--arch", "x86", "--struct-page", "56"]
    shown = run(environment / "python", "-m", "pytest", "-p", "no:cacheprovider", *arguments, cwd=tmp_path)
    assert "vmemcheck: profile dev" in shown
    assert " passed in " in shown
