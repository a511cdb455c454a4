# SPDX-License-Identifier: GPL-2.0-or-later
"""Read diffs: git's and plain unified ones. What is refused is refused here, before anything is written.

Refused are names outside of the tree, links, devices, submodules and binary content. Nothing is applied here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from vmemcheck.errors import PatchError
from vmemcheck.patch.series import DiffHunk, FileDiff

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_EXTENDED = re.compile(
    rb"(old mode|new mode|deleted file mode|new file mode|copy from|copy to|rename from|rename to|rename old"
    rb"|rename new|similarity index|dissimilarity index|index) (.*)"
)
_ESCAPES = {
    b"n": b"\n",
    b"t": b"\t",
    b"\\": b"\\",
    b'"': b'"',
    b"a": b"\a",
    b"b": b"\b",
    b"v": b"\v",
    b"f": b"\f",
    b"r": b"\r",
}
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_PLAIN_MODES = ("100644", "100755", "100664", "100600")
_KINDS = {
    "120000": "a symbolic link",
    "160000": "a submodule",
    "020000": "a device",
    "060000": "a device",
    "010000": "a pipe",
}
_MOST_NAME = 4096
NOTHING = "/dev/null"
# With diff.noprefix, git leaves out a/ and b/.
_TOP_FOLDERS = frozenset(
    "Documentation LICENSES arch block certs crypto drivers fs include init io_uring ipc kernel lib mm net rust samples"
    " scripts security sound tools usr virt".split()
)


@dataclass(slots=True)
class _File:
    """A file as its headers tell it."""

    old: str = ""
    new: str = ""
    words: dict[str, str] = field(default_factory=dict)
    hunks: list[DiffHunk] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """The name that it goes by, for messages."""
        return printable(self.new or self.old)


class DiffReader:
    """Reads the diff of one patch.

    :param title: the patch, for messages
    """

    def __init__(self, content: bytes, title: str) -> None:
        self._lines = content.split(b"\n")
        self._title = title
        self._at = 0

    def files(self) -> tuple[FileDiff, ...]:
        """Return what it does to each file, in order; nothing where there is no diff.

        :raises PatchError: when it is damaged or refused
        """
        found: list[FileDiff] = []
        current: _File | None = None
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith(b"diff --git "):
                found += self._finished(current)
                current = self._git_header(line)
            elif self._opens_plain():
                found += self._finished(current)
                current = _File()
                self._plain_header(current)
            elif line.startswith(b"@@ -"):
                if current is None:
                    raise self._error("a hunk without a file", line)
                current.hunks.append(self._hunk(current))
            elif line.startswith((b"GIT binary patch", b"Binary files ")) and current is not None:
                raise PatchError(f"{self._title}: {current.shown} is binary", to_fix="leave it out")
            elif line.startswith((b"diff --cc ", b"diff --combined ")):
                raise PatchError(f"{self._title}: this is the diff of a merge", to_fix="give the patches themselves")
            else:
                self._at += 1
        found += self._finished(current)
        return tuple(found)

    def _opens_plain(self) -> bool:
        if self._at + 1 >= len(self._lines):
            return False
        line, following = self._lines[self._at], self._lines[self._at + 1]
        return line.startswith(b"--- ") and following.startswith(b"+++ ")

    def _git_header(self, line: bytes) -> _File:
        file = _File()
        names = _git_names(line.removeprefix(b"diff --git "))
        if names is not None:
            file.old, file.new = (self._name(name, strip=True) for name in names)
        self._at += 1
        while self._at < len(self._lines) and (found := _EXTENDED.fullmatch(self._lines[self._at])):
            file.words[found[1].decode()] = found[2].decode("utf-8", "surrogateescape").strip()
            self._at += 1
        for words in (("rename from", "rename to"), ("copy from", "copy to")):
            if words[0] in file.words or words[1] in file.words:
                if not all(word in file.words for word in words):
                    raise PatchError(
                        f"{self._title}: '{words[0]}' and '{words[1]}' belong together",
                        where=_shown(line),
                        to_fix=_AGAIN,
                    )
                file.old, file.new = (
                    self._name(_unquoted(file.words[word].encode("utf-8", "surrogateescape")), strip=False)
                    for word in words
                )
        if self._opens_plain():
            self._plain_header(file)
        if not file.old and not file.new:
            raise self._error("the names of a file cannot be told apart", line)
        return file

    def _plain_header(self, file: _File) -> None:
        old = self._name(_header_name(self._lines[self._at][4:]), strip=True)
        new = self._name(_header_name(self._lines[self._at + 1][4:]), strip=True)
        if not old and not new:
            raise self._error("neither side of a diff has a file", self._lines[self._at])
        if not any(word in file.words for word in ("rename from", "copy from")):
            file.old, file.new = old, new
        elif (old, new) != (file.old, file.new):
            raise self._error("the names of a renamed file do not agree", self._lines[self._at])
        self._at += 2

    def _hunk(self, file: _File) -> DiffHunk:
        opening = self._lines[self._at]
        found = _HUNK.match(opening)
        if found is None:
            raise self._error("the head of a hunk cannot be read", opening)
        old_start, new_start = int(found[1]), int(found[3])
        old_count = 1 if found[2] is None else int(found[2])
        new_count = 1 if found[4] is None else int(found[4])
        self._at += 1
        lines: list[bytes] = []
        old = new = 0
        while old < old_count or new < new_count:
            at_end = self._at >= len(self._lines) - (self._lines[-1] == b"")
            # Some mail programs take away the space of an empty line.
            line = b"" if at_end else self._lines[self._at] or b" "
            if line[:1] not in (b" ", b"+", b"-", b"\\"):
                raise PatchError(
                    f"{self._title}: {file.shown}: the hunk {_shown(opening)} is cut off or damaged",
                    where=f"it has {old} old and {new} new lines of {old_count} and {new_count}",
                    to_fix="get the patch again; mail programs wrap lines",
                )
            lines.append(line)
            old += line[:1] in (b" ", b"-")
            new += line[:1] in (b" ", b"+")
            self._at += 1
        if old > old_count or new > new_count:
            raise PatchError(
                f"{self._title}: {file.shown}: the hunk {_shown(opening)} has too many lines", to_fix=_AGAIN
            )
        if self._at < len(self._lines) and self._lines[self._at].startswith(b"\\ "):
            lines.append(self._lines[self._at])
            self._at += 1
        return DiffHunk(old_start, old_count, new_start, new_count, tuple(lines))

    def _finished(self, file: _File | None) -> Iterator[FileDiff]:
        if file is None:
            return
        words = file.words
        mode = words.get("new file mode") or words.get("new mode") or ""
        of_index = words.get("index", "").partition(" ")[2]
        modes = [mode, words.get("old mode", ""), words.get("deleted file mode", ""), of_index]
        for one in filter(None, modes):
            if one not in _PLAIN_MODES:
                what = _KINDS.get(one, f"of mode {printable(one)}")
                raise PatchError(f"{self._title}: {file.shown} is {what}", to_fix="only plain files can be judged")
        old = "" if "new file mode" in words else file.old
        new = "" if "deleted file mode" in words else file.new
        if not old and not new:
            raise PatchError(f"{self._title}: {file.shown} is new and deleted at once", to_fix=_AGAIN)
        does = bool(file.hunks or mode or old != new)
        if not does:
            raise PatchError(f"{self._title}: nothing is said of what is done to {file.shown}", to_fix=_AGAIN)
        yield FileDiff(old, new, tuple(file.hunks), mode, "copy from" in words)

    def _name(self, raw: bytes, *, strip: bool) -> str:
        """Return a name relative to the tree; empty for no file.

        :param strip: it stands behind ``a/`` or ``b/``
        """
        name = raw.decode("utf-8", "surrogateescape")
        if name == NOTHING:
            return ""
        if len(name) > _MOST_NAME or re.search("[\x00-\x1f\x7f]", name):
            shown = printable(name[:80])
            raise PatchError(f"{self._title}: {shown!r} cannot be the name of a kernel's file", to_fix=_INSIDE)
        if name.startswith("/"):
            raise PatchError(f"{self._title}: {printable(name)} is an absolute path", to_fix=_INSIDE)
        parts = name.split("/")
        if strip and len(parts) > 1 and parts[0] not in _TOP_FOLDERS:
            parts = parts[1:]
        if not all(parts) or ".." in parts or "." in parts:
            raise PatchError(f"{self._title}: {printable(name)} leads out of the tree", to_fix=_INSIDE)
        if parts[0] == ".git":
            raise PatchError(f"{self._title}: {printable(name)} belongs to git", to_fix=_INSIDE)
        return "/".join(parts)

    def _error(self, what: str, line: bytes) -> PatchError:
        return PatchError(f"{self._title}: {what}", where=f"line {self._at + 1}: {_shown(line)}", to_fix=_AGAIN)


_AGAIN = "get the patch again"
_INSIDE = "names must be those of files in the tree, below a/ and b/"


def printable(text: str) -> str:
    """Return text of a patch without what a terminal obeys."""
    return "".join(
        each if each.isprintable() and not "\ud800" <= each <= "\udfff" else ascii(each)[1:-1] for each in text
    )


def _shown(line: bytes) -> str:
    return printable(line[:100].decode("utf-8", "replace"))


def _header_name(raw: bytes) -> bytes:
    """Return the name of a ``---`` or ``+++`` line, without the time behind it."""
    if raw.startswith(b'"'):
        return _unquoted(raw)
    return raw.partition(b"\t")[0].rstrip()


def _unquoted(raw: bytes) -> bytes:
    found = _QUOTED.match(raw)
    if found is None:
        return raw
    return re.sub(
        rb"\\([0-7]{3}|.)",
        lambda one: _ESCAPES.get(one[1]) or (bytes([int(one[1], 8) & 255]) if one[1].isdigit() else one[1]),
        found[1],
    )


def _git_names(raw: bytes) -> tuple[bytes, bytes] | None:
    """Return both names of a ``diff --git`` line; None where they cannot be told apart."""
    if raw.startswith(b'"') or raw.endswith(b'"'):
        words = [quoted or plain for quoted, plain in re.findall(rb'("(?:[^"\\]|\\.)*")|(\S+)', raw)]
        return (_unquoted(words[0]), _unquoted(words[1])) if len(words) == 2 else None
    words = raw.split(b" ")
    if len(words) == 2:
        return words[0], words[1]
    # A name with spaces is the same on both sides, behind one letter.
    middle = len(raw) // 2
    old, new = raw[:middle], raw[middle + 1 :]
    same = raw[middle : middle + 1] == b" " and old.partition(b"/")[2] == new.partition(b"/")[2]
    return (old, new) if same else None
