# SPDX-License-Identifier: GPL-2.0-or-later
"""Slices of real trees: complete, at the right lines, and of this configuration."""

import functools
import os
import re
from collections.abc import Sequence

import pytest

from tests.trees.sources import skip_lacking, source_of
from vmemcheck.arches import ARCHES
from vmemcheck.gate.included import Includes
from vmemcheck.kernel import slice_tree as slice_module
from vmemcheck.kernel.evaluate import View, open_view
from vmemcheck.kernel.memory_model import MemoryModel
from vmemcheck.kernel.pieces import Kind
from vmemcheck.kernel.preprocess import Preprocessed, Reader
from vmemcheck.kernel.scope import ROOTS
from vmemcheck.kernel.shim import has_shim, load_shim, shim_of
from vmemcheck.kernel.slice_tree import TreeSlice, slice_tree
from vmemcheck.kernel.source import SMALLEST
from vmemcheck.kernel.target import target_of
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.watched import WatchedTree

_NO_SHIM = shim_of({})
_RUN = [architecture.alias for architecture in ARCHES if has_shim(architecture.alias)]
_WALKERS = {
    "x86": ("arch/x86/mm/init_64.c", ("remove_pte_table", "remove_pmd_table", "free_pte_table", "free_pagetable")),
    "arm64": ("arch/arm64/mm/mmu.c", ("unmap_hotplug_pmd_range", "free_empty_pmd_table", "free_hotplug_page_range")),
}


@functools.cache
def _sliced(tree: Tree, arch: str) -> TreeSlice:
    if not tree.has(f"arch/{arch}/Kconfig"):
        skip_lacking(tree, arch, "newest")
    return slice_tree(open_view(tree, target_of(arch), 12), _NO_SHIM)


@pytest.mark.parametrize("arch", ["x86", "arm64"])
def test_slice_reaches_the_walkers_and_the_section_code(tree: Tree, arch: str) -> None:
    """From the roots the closure reaches the functions that this project is about."""
    found = _sliced(tree, arch)
    functions = {item.name: item.file for item in found.cut.items if item.kind is Kind.FUNCTION}
    file, names = _WALKERS[arch]
    assert {name: functions.get(name) for name in names} == dict.fromkeys(names, file)
    assert {"sparse_add_section", "section_activate", "section_deactivate"} - set(functions) <= {"memmap_init"}
    macros = {item.name for item in found.cut.items if item.kind is Kind.MACRO}
    assert {"SECTION_SIZE_BITS", "SUBSECTION_SHIFT", "PAGES_PER_SUBSECTION"} <= macros


@pytest.mark.parametrize("arch", _RUN)
def test_slice_reads_no_header_that_a_look_at_includes_leaves_out(tree: Tree, arch: str) -> None:
    """The gate relies on it where it calls a change to a header not applicable without slicing."""
    watched = WatchedTree.of(tree)
    _sliced(watched, arch)
    found = Includes(tree).of(arch)
    read = {os.path.normpath(name) for name in watched.seen.files if name.endswith(".h")}
    assert found is not None
    assert "include/linux/mm_types.h" in read
    assert "include/linux/netdevice.h" not in found
    assert set() == read - found


@pytest.mark.parametrize("arch", _RUN)
def test_slice_items_stand_at_their_lines(tree: Tree, arch: str) -> None:
    """File and line of each function and type lead to its name in the tree."""
    texts: dict[str, list[str]] = {}
    for item in _sliced(tree, arch).cut.items:
        if item.kind not in (Kind.FUNCTION, Kind.TYPE) or item.file.startswith("generated"):
            continue
        lines = texts.setdefault(item.file, tree.read(item.file).splitlines())
        assert re.search(rf"\b{item.name}\b", "\n".join(lines[item.line - 1 : item.line + 400])), item
        assert lines[item.line - 1].strip(), item


@pytest.mark.parametrize("arch", _RUN)
def test_slice_bodies_are_the_bytes_of_the_tree(tree: Tree, arch: str) -> None:
    """Each line of a kept function is a line of its file, at the place that the markers say."""
    found = _sliced(tree, arch)
    file, number, checked = "", 0, 0
    for line in found.cut.code.splitlines():
        marker = re.match(r'#(?:line)? (\d+) "([^"]+)"', line)
        if marker:
            file, number = marker[2], int(marker[1])
            continue
        if line.strip() and not line.startswith("#undef") and not file.startswith("generated"):
            expected = tree.read(file).splitlines()[number - 1]
            # The preprocessor joins continued lines and drops the indentation of its own ones.
            if not line.lstrip().startswith("#") and not expected.rstrip().endswith("\\"):
                # A comment or a stray semicolon behind a piece is no part of it.
                assert expected.strip().startswith(line.strip()), f"{file}:{number}"
                checked += 1
        number += 1
    assert checked > 500


@pytest.mark.parametrize("arch", _RUN)
def test_slice_defines_no_function_twice(tree: Tree, arch: str) -> None:
    """Conditions, weak symbols and headers leave one definition of each function."""
    names = [item.name for item in _sliced(tree, arch).cut.items if item.kind is Kind.FUNCTION]
    assert {name for name in names if names.count(name) > 1} == set()


def test_slice_missing_names_are_in_no_file_in_scope(tree: Tree) -> None:
    """What is called missing is not defined in the C files that were read."""
    found = _sliced(tree, "x86")
    text = "\n".join(tree.read(file) for file in found.files)
    for each in found.cut.missing:
        assert not re.search(rf"^(?:[a-z_]+[ \t*]+)+{each.name}\([^;]*?\)\n\{{", text, re.MULTILINE), each


def test_slice_of_x86_is_understood_by_the_compiler(tree: Tree) -> None:
    """Without any shim the compiler knows each type, macro, object and function of the slice.

    Newer kernels generate the masks of CPU features while they are built, and make guards of locks, which are the
    shim's, from attributes of the lock.
    """
    known = ("_MASK_BIT_SET", "include/linux/cleanup.h", "include/linux/debug_locks.h", "cleanup argument")
    complaints = [line for line in _sliced(tree, "x86").complaints if not any(each in line for each in known)]
    assert complaints == []


@pytest.mark.newest_tree
@pytest.mark.parametrize("arch", ["x86", "arm64"])
def test_slice_with_the_files_known_before_is_the_same(tree: Tree, arch: str) -> None:
    """The gate reads at once what the base needed: what it cuts is what it would find file by file."""
    found = source_of(tree, arch).slice
    view = open_view(tree, target_of(arch), 12, **SMALLEST, **MemoryModel.VMEMMAP.answers)
    asked: list[object] = []

    class Counted(Reader):
        def read(self, names: Sequence[str], defines: Sequence[str] = ()) -> Preprocessed:
            asked.append(names)
            return Reader.read(self, names, defines)

    counted = View(view.kconfig, Counted(tree, view.target, view.values, view.reader.bounds))
    assert found == slice_module._slice_tree(counted, load_shim(arch, classic=False), ROOTS, found.files)
    assert [found.files] == asked
