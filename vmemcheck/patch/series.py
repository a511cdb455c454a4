# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches and series as values; reading and applying them is done elsewhere in this package."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DiffHunk:
    """One hunk of a diff.

    :param old_start: first line before, counted from 1; 0 where there is none
    :param lines: each with its first letter, without the end of line
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[bytes, ...]

    @property
    def header(self) -> str:
        """The line that opens it."""
        return f"@@ -{self.old_start},{self.old_count} +{self.new_start},{self.new_count} @@"


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What a patch does to one file.

    :param old: name before, relative to the tree; empty for a new file
    :param new: name afterwards; empty for a file that is deleted
    :param mode: of a new or changed file in octal digits; empty where the patch does not say
    :param is_copy: the old file stays
    """

    old: str
    new: str
    hunks: tuple[DiffHunk, ...] = ()
    mode: str = ""
    is_copy: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the file, one or two."""
        return tuple(dict.fromkeys(name for name in (self.old, self.new) if name))

    @property
    def name(self) -> str:
        """The name that it goes by."""
        return self.new or self.old


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch of a series.

    :param number: counted from 1
    :param subject: without ``[PATCH ...]``
    :param tag: what stood before the subject, for example ``[PATCH v2 1/3]``
    :param base_commit: what the series says that it is made for, shortened; empty where it does not say
    """

    number: int
    subject: str
    files: tuple[FileDiff, ...]
    author: str = ""
    message_id: str = ""
    tag: str = ""
    base_commit: str = ""

    @property
    def title(self) -> str:
        """The patch in the words of a message."""
        return f"patch {self.number} ({self.subject})" if self.subject else f"patch {self.number}"
