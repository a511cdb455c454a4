# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the files of a checkout are those of its commit, byte for byte.

``git status`` would run the filters that the repository configures, so the files are read here, and git only says
what they should be. Files that git does not know of are not looked at.
"""

import hashlib
import os
import stat
from pathlib import Path

from vmemcheck.kernel.git import ask_git
from vmemcheck.kernel.revision import StoredFile, stored_file, stored_files

_NOT_CHECKED_OUT = "S"
_SHA1_DIGITS = 40


def has_local_changes(root: Path, commit: str) -> bool:
    """Tell whether files that are read of a kernel tree differ from a commit, in the folder or in git's index.

    :param root: the top folder of the checkout
    :raises TreeError: when the repository cannot be read
    """
    files = stored_files(root, commit, root.parent)
    tags = _index(root)
    return set(files) != set(tags) or any(_differs(root, file, tags[file]) for file in files)


def _index(root: Path) -> dict[StoredFile, str]:
    """Return the files of the index and the tag of each, as ``git ls-files -t`` has them."""
    found = {}
    for line in ask_git(root, "ls-files", "-t", "--stage", "-z", ceiling=root.parent).split("\0")[:-1]:
        about, _, name = line.partition("\t")
        tag, mode, blob, _ = about.split()
        if file := stored_file(mode, blob, name):
            found[file] = tag
    return found


def _differs(root: Path, file: StoredFile, tag: str) -> bool:
    path = f"{root}/{file.name}"
    try:
        mode = os.lstat(path).st_mode
        if file.is_link:
            return not stat.S_ISLNK(mode) or _blob(os.fsencode(os.readlink(path)), file) != file.blob  # noqa: PTH115
        if not stat.S_ISREG(mode):
            return True
        with open(path, "rb", buffering=0) as opened:  # noqa: PTH123  # thousands of names: Path is too slow
            return _blob(opened.readall(), file) != file.blob
    except (FileNotFoundError, NotADirectoryError):
        # With a sparse checkout, what is left out was not changed.
        return tag != _NOT_CHECKED_OUT


def _blob(content: bytes, like: StoredFile) -> str:
    """Return the name that a repository gives to a content."""
    make = hashlib.sha1 if len(like.blob) == _SHA1_DIGITS else hashlib.sha256  # git's choice
    return make(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
