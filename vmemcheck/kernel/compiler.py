# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's C compiler: run it, and turn its complaints into errors.

Only for text that is compiled or preprocessed here; nothing is linked or run.
"""

import contextlib
import errno
import functools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from vmemcheck.errors import BuildError
from vmemcheck.kernel.cache import cache_folder
from vmemcheck.kernel.confinement import COMPILER_BYTES, COMPILER_OUTPUT_BYTES, COMPILER_SECONDS, start_compiler
from vmemcheck.kernel.waiting import wait

_MOST_MESSAGE_BYTES = 4 << 20
_FULL = b"No space left on device"


def find_compiler() -> str:
    """Return the compiler's path: ``$CC`` if it is set, else gcc.

    :raises BuildError: when there is none
    """
    name = os.environ.get("CC") or "gcc"
    path = shutil.which(name)
    if path is None:
        raise BuildError(f"there is no compiler {name!r}", to_fix="install gcc, or set CC to the path of one")
    return path


def compiler_version() -> str:
    """Return the compiler's path, and what it says of itself.

    :raises BuildError: when there is none, or it does not say what it is
    """
    return _version(find_compiler())


@functools.cache
def _version(path: str) -> str:
    done = run_compiler(["--version"], b"", Path("/"))
    shown = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0 or not shown.strip():
        raise BuildError(f"{path} is no compiler: it does not understand --version", to_fix="set CC to the path of gcc")
    return f"{path}\n{shown}"


def run_compiler(arguments: Sequence[str], text: bytes, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the compiler on ``text`` as standard input, in ``folder``. Its exit code is for the caller.

    It may use a minute, 4 GiB of memory, and write 256 MiB.

    :raises BuildError: when it asks for more
    :raises OSError: when the disk is full, which says nothing of the text
    """
    environment = os.environ | {"LC_ALL": "C"}
    for name in ("CPATH", "C_INCLUDE_PATH", "DEPENDENCIES_OUTPUT"):
        environment.pop(name, None)
    command = [find_compiler(), *arguments]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        given.write(text)
        given.seek(0)
        # A session of its own: the compiler proper is a child of the process that is started here.
        process = start_compiler(
            command, stdin=given, stdout=out, stderr=errors, cwd=folder, env=environment, start_new_session=True
        )
        try:
            code = wait(process, COMPILER_SECONDS)
        except subprocess.TimeoutExpired:
            raise _asked_for_more(f"for more than {COMPILER_SECONDS} s", folder) from None
        finally:
            _end(process)
        message = _content(errors, _MOST_MESSAGE_BYTES)
        if b"out of memory" in message or b"virtual memory exhausted" in message:
            raise _asked_for_more(f"for more than {COMPILER_BYTES >> 30} GiB of memory", folder)
        if b"File size limit exceeded" in message or b"SIGXFSZ" in message or code == -signal.SIGXFSZ:
            raise _asked_for_more(f"to write more than {COMPILER_OUTPUT_BYTES >> 20} MiB", folder)
        if code != 0 and _FULL in message:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(cache_folder("programs")))
        if b"CPU time limit exceeded" in message:
            raise _asked_for_more(f"for more than {COMPILER_SECONDS} s", folder)
        return subprocess.CompletedProcess(command, code, _content(out, COMPILER_OUTPUT_BYTES), message)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children, whatever is left of them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _content(file: IO[bytes], most: int) -> bytes:
    file.seek(0)
    return file.read(most)


def _asked_for_more(what: str, folder: Path) -> BuildError:
    return BuildError(
        f"the compiler asked {what}",
        where=str(folder),
        to_fix="look for a macro or an include in the tree that never ends",
    )


def complaints(text: str) -> str:
    """Return what the compiler says of a C text, of which nothing is made; empty where it has nothing against it.

    :raises BuildError: when there is no compiler
    """
    options = (
        "-fsyntax-only",
        "-std=gnu11",
        "-fno-diagnostics-show-caret",
        "-Werror=implicit-function-declaration",
        "-fmax-errors=0",
    )
    return run_compiler((*options, "-x", "c", "-"), text.encode(), Path("/")).stderr.decode("utf-8", "replace")
