# SPDX-License-Identifier: GPL-2.0-or-later
"""The structure of the project: who imports whom, and what every file must have."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("vmemcheck", "strategies", "properties", "reports", "tests", "benchmarks")
SOURCES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if not any(parent.is_symlink() for parent in path.parents)
)

# A part may import itself, the parts named here, and what those may import.
LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "intervals": set(),
    "geometry": {"errors"},
    "operation": {"errors"},
    "observation": set(),
    "by_design": {"observation"},
    "once": set(),
    "interruptions": set(),
    "entries": {"intervals", "observation", "once"},
    "sequence_text": {"geometry", "operation"},
    "replay_limits": {"sequence_text"},
    "replay_file": {"replay_limits"},
    "model": {"geometry", "intervals", "operation"},
    "scope": {"model"},
    "situation": {"model", "entries"},
    "invariant": {"situation"},
    "invariants": {"invariant"},
    "suspects": {"invariant"},
    "marks": {"invariant", "scope"},
    "weights": {"scope"},
    "places": {"geometry", "operation"},
    "machine": {"geometry", "by_design", "operation"},
    "recording": {"errors"},
    "trace": {"recording", "machine", "intervals"},
    "reference": {"machine", "model"},
    "arches": {"geometry", "by_design"},
    "theorems": {"arches"},
    "kernel": {"machine", "model", "arches", "entries", "garbage"},
    "reproof": {"kernel", "theorems"},
    "judgement": {"invariants", "suspects", "by_design"},
    "known": {"situation", "judgement"},
    "garbage": set(),
    "history": {"machine", "invariant", "known"},
    "engine": {"invariants", "judgement", "marks", "history", "garbage"},
    "strategies": {"weights", "arches"},
    "shrink": {"geometry", "operation"},
    "search": {"engine", "shrink", "strategies"},
    "life": {"engine"},
    "bulk": {"life", "places", "shrink", "weights"},
    "sub_page": {"bulk", "kernel"},
    "check": {"sub_page"},
    "explore": {"engine"},
    "explore_scope": {"explore"},
    "explore_jobs": {"explore", "kernel"},
    "full_size": {"scope"},
    "results": {"check", "sequence_text"},
    "exploration": {"check", "explore_jobs", "explore_scope", "full_size", "shrink"},
    "selection": {"check"},
    "remote": {"kernel"},
    "patch": {"kernel"},
    "gate": {"selection", "exploration", "reproof", "patch", "results"},
    "mutation": {"bulk", "kernel"},
    "reports": {"check", "exploration", "gate", "mutation", "invariant", "replay_file", "theorems", "reproof", "trace"},
    "properties": {"search", "bulk", "reference", "reports", "replay_file"},
    "commands": {
        "selection",
        "results",
        "remote",
        "exploration",
        "gate",
        "patch",
        "mutation",
        "engine",
        "reference",
        "reports",
        "replay_file",
        "kernel",
        "trace",
    },
    "cli": {"errors", "interruptions", "commands"},
    "pytest_plugin": {"reference", "strategies", "arches", "kernel"},
    "__main__": {"cli"},
}
ONLY_IN = {
    "distributed": {"commands"},
    "hypothesis": {"strategies", "search", "properties", "pytest_plugin"},
    "jinja2": {"reports"},
    "sympy": {"theorems"},
    "z3": {"theorems"},
    "tree_sitter": {"kernel", "mutation"},
    "tree_sitter_c": {"kernel", "mutation"},
}
ROOT_PARTS = {"strategies", "properties", "reports"}
# Importable from the root of a checkout only: code that a wheel holds must not use these names.
ROOT_NAMES = ROOT_PARTS | {"tests", "benchmarks"}
COMMENT = {".py": "#", ".c": "//", ".h": "/*"}  # where the licence stands, as the kernel writes it
LONGEST_FILE = 400
LONGEST_FUNCTION = 60


def _part(path: Path) -> str | None:
    """Return the part of the package that a file belongs to."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] in ROOT_PARTS:
        return parts[0]
    return parts[1] if parts[0] == "vmemcheck" and parts[1] != "__init__" else None


def _imports(path: Path) -> set[str]:
    """Return the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            assert node.module is not None
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _allowed(part: str) -> set[str]:
    allowed = {part}
    for other in LAYERS[part]:
        allowed |= _allowed(other)
    return allowed


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_imports_only_layers_below(path: Path) -> None:
    """A module imports its own part and those below it, and heavy libraries only where they belong."""
    part = _part(path)
    imports = _imports(path)
    if part is None:
        return
    assert part in LAYERS, f"add {part} to LAYERS in tests/unit/test_layers.py"
    for name in imports:
        words = name.split(".")
        assert words[0] not in ROOT_NAMES, f"{name} is not in the wheel; {words[0]} there is vmemcheck.{words[0]}"
        if words[0] == "vmemcheck" and len(words) > 1 and words[1] in LAYERS:
            assert words[1] in _allowed(part), f"{part} must not import {name}"
        assert part in ONLY_IN.get(words[0], {part}), f"{part} must not import {words[0]}"


def test_layers_name_only_parts_that_exist() -> None:
    """The table has no entry for a part that is gone."""
    assert {_part(path) for path in SOURCES} - {None} == set(LAYERS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_has_licence_docstring_and_bearable_length(path: Path) -> None:
    """Every file starts with its licence and says what it is; no file and no function is too long."""
    text = path.read_text()
    tree = ast.parse(text)
    assert text.startswith("# SPDX-License-Identifier: GPL-2.0-or-later\n")
    assert ast.get_docstring(tree)
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name


def test_script_and_c_file_has_licence() -> None:
    """Scripts carry the licence too, and the C side does in the comment that the kernel uses for it."""
    for name in ("Makefile", ".ci/run"):
        assert "# SPDX-License-Identifier: GPL-2.0-or-later" in (ROOT / name).read_text().splitlines()[:2], name
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.[ch]")):
        first = path.read_text().partition("\n")[0]
        assert first.startswith(f"{COMMENT[path.suffix]} SPDX-License-Identifier: GPL-2.0"), path


@pytest.mark.parametrize("arguments", [["--help"], ["replay", "--help"], ["replay", "-"]])
def test_command_line_help_and_replay_import_no_heavy_library(arguments: list[str]) -> None:
    """Help and replay come without Hypothesis, jinja2, sympy, z3, pytest and rich."""
    code = (
        "import sys; from vmemcheck.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "print([m for m in ('hypothesis', 'jinja2', 'sympy', 'z3', 'pytest', 'rich') if m in sys.modules])"
    )
    command, sequence = [sys.executable, "-c", code], "add device subsections [0, 1)\n"
    shown = subprocess.run(command, capture_output=True, text=True, check=True, input=sequence).stdout
    assert shown.splitlines()[-1] == "[]"
