# SPDX-License-Identifier: GPL-2.0-or-later
"""Tree: a folder with (at least) the needed part of a kernel's source.

Opens unpacked trees, git checkouts, and single revisions of a git repository.
What a file means is not decided here, nor how git is asked.
"""

import os
import re
import stat
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmemcheck.errors import TreeError
from vmemcheck.kernel.cache import DAY_SECONDS, appearing, cache_folder, keep_newest
from vmemcheck.kernel.checkout import has_local_changes
from vmemcheck.kernel.git import ask_git
from vmemcheck.kernel.revision import READING, read_revision
from vmemcheck.kernel.unpack import layout_digest

_LANDMARKS = ("mm/sparse-vmemmap.c", "mm/memory_hotplug.c", "include/linux/mmzone.h", "arch")
_MOST_REVISIONS = 12
_VERSION_KEYS = ("VERSION", "PATCHLEVEL", "SUBLEVEL", "EXTRAVERSION")


@dataclass(frozen=True, slots=True)
class Tree:
    """A kernel tree on disk.

    :param root: absolute path of its top folder, all links resolved
    :param version: as the top Makefile spells it, for example ``6.12.117``
    :param origin: where it is from, in words for a report
    :param base: the top folder of another tree, of which links in this one may lead to files
    """

    root: Path
    version: str
    origin: str
    base: Path | None = None

    @property
    def name(self) -> str:
        """Return the name for reports: ``linux-6.12.117``."""
        return f"linux-{self.version}"

    def path(self, name: str) -> Path:
        """Return the real path of a file or folder of the tree.

        :param name: relative, with ``/``
        :raises TreeError: when it lies outside of the tree, for example behind a symbolic link
        """
        known = _without_links(self.root, name) or (self.base and self._in_base(name))
        if known:
            return Path(known)
        real = (self.root / name).resolve()
        if not real.is_relative_to(self.root) and not (self.base and real.is_relative_to(self.base)):
            raise self._outside(name)
        return real

    def has(self, name: str) -> bool:
        """Tell whether the tree has this file or folder."""
        return self.path(name).exists()

    def _outside(self, name: str) -> TreeError:
        return TreeError(
            f"{name} is outside of the kernel tree",
            where=f"{self.root} ({name} leads to {(self.root / name).resolve()})",
            to_fix="replace the link or the include by a file inside of the tree",
        )

    def _in_base(self, name: str) -> str:
        """Return the path of a file that is a link to one of the base; empty where it is not, or where links follow."""
        try:
            target = os.readlink(f"{self.root}/{name}")  # noqa: PTH115  # thousands of names: Path is too slow
        except OSError:
            return ""
        below = target.removeprefix(f"{self.base}/")
        return _without_links(self.base, below) if self.base and below != target else ""

    def read(self, name: str) -> str:
        """Return the text of one file; bytes that are not UTF-8 come back as surrogates.

        :raises TreeError: when there is no such file
        """
        try:
            return self.path(name).read_bytes().decode("utf-8", "surrogateescape")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise TreeError(
                f"{self.name} has no file {name}",
                where=str(self.root),
                to_fix="give a complete tree: an unpacked archive, a checkout that is not sparse, or 'vmemcheck fetch'",
            ) from None

    def files(self, folder: str, suffix: str, prefix: str = "") -> tuple[str, ...]:
        """Return the files below ``folder`` whose names start and end so, sorted."""
        found = []
        for parent, _, names in os.walk(self.path(folder)):
            wanted = [name for name in names if name.endswith(suffix) and name.startswith(prefix)]
            relative = Path(parent).relative_to(self.root) if wanted else Path()
            found += [str(relative / name) for name in wanted]
        return tuple(sorted(found))

    def included(self, names: Iterable[str], search: Sequence[str]) -> None:
        """Check that files which the preprocessor took are in the tree.

        :param search: the folders where it looks, for a tree that wants to know
        :raises TreeError: when one is outside
        """
        folders = {os.path.dirname(name): name for name in names}  # noqa: PTH120  # thousands of names: Path is too slow
        for folder, name in folders.items():
            try:
                self.path(folder)
            except TreeError:
                raise self._outside(name) from None
        for name in names:
            if os.path.islink(f"{self.root}/{name}"):  # noqa: PTH114  # Path is too slow
                self.path(name)


