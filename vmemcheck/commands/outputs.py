# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that the command line names for what is reported. What is written is the command's."""

import errno
import os
from pathlib import Path

from vmemcheck.kernel.cache import write_whole


def write_text(target: Path, text: str) -> None:
    """Write a file, whole or not at all; what is there and is no file, a device or a pipe, is written to.

    A symbolic link stays, and what it points at is written. What UTF-8 cannot say is written as on standard output.
    """
    content = text.encode("utf-8", "backslashreplace")
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(content)
        elif (file := Path(os.path.realpath(target))).is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))  # links that lead to each other
        else:
            write_whole(file, content)
    except OSError as error:
        error.filename = error.filename or str(target)  # a full disk does not say which file
        raise
