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
FOLDERS = ("strategies", "properties", "reports")


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command outside the project and return its output."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTEST_ADDOPTS")}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked() -> list[str]:
    """Return the files that are committed or about to be, also when the checkout belongs to another user."""
    git = ("git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard")
    return [name for name in run(*git, cwd=ROOT).splitlines() if os.path.lexists(ROOT / name)]


def packaged() -> set[str]:
    """Return the files of the package, by the names that they have in the wheel."""
    inside = {name for name in tracked() if name.startswith("vmemcheck/") and (ROOT / name).is_file()}
    return inside | {f"vmemcheck/{name}" for name in tracked() if name.partition("/")[0] in FOLDERS}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from it, from a copy of what is committed or about to be."""
    folder = tmp_path_factory.mktemp("dist")
    archive = folder / "source.tar"
    (folder / "names").write_text("\n".join(tracked()))
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


def test_sdist_holds_the_package_once_and_the_licence(built: tuple[Path, Path]) -> None:
    """The sdist has every file of the package as a file, no second copy, and the licence."""
    with tarfile.open(built[0]) as archive:
        members = {member.name.partition("/")[2]: member for member in archive.getmembers() if not member.isdir()}
    assert not [name for name, member in members.items() if not member.isfile()]
    inside = {name for name in members if "/" in name and ".egg-info/" not in name}
    assert packaged() == inside
    assert {"LICENSE", "README.md", "pyproject.toml"} <= set(members)


def test_wheel_holds_one_package_with_all_its_files(built: tuple[Path, Path]) -> None:
    """Nothing but vmemcheck reaches site-packages: every module, the type marker and every data file."""
    names = {name for name in zipfile.ZipFile(built[1]).namelist() if ".dist-info/" not in name}
    assert packaged() == names
    schemas = {f"vmemcheck/reports/{name}.schema.json" for name in ("prove", "facts", "check", "explore")}
    wanted = schemas | {"vmemcheck/py.typed", "vmemcheck/properties/test_invariants.py"}
    assert wanted <= names


def test_wheel_carries_the_licence(built: tuple[Path, Path]) -> None:
    """The metadata name the licence by its SPDX expression, and its text is in the wheel."""
    wheel = zipfile.ZipFile(built[1])
    (metadata,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    assert "License-Expression: GPL-2.0-or-later\n" in wheel.read(metadata).decode()
    (licence,) = [name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
    assert (ROOT / "LICENSE").read_bytes() == wheel.read(licence)


def test_wheel_installed_proves(environment: Path, tmp_path: Path) -> None:
    """``vmemcheck prove`` works from the wheel, without the optional solver."""
    shown = run(environment / "vmemcheck", "prove", cwd=tmp_path)
    assert "x86_64        4K" in shown
    assert "no second opinion" in shown


def test_wheel_installed_runs_the_properties(environment: Path, tmp_path: Path) -> None:
    """``pytest --pyargs vmemcheck.properties`` finds the suite, the plugin and the profiles in the wheel."""
    arguments = ["--pyargs", "vmemcheck.properties", "--hypothesis-profile=dev"]
    arguments += ["--arch", "x86", "--struct-page", "56", "--tree", "none"]
    shown = run(environment / "python", "-m", "pytest", "-p", "no:cacheprovider", *arguments, cwd=tmp_path)
    assert "vmemcheck: profile dev" in shown
    assert " passed in " in shown
