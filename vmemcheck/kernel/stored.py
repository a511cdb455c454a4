# SPDX-License-Identifier: GPL-2.0-or-later
"""Results on disk that hold as long as what they were made from is the same.

An entry names each file of the tree that was read or looked for, with a digest, and is believed
only after all of them were looked at again. What a result means is left to its owner.
"""

import contextlib
import dataclasses
import enum
import functools
import hashlib
import json
import typing
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, TypeVar

import tree_sitter_c

from vmemcheck.kernel.cache import cache_folder, keep_newest, write_whole
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.makers import sources_digest
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.watched import Seen, WatchedTree, is_unchanged

_Kind = TypeVar("_Kind")
_FOLDER = "slices"
_MOST_ENTRIES = 512


class Entry:
    """The place of one result."""

    def __init__(self, kind: str, tree: Tree, *asked: object) -> None:
        """Choose the place.

        :param asked: all that decides the result, besides the tree, the compiler and this package
        """
        self._tree = tree
        # What was made of the tree that this one is a copy of holds here too where the files are the same.
        roots = [root for root in (tree.root, tree.base) if root is not None]
        self._path, *self._others = (_path(kind, canonical((kind, str(root), *asked))) for root in roots)

    def load(self, kind: type[_Kind]) -> _Kind | None:
        """Return the result; None when there is none, or it is damaged, or something has changed.

        :param kind: the dataclass that was stored
        """
        found = (self._load(path, kind) for path in (self._path, *self._others))
        return next((each for each in found if each is not None), None)

    def load_of_base(self, kind: type[_Kind]) -> _Kind | None:
        """Return the result for the tree that this one is a copy of: what it was before a change, as a hint."""
        found = (_read(path) for path in self._others)
        return next((_rebuilt(kind, entry["result"]) for entry in found if entry is not None), None)

    def _load(self, path: Path, kind: type[_Kind]) -> _Kind | None:
        entry = _read(path)
        if entry is None:
            return None
        seen = _rebuilt(Seen, entry["seen"])
        if not is_unchanged(self._tree, seen):
            return None
        self._pass_on(seen)
        return _rebuilt(kind, entry["result"])

    def store(self, watched: WatchedTree, result: object) -> None:
        """Keep the result. When the disk is full or read-only, nothing is kept, and nobody misses it.

        :param watched: the tree that the result was made from
        :param result: a dataclass of texts, numbers, enums, tuples, mappings and dataclasses
        """
        self._pass_on(watched.seen)
        entry = {"made by": _makers(), "seen": watched.seen, "result": result}
        body = json.dumps(entry, separators=(",", ":"), default=_taken_apart).encode()
        with contextlib.suppress(OSError):
            write_whole(self._path, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            keep_newest(self._path, _MOST_ENTRIES)

    def _pass_on(self, seen: Seen) -> None:
        """What this result depends on, a result that is made from it depends on as well."""
        if isinstance(self._tree, WatchedTree):
            self._tree.seen.add(seen)


class Hint:
    """Names that were right the last time, of whatever tree: they may be wrong, and save time where they are not."""

    def __init__(self, kind: str, *asked: object) -> None:
        """Choose the place.

        :param asked: what the names depend on most
        """
        self._path = _path(kind, canonical((kind, *asked))).with_suffix(".names")

    def load(self) -> tuple[str, ...]:
        """Return the names; none where there are none."""
        try:
            return tuple(filter(None, self._path.read_text().split("\n")))
        except (OSError, ValueError):
            return ()

    def store(self, names: Sequence[str]) -> None:
        """Keep the names, where that is possible."""
        if self.load() != tuple(names):
            with contextlib.suppress(OSError):
                write_whole(self._path, "\n".join(names).encode())


def _read(path: Path) -> dict[str, Any] | None:
    """Return what is in an entry, if it is whole and was made by what makes them now."""
    try:
        digest, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if digest.decode("ascii", "replace") != hashlib.sha256(body).hexdigest():
        return None
    entry: dict[str, Any] = json.loads(body)
    return entry if entry["made by"] == _makers() else None


def _path(kind: str, key: str) -> Path:
    return cache_folder(_FOLDER) / f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def _makers() -> str:
    """Return a digest of what makes results: this package, its parser, the compiler."""
    return hashlib.sha256("\n".join((sources_digest("kernel"), _grammar(), compiler_version())).encode()).hexdigest()


@functools.cache
def _grammar() -> str:
    # The grammar is a library of some size: that it is the same file is enough.
    files = ((path, path.stat()) for path in sorted(Path(tree_sitter_c.__file__).parent.glob("*.so")))
    return "\n".join(f"{path} {seen.st_size} {seen.st_mtime_ns}" for path, seen in files)


def _taken_apart(value: object) -> object:
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _rebuilt(kind: type[_Kind], values: Sequence[object]) -> _Kind:
    readers = _readers(typing.cast(type, kind))
    return kind(*(value if read is None else read(value) for read, value in zip(readers, values, strict=True)))


@functools.cache
def _readers(kind: type) -> tuple[Callable[[Any], object] | None, ...]:
    """Return for each field of a dataclass what reads it from what JSON has; None where that is the same."""
    hints = typing.get_type_hints(kind)
    return tuple(_reader(hints[field.name]) for field in dataclasses.fields(kind))


def _reader(hint: object) -> Callable[[Any], object] | None:
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return functools.partial(_rebuilt, hint)
    if typing.get_origin(hint) is tuple:
        read = _reader(typing.get_args(hint)[0])
        return tuple if read is None else lambda values: tuple(map(read, values))
    return None


def canonical(value: object) -> str:
    """Return a text that is the same for equal values, also in another run."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return f"{type(value).__name__}({canonical(fields)})"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{canonical(key)}:{canonical(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Set):
        return "<" + ",".join(sorted(canonical(item) for item in value)) + ">"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    return repr(value)
