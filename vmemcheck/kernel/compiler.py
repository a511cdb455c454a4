# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's C compiler: run it, and turn its complaints into errors.

Only for text that is compiled or preprocessed here; nothing is linked or run.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from vmemcheck.errors import BuildError

_SECONDS = 60


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

    :raises BuildError: when it takes longer than a minute
    """
    environment = os.environ | {"LC_ALL": "C"}
    for name in ("CPATH", "C_INCLUDE_PATH", "DEPENDENCIES_OUTPUT"):
        environment.pop(name, None)
    try:
        return subprocess.run(
            [find_compiler(), *arguments],
            input=text,
            capture_output=True,
            cwd=folder,
            env=environment,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(
            f"the compiler ran for more than {_SECONDS} s",
            where=str(folder),
            to_fix="look for a macro or an include in the tree that never ends",
        ) from None


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
