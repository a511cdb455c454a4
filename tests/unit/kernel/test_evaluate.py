# SPDX-License-Identifier: GPL-2.0-or-later
"""A view is what the tree says now, also when it was opened before."""

from pathlib import Path

import pytest

from vmemcheck.kernel import evaluate as evaluate_module
from vmemcheck.kernel.evaluate import View, open_view
from vmemcheck.kernel.target import target_of
from vmemcheck.kernel.tree import Tree

_FILES = {
    "arch/Kconfig": "",
    "arch/x86/Kconfig": "config PGTABLE_LEVELS\n\tint\n\tdefault 5\n",
    "kernel/bounds.c": "#include <linux/zones.h>\nint main(void)\n{\n\tDEFINE(MAX_NR_ZONES, __MAX_NR_ZONES);\n}\n",
    "include/linux/zones.h": "enum zones { ZONE_DMA, ZONE_NORMAL, __MAX_NR_ZONES };\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a small tree."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, text in _FILES.items():
        (tmp_path / "linux" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "linux" / name).write_text(text)
    return tmp_path / "linux"


def _view(root: Path) -> View:
    return open_view(Tree(root, "9.9.9", "test"), target_of("x86"), 12)


def test_open_view_second_time_comes_from_the_cache(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither Kconfig nor the compiler is asked again, and the view is the same; its Kconfig is read when needed."""
    first = _view(root)
    monkeypatch.setattr(evaluate_module, "read_kconfig", None)
    monkeypatch.setattr(evaluate_module, "evaluate", None)
    second = _view(root)
    assert second.reader == first.reader
    assert second.reader.bounds == {"MAX_NR_ZONES": 2}
    assert (second.kconfig.symbols, second.kconfig.choices) == (first.kconfig.symbols, first.kconfig.choices)


@pytest.mark.parametrize(
    ("name", "text", "levels", "zones"),
    [
        ("arch/x86/Kconfig", "config PGTABLE_LEVELS\n\tint\n\tdefault 4\n", "4", 2),
        ("arch/x86/mm/Kconfig.extra", "config ZONE_EXTRA\n\tdef_bool y\n", "5", 2),
        ("include/linux/zones.h", "enum zones { ZONE_DMA, ZONE_NEW, ZONE_NORMAL, __MAX_NR_ZONES };\n", "5", 3),
        ("arch/x86/include/linux/zones.h", "#define __MAX_NR_ZONES 7\n", "5", 7),
    ],
)
def test_open_view_change_of_the_tree_takes_effect(root: Path, name: str, text: str, levels: str, zones: int) -> None:
    """A changed file counts, and so does a new Kconfig file, and a header in a place that is searched first."""
    _view(root)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    view = _view(root)
    assert (view.values["PGTABLE_LEVELS"], view.reader.bounds) == (levels, {"MAX_NR_ZONES": zones})
    assert ("ZONE_EXTRA" in view.values) == name.endswith("Kconfig.extra")
