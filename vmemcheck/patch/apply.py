# SPDX-License-Identifier: GPL-2.0-or-later
"""Apply a series to copies of the files that matter, with ``git apply``, one patch after the other.

The tree itself is only read. What does not matter (see ``vmemcheck.kernel.unpack``) is left out.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vmemcheck.errors import PatchError
from vmemcheck.kernel.git import git_environment
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.unpack import is_wanted
from vmemcheck.patch.origins import Edit, Origin, followed
from vmemcheck.patch.series import DiffHunk, FileDiff, Patch

_SECONDS = 120
_NAME = re.compile(r"[\w./+,@~=-]+", re.ASCII)
_FAILED = re.compile(r"^error: patch failed: (.*):(\d+)$", re.MULTILINE)
_RANGE = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class State:
    """The files that a series touches, as they are after some of its patches.

    :param contents: name -> content; None where there is no such file
    :param origins: name -> where each line is from
    """

    contents: Mapping[str, bytes | None] = field(default_factory=dict)
    origins: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict)


def relevant(patch: Patch) -> tuple[FileDiff, ...]:
    """Return what a patch does to files that can matter."""
    return tuple(file for file in patch.files if any(is_wanted(name) for name in file.names))


def apply_series(tree: Tree, patches: Sequence[Patch]) -> tuple[State, ...]:
    """Return the state before the series, and after each of its patches.

    :raises PatchError: when one does not apply, with the hunk
    """
    states = [State()]
    for patch in patches:
        states.append(_Application(tree, patch, states[-1]).run())
    names = {name for state in states for name in state.contents}
    first = State({name: _read(tree, name, patches) for name in sorted(names)})
    return (first, *states[1:])


class _Application:
    """One patch, on the state that those before it left."""

    def __init__(self, tree: Tree, patch: Patch, before: State) -> None:
        self._tree = tree
        self._patch = patch
        self._before = before
        self._files = relevant(patch)

    def run(self) -> State:
        contents, origins = dict(self._before.contents), dict(self._before.origins)
        names = sorted({name for file in self._files for name in file.names})
        for name in names:
            if not _NAME.fullmatch(name):
                raise PatchError(f"{self._patch.title}: {name!r} is no usual name of a file", to_fix="rename it")
            if name not in contents:
                contents[name] = _read(self._tree, name, (self._patch,))
        changing = [file for file in self._files if file.hunks or file.old != file.new]
        if not changing:
            return State(contents, origins)
        self._check_present(changing, contents)
        with tempfile.TemporaryDirectory(prefix="vmemcheck-") as folder:
            old, new = Path(folder, "old"), Path(folder, "new")
            for place in (old, new):
                _write(place, {name: contents[name] for name in names})
            self._git_apply(new, changing)
            after = {name: _content(new / name) for name in names}
            self._check_changed(changing, contents, after)
            for name in names:
                before = self._origins(self._source(name, changing), contents, origins)
                origins[name] = self._follow(old, new, name, self._source(name, changing), before, contents)
        return State(contents | after, origins)

    def _source(self, name: str, changing: Iterable[FileDiff]) -> str:
        """Return the name that a file had before."""
        return next((file.old for file in changing if file.new == name and file.old), name)

    def _origins(
        self, name: str, contents: Mapping[str, bytes | None], origins: Mapping[str, tuple[Origin, ...]]
    ) -> tuple[Origin, ...]:
        return origins.get(name) or tuple(Origin(line=at + 1) for at in range(_count(contents.get(name))))

    def _follow(
        self,
        old: Path,
        new: Path,
        name: str,
        source: str,
        before: tuple[Origin, ...],
        contents: Mapping[str, bytes | None],
    ) -> tuple[Origin, ...]:
        if not (new / name).exists():
            return ()
        if not (old / source).exists():
            return (Origin(self._patch.number),) * _count(_content(new / name))
        command = ["git", "diff", "--no-index", "--no-color", "--no-ext-diff", "--no-textconv", "--text", "-U0"]
        shown = _git([*command, "--", str(old / source), str(new / name)], old.parent, b"")
        edits = []
        for found in _RANGE.finditer(shown.stdout):
            start, count = int(found[1]), 1 if found[2] is None else int(found[2])
            edits.append(Edit(start - 1 if count else start, count, 1 if found[3] is None else int(found[3])))
        return followed(before, edits, self._patch.number, contents.get(source) or b"")

    def _check_present(self, changing: Iterable[FileDiff], contents: Mapping[str, bytes | None]) -> None:
        for file in changing:
            if file.old and contents[file.old] is None:
                raise PatchError(
                    f"{self._patch.title}: there is no {file.old} in {self._tree.name}",
                    to_fix=_other_tree(self._patch),
                )
            if file.new and file.old != file.new and contents[file.new] is not None:
                raise PatchError(
                    f"{self._patch.title}: {file.new} is there already in {self._tree.name}",
                    to_fix="give the tree that the series is made for",
                )

    def _check_changed(
        self, changing: Iterable[FileDiff], before: Mapping[str, bytes | None], after: Mapping[str, bytes | None]
    ) -> None:
        for file in changing:
            if before[file.name] == after[file.name] and file.hunks:
                raise PatchError(
                    f"{self._patch.title}: {file.name} is the same afterwards", to_fix="get the patch again"
                )

    def _git_apply(self, folder: Path, changing: Iterable[FileDiff]) -> None:
        files = list(changing)
        text = b"".join(_as_diff(file) for file in files)
        bare = any(_is_bare(hunk) for file in files for hunk in file.hunks)
        options = ["--whitespace=nowarn", "-p1", *(["--unidiff-zero"] if bare else [])]
        done = _git(["git", "apply", *options, "-"], folder, text)
        if done.returncode != 0:
            raise self._refused(done.stderr.decode("utf-8", "replace"), files)

    def _refused(self, said: str, files: Iterable[FileDiff]) -> PatchError:
        found = _FAILED.search(said)
        if found is None:
            first = said.strip().partition("\n")[0].removeprefix("error: ")
            return PatchError(f"{self._patch.title} does not apply: {first}", to_fix=_other_tree(self._patch))
        name, line = found[1], int(found[2])
        hunks = next((file.hunks for file in files if name in file.names), ())
        place = next((number for number, hunk in enumerate(hunks, 1) if hunk.old_start == line), 0)
        which = f"hunk {place} of {len(hunks)}, {hunks[place - 1].header}," if place else "a hunk"
        return PatchError(
            f"{self._patch.title} does not apply to {self._tree.name}: {which} of {name} at line {line}",
            to_fix=_other_tree(self._patch),
        )


def _other_tree(patch: Patch) -> str:
    base = f"its base-commit is {patch.base_commit}" if patch.base_commit else "its base-commit, if it has one"
    return f"give the tree that the series is made for ({base}), or apply what it depends on first"


def _is_bare(hunk: DiffHunk) -> bool:
    """Tell whether a hunk has no line of context, and is not a whole file."""
    return all(line[:1] in (b"+", b"-", b"\\") for line in hunk.lines)


def _as_diff(file: FileDiff) -> bytes:
    """Return a diff that says what was understood, and nothing else."""
    lines = [f"diff --git a/{file.old or file.new} b/{file.new or file.old}"]
    if not file.old:
        lines.append(f"new file mode {file.mode or '100644'}")
    elif not file.new:
        lines.append("deleted file mode 100644")
    elif file.old != file.new:
        word = "copy" if file.is_copy else "rename"
        lines += [f"{word} from {file.old}", f"{word} to {file.new}"]
    if file.hunks:
        lines += [
            f"--- {f'a/{file.old}' if file.old else '/dev/null'}",
            f"+++ {f'b/{file.new}' if file.new else '/dev/null'}",
        ]
    parts = ["\n".join(lines).encode()]
    for hunk in file.hunks:
        parts += [hunk.header.encode(), *hunk.lines]
    return b"\n".join(parts) + b"\n"


def _git(command: list[str], folder: Path, text: bytes) -> subprocess.CompletedProcess[bytes]:
    # Inside of another work tree, git apply would skip the patch and say nothing.
    environment = git_environment(isolated=True, ceiling=folder.resolve().parent)
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, input=text, capture_output=True, timeout=_SECONDS, check=False
        )
    except FileNotFoundError:
        raise PatchError("git is not installed", to_fix="install git: patches are applied with it") from None
    except subprocess.TimeoutExpired:
        raise PatchError(f"git ran for more than {_SECONDS} s", to_fix="give a smaller series") from None


def _read(tree: Tree, name: str, patches: Sequence[Patch]) -> bytes | None:
    path = tree.path(name)
    if os.path.islink(tree.root / name) or path != tree.root / name:  # noqa: PTH114  # of the name, not of the file
        title = next(
            (patch.title for patch in patches if any(name in file.names for file in patch.files)), "the series"
        )
        raise PatchError(
            f"{title}: {name} is or is behind a symbolic link in {tree.name}", to_fix="change the file itself"
        )
    return _content(path)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _write(folder: Path, contents: Mapping[str, bytes | None]) -> None:
    folder.mkdir()
    for name, content in contents.items():
        if content is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _count(content: bytes | None) -> int:
    if not content:
        return 0
    return content.count(b"\n") + (not content.endswith(b"\n"))