def open_tree(path: Path, rev: str | None = None) -> Tree:
    """Open an unpacked tree or a checkout, or with ``rev`` one revision of a git repository.

    :param rev: any name of a commit that git understands
    :raises TreeError: when it is not a kernel tree, with the reason
    """
    if not path.exists():
        raise TreeError(
            "there is no such kernel tree",
            where=str(path),
            to_fix="give the top folder of a kernel tree, or get one: vmemcheck fetch newest",
        )
    if not path.is_dir():
        raise TreeError(
            "a kernel tree must be a folder, this is a file",
            where=str(path),
            to_fix="unpack it first" if tarfile.is_tarfile(path) else "give the top folder of a kernel tree",
        )
    root = path.resolve()
    if rev is not None:
        return _open_revision(root, rev)
    return Tree(root=root, version=_checked_version(root), origin=_origin(root))


def _without_links(root: Path, name: str) -> str:
    """Return the path of a file or folder, there or not; empty where something below ``root`` is a link, or ``..``."""
    path = str(root)
    parts = name.split("/")
    if ".." in parts or not all(parts):
        return ""
    for part in parts:
        path = f"{path}/{part}"
        try:
            if stat.S_ISLNK(os.lstat(path).st_mode):
                return ""
        except (FileNotFoundError, NotADirectoryError):
            break
    return f"{root}/{name}"


def _origin(root: Path) -> str:
    if not (root / ".git").exists():
        return str(root)
    commit = ask_git(root, "rev-parse", "--verify", "HEAD^{commit}", ceiling=root.parent).strip()
    return f"{root} at {commit[:12]}{' with local changes' if has_local_changes(root, commit) else ''}"


def _open_revision(repository: Path, rev: str) -> Tree:
    if rev.startswith("-"):
        raise TreeError(f"{rev!r} is not the name of a revision", to_fix="give a tag, a branch or a commit id")
    name = f"{rev}^{{commit}}"
    commit = ask_git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", name).strip()
    folder = cache_folder("git") / f"{commit}.{layout_digest()}.{READING}"
    if not folder.is_dir():
        with appearing(folder) as partial:
            read_revision(repository, commit, partial)
            _checked_version(partial)
    keep_newest(folder, _MOST_REVISIONS, DAY_SECONDS)
    origin = f"{repository} at {rev} ({commit[:12]})"
    return Tree(root=folder.resolve(), version=_checked_version(folder), origin=origin)


def _checked_version(root: Path) -> str:
    makefile = root / "Makefile"
    if not makefile.is_file():
        hint = "this looks like a bare repository: add --rev" if (root / "HEAD").is_file() else "give its top folder"
        raise TreeError("this is not a kernel tree: it has no Makefile", where=str(root), to_fix=hint)
    text = makefile.read_bytes().decode("utf-8", "surrogateescape")
    found = {key: re.search(rf"^{key} *= *(.*)$", text, re.MULTILINE) for key in _VERSION_KEYS}
    values = {key: match[1].strip() for key, match in found.items() if match}
    if not re.fullmatch(r"\d+\.\d+\.\d+", ".".join(values.get(key, "") for key in _VERSION_KEYS[:3])):
        raise TreeError(
            "this is not a kernel tree: its Makefile does not set VERSION, PATCHLEVEL and SUBLEVEL",
            where=str(makefile),
            to_fix="give the top folder of a kernel tree",
        )
    for landmark in _LANDMARKS:
        if not (root / landmark).exists():
            raise TreeError(
                f"this is not a complete kernel tree: it has no {landmark}",
                where=str(root),
                to_fix="give a complete tree: an unpacked archive, a checkout that is not sparse, or 'vmemcheck fetch'",
            )
    return ".".join(values[key] for key in _VERSION_KEYS[:3]) + values.get("EXTRAVERSION", "")
