# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree with some files changed: a folder of links to the files of a tree, and the changed files in their places.

The folder is in the cache, named by its content, so that what was found out about it is found again.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from vmemcheck.errors import PatchError
from vmemcheck.kernel.cache import appearing, cache_folder, is_in_use, keep_newest, surplus
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.unpack import WANTED, is_wanted

_MOST = 24
_MANIFEST = ".changed.json"
"""In each copy: of what it is one, and the names of the files that are not links."""


def patched_tree(base: Tree, contents: Mapping[str, bytes | None]) -> Tree:
    """Return the tree as it is with other contents of some files.

    :param contents: name -> content; None takes the file away
    :raises PatchError: when a name is a folder of the tree, or leads through a file
    """
    names = sorted(_names(base.root))
    of = hashlib.sha256("\0".join((str(base.root), *names)).encode("utf-8", "surrogateescape"))
    digest = of.copy()
    for name, content in sorted(contents.items()):
        digest.update(f"\0{name}\0".encode() + (b"-" if content is None else b"+" + content))
    folder = cache_folder("patched") / digest.hexdigest()[:32]
    took_over = False
    if not _is_there(folder):
        with appearing(folder) as partial:
            took_over = _took_over(of.hexdigest(), base.root, names, partial)
            if not took_over:
                _link(base.root, names, partial)
            _change(partial, contents)
            (partial / _MANIFEST).write_text(json.dumps({"of": of.hexdigest(), "changed": sorted(contents)}))
    if not took_over:  # else there are no more than before
        keep_newest(folder, _MOST)
    return Tree(root=folder.resolve(), version=base.version, origin=base.origin, base=base.base or base.root)


def _is_there(folder: Path) -> bool:
    """Tell whether there is a copy, and note that it is used: before it is looked at, since others take what is not."""
    try:
        os.utime(folder)
    except FileNotFoundError:
        return False
    except OSError:  # the disk is read-only, and nobody takes anything
        return folder.is_dir()
    return True


def _names(root: Path) -> Iterator[str]:
    """Yield the files of a tree that are read."""
    tops = {pattern.partition("/")[0] for pattern in WANTED}
    for top in sorted(tops):
        if (root / top).is_file():
            yield top
    for top in sorted(tops):
        for folder, folders, files in os.walk(root / top):
            relative = os.path.relpath(folder, root)
            folders[:] = [name for name in folders if name != ".git"]
            linked = [name for name in folders if os.path.islink(f"{folder}/{name}")]  # noqa: PTH114  # thousands of names
            for name in (*files, *linked):
                if is_wanted(f"{relative}/{name}") or name in linked:
                    yield f"{relative}/{name}"


def _took_over(of: str, root: Path, names: list[str], folder: Path) -> bool:
    """Let the folder be a copy of the same tree that is no longer used: there are thousands of links in it."""
    for old in surplus(folder.parent, _MOST):
        try:
            manifest = json.loads((old / _MANIFEST).read_bytes())
            if manifest["of"] != of:
                continue
            old.rename(folder)
            if is_in_use(folder):  # since it was looked at
                folder.rename(old)
                folder.mkdir()
                continue
            os.utime(folder)
        except (OSError, ValueError):  # there is none, or another process was faster
            continue
        _restore(root, manifest["changed"], frozenset(names), folder)
        return True
    return False


def _restore(root: Path, changed: Iterable[str], names: frozenset[str], folder: Path) -> None:
    for name in changed:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            (folder / name).unlink()
        with contextlib.suppress(OSError):  # where something is left in one
            os.removedirs((folder / name).parent)
    _link(root, names.intersection(changed), folder)


def _link(root: Path, names: Iterable[str], folder: Path) -> None:
    made: set[str] = set()
    for name in names:
        parent = name.rpartition("/")[0]
        if parent not in made:
            made.add(parent)
            os.makedirs(f"{folder}/{parent}", exist_ok=True)  # noqa: PTH103  # thousands of names: Path is too slow
        os.symlink(f"{root}/{name}", f"{folder}/{name}")  # noqa: PTH211  # the same


def _change(folder: Path, contents: Mapping[str, bytes | None]) -> None:
    for name in contents:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            (folder / name).unlink()
    for name, content in contents.items():
        if content is not None:
            _place(folder / name, name, content)


def _place(path: Path, name: str, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise PatchError(f"{name} is at once a file and a folder afterwards", to_fix="correct the series") from None
