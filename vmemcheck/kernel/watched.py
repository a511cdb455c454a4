# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree that remembers what was read of it, and what was looked for in vain.

So that later one can tell whether the same work would see the same files. Nothing is stored here.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from vmemcheck.kernel.inclusion import Named
from vmemcheck.kernel.tree import Tree

_MOST_CONTENTS = 32_768
_SURELY_ANOTHER_TIME_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a tree.

    :param files: name -> digest of what is in it, empty when there is no such file
    :param listings: ``folder prefix suffix``, separated by ``:`` -> digest of the names
    :param present: name -> whether there is such a file or folder
    :param absent: folder -> the names that are not in it
    """

    files: dict[str, str] = field(default_factory=dict)
    listings: dict[str, str] = field(default_factory=dict)
    present: dict[str, bool] = field(default_factory=dict)
    absent: dict[str, list[str]] = field(default_factory=dict)

    def add(self, other: "Seen") -> None:
        """Add what was seen of the same tree by another."""
        self.files.update(other.files)
        self.listings.update(other.listings)
        self.present.update(other.present)
        for folder, names in other.absent.items():
            self.absent[folder] = sorted({*self.absent.get(folder, ()), *names})


@dataclass(frozen=True, slots=True)
class _Content:
    """What is in a file.

    :param named: headers that it names
    """

    digest: str
    named: Named

    @classmethod
    def of(cls, content: bytes) -> "_Content":
        """Look at what is in a file."""
        return cls(hashlib.sha256(content).hexdigest(), Named.by(content))


_CONTENTS: dict[tuple[int, ...], _Content] = {}
"""What is in the files that were read, of a tree and of its copies, by what tells that a file was changed."""


_Seen = TypeVar("_Seen")
_LOOKED_AT: ContextVar[dict[tuple[str, str], Any] | None] = ContextVar("_LOOKED_AT", default=None)
"""Within ``looked_at_once()``, what was seen in which place."""


@dataclass(frozen=True, slots=True)
class WatchedTree(Tree):
    """A tree that notes what is asked of it."""

    seen: Seen = field(default_factory=Seen, compare=False)
    looked_for: set[str] = field(default_factory=set, compare=False)

    @classmethod
    def of(cls, tree: Tree) -> "WatchedTree":
        """Return the same tree, watched from now on."""
        return cls(tree.root, tree.version, tree.origin, tree.base)

    def has(self, name: str) -> bool:
        """Tell whether the tree has this file or folder, and note it."""
        found = Tree.has(self, name)
        self.seen.present[name] = found
        return found

    def read(self, name: str) -> str:
        """Return the text of one file, and note it."""
        if name not in self.seen.files:
            self.seen.files[name] = _digest_now(self, name)
        return Tree.read(self, name)

    def files(self, folder: str, suffix: str, prefix: str = "") -> tuple[str, ...]:
        """Return the files of a folder, and note their names."""
        found = Tree.files(self, folder, suffix, prefix)
        self.seen.listings[f"{folder}:{prefix}:{suffix}"] = _listing(found)
        return found

    def included(self, names: Iterable[str], search: Sequence[str]) -> None:
        """Note what the preprocessor took, and the places where it looked before."""
        new = [name for name in names if name not in self.seen.files]
        Tree.included(self, new, search)
        wanted: set[str] = set()
        for name in new:
            content = _content(self, name)
            self.seen.files[name] = content.digest
            folder = os.path.dirname(name)  # noqa: PTH120  # thousands of names: Path is too slow
            wanted.update(content.named.quoted, content.named.others)
            for each in content.named.quoted:
                self._note_absent(os.path.normpath(f"{folder}/{each}"))
            # An #include can also come out of a macro.
            wanted.update(name[len(place) + 1 :] for place in search if name.startswith(f"{place}/"))
        for name in sorted(wanted):
            for place in (".", *search):
                self._note_absent(os.path.normpath(f"{place}/{name}"))

    def _note_absent(self, name: str) -> None:
        if name in self.looked_for:
            return
        self.looked_for.add(name)
        if not os.path.lexists(f"{self.root}/{name}"):
            folder, _, file = name.rpartition("/")
            self.seen.absent.setdefault(folder, []).append(file)


@contextlib.contextmanager
def looked_at_once() -> Iterator[None]:
    """Within this, a file or folder that was looked at is taken to be the same when it is asked for again."""
    if _LOOKED_AT.get() is not None:
        yield
        return
    before = _LOOKED_AT.set({})
    try:
        yield
    finally:
        _LOOKED_AT.reset(before)


def is_unchanged(tree: Tree, seen: Seen) -> bool:
    """Tell whether the tree still looks like this."""
    return (
        all(_digest(tree, name) == digest for name, digest in seen.files.items())
        and not any(_has_any(tree, folder, names) for folder, names in seen.absent.items())
        # What is in a file tells that there is one.
        and all(tree.has(name) == found for name, found in seen.present.items() if not (found and seen.files.get(name)))
        and all(_names_digest(tree, *name.split(":")) == digest for name, digest in seen.listings.items())
    )


def _has_any(tree: Tree, folder: str, names: list[str]) -> bool:
    path = f"{tree.root}/{folder}"
    return not _once("folder", path, lambda: _listed(path)).isdisjoint(names)


def _names_digest(tree: Tree, folder: str, prefix: str, suffix: str) -> str:
    key = f"{tree.root}/{folder}:{prefix}:{suffix}"
    return _once("names", key, lambda: _listing(tree.files(folder, suffix, prefix)))


def _once(kind: str, path: str, look: Callable[[], _Seen]) -> _Seen:
    """Return what is seen in a place, without another look within ``looked_at_once()``."""
    known = _LOOKED_AT.get()
    if known is None:
        return look()
    if (kind, path) not in known:
        known[kind, path] = look()
    found: _Seen = known[kind, path]
    return found


def _listed(path: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(path))  # noqa: PTH208  # names, not paths
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def _content(tree: Tree, name: str) -> _Content:
    """Return what is in a file, from memory where the file is the one that was read before.

    :raises OSError: when there is no such file
    """
    path = f"{tree.root}/{name}"
    seen = os.stat(path)  # noqa: PTH116  # thousands of files: Path is too slow
    key = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
    known = _CONTENTS.get(key)
    if known is None:
        with open(path, "rb") as file:  # noqa: PTH123  # thousands of files: Path is too slow
            known = _Content.of(file.read())
        # A file that was just written may be written again without another time.
        if time.time_ns() - seen.st_ctime_ns > _SURELY_ANOTHER_TIME_NS:
            if len(_CONTENTS) > _MOST_CONTENTS:
                _CONTENTS.clear()
            _CONTENTS[key] = known
    return known


def _digest(tree: Tree, name: str) -> str:
    return _once("file", f"{tree.root}/{name}", lambda: _digest_now(tree, name))


def _digest_now(tree: Tree, name: str) -> str:
    try:
        return _content(tree, name).digest
    except OSError:
        return ""


def _listing(names: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()
