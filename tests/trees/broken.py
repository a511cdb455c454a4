# SPDX-License-Identifier: GPL-2.0-or-later
"""Copies of kernel trees in which something is broken on purpose.

The edits name identifiers of the kernel and add words of our own; the text around them is the tree's.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from vmemcheck.kernel.tree import Tree, open_tree

Edit = Callable[[str], str]
WALKERS = {
    "x86": ("arch/x86/mm/init_64.c", "remove_pte_table"),
    "arm64": ("arch/arm64/mm/mmu.c", "unmap_hotplug_pte_range"),
}
"""File and name of the function that clears the PTEs of the vmemmap."""
_COPIES: dict[tuple[Path, str], Tree] = {}
_FOLDERS = ("include", "init", "kernel", "lib", "mm", "scripts")


def copied(tree: Tree, arch: str, folder: Path) -> Tree:
    """Return a copy with what one architecture needs; its files are links, so that it is made in no time.

    What is known of the tree is known of the copy, as far as the files are the same.
    """
    root = folder / tree.root.name
    for name in (*_FOLDERS, f"arch/{arch}"):
        if tree.has(name):
            shutil.copytree(tree.root / name, root / name, copy_function=_link, symlinks=True)
    for path in (*tree.root.iterdir(), *(tree.root / "arch").iterdir()):
        if path.is_file():
            _link(str(path), str(root / path.relative_to(tree.root)))
    return replace(open_tree(root), base=tree.root)


class CopyOf:
    """The copies of one tree, one for each architecture; each is made once in a run.

    :param folder: makes a new folder
    """

    def __init__(self, tree: Tree, folder: Callable[[], Path]) -> None:
        self._tree = tree
        self._folder = folder

    def __call__(self, arch: str) -> Tree:
        key = (self._tree.root, arch)
        if key not in _COPIES:
            _COPIES[key] = copied(self._tree, arch, self._folder())
        return _COPIES[key]


@contextlib.contextmanager
def edited(tree: Tree, edits: Mapping[str, Edit]) -> Iterator[Tree]:
    """Give the tree with some of its files changed; afterwards they are as before."""
    kept = {name: (tree.root / name).with_suffix(".kept") for name in edits}
    for name, edit in edits.items():
        path = tree.root / name
        text = edit(path.read_text())
        path.rename(kept[name])
        path.write_text(text)
    try:
        yield tree
    finally:
        for name, path in kept.items():
            path.replace(tree.root / name)


def begun(function: str, statement: str) -> Edit:
    """Return the edit that lets a function begin with a statement, in the line of its opening brace."""
    head = re.compile(rf"^(?:[\w *]+\s)?\*?{function}\((?:[^(){{}};]|\([^()]*\))*\)[\w\s]*\{{", re.MULTILINE)
    return lambda text: _once(head, lambda match: f"{match[0]} {statement}", text)


def renamed(old: str, new: str) -> Edit:
    """Return the edit that gives a name another spelling, wherever it stands in a file."""
    return lambda text: re.sub(rf"\b{old}\b", new, text)


def within(function: str, edit: Edit) -> Edit:
    """Return the edit that changes the body of one function, from its head to the brace in the first column."""
    body = re.compile(
        rf"^(?:[\w *]+\s)?\*?{function}\((?:[^(){{}};]|\([^()]*\))*\)[\w\s]*\{{.*?^\}}", re.MULTILINE | re.DOTALL
    )
    return lambda text: _once(body, lambda match: edit(match[0]), text)


def replaced(function: str, old: str, new: str) -> Edit:
    """Return the edit of each place in a function where a few words stand."""

    def edit(text: str) -> str:
        assert old in text, f"{function}() has no {old}"
        return text.replace(old, new)

    return within(function, edit)


def defined_as(old: str, new: str) -> Edit:
    """Return the edit that renames a function where it is defined, and not where it is called."""
    head = re.compile(rf"\b{old}(?=\((?:[^(){{}};]|\([^()]*\))*\)[\w\s]*\{{)")
    return lambda text: _once(head, lambda _: new, text)


def line_of(tree: Tree, file: str, function: str) -> int:
    """Return the line of the opening brace of a function."""
    text = tree.read(file)
    head = re.search(rf"^(?:[\w *]+\s)?\*?{function}\((?:[^(){{}};]|\([^()]*\))*\)[\w\s]*\{{", text, re.MULTILINE)
    assert head is not None
    return text.count("\n", 0, head.end()) + 1


def _once(pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str], text: str) -> str:
    changed, count = pattern.subn(replacement, text)
    assert count == 1, f"{pattern.pattern} is there {count} times"
    return changed


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one that has no links.
        shutil.copy2(source, target)
