# SPDX-License-Identifier: GPL-2.0-or-later
"""Write files that strangers named into a folder, and nothing outside of it.

Which files, and where they come from, is decided elsewhere.
"""

import os
import posixpath
from collections.abc import Iterable
from pathlib import Path

from vmemcheck.errors import TreeError


class Writer:
    """Writes files that strangers named into a folder, and nothing outside of it."""

    def __init__(self, destination: Path) -> None:
        self._destination = destination
        self._made: set[str] = set()

    def file(self, name: str, blocks: Iterable[bytes]) -> None:
        """Write a file.

        :param blocks: its content
        :raises TreeError: when it would be outside
        """
        # "x": who names a file twice could otherwise write through a link.
        with open(self._place(name), "xb") as file:  # noqa: PTH123  # thousands of names: Path is too slow
            for block in blocks:
                file.write(block)

    def link(self, name: str, target: str) -> None:
        """Make a symbolic link.

        :raises TreeError: when it would be, or would lead, outside
        """
        path = self._place(name)
        self._inside(posixpath.join(posixpath.dirname(name), target))
        os.symlink(target, path)  # noqa: PTH211  # as above

    def _place(self, name: str) -> str:
        """Return the path of a new file or link, the folder of which is there."""
        path = self._inside(name)
        folder = posixpath.dirname(path)
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103  # as above
            self._made.add(folder)  # a folder that is there is never replaced by a link
        return path

    def _inside(self, name: str) -> str:
        path = posixpath.normpath(name)
        if path.startswith(("../", "/")) or path == ".." or self._is_behind_link(path):
            raise TreeError(
                f"the source would write or link outside of its own folder: {name!r}",
                to_fix="this is not how kernel sources look; do not use this one",
            )
        return f"{self._destination}/{path}"

    def _is_behind_link(self, path: str) -> bool:
        parent = str(self._destination)
        if posixpath.dirname(f"{parent}/{path}") in self._made:
            return False
        for part in path.split("/")[:-1]:
            parent = f"{parent}/{part}"
            if os.path.islink(parent):  # noqa: PTH114  # as above
                return True
        return False
