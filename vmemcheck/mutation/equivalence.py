# SPDX-License-Identifier: GPL-2.0-or-later
"""Trivial compiler equivalence: a mutant of which the compiler makes the same code cannot be told apart.

Nothing is run, and little is optimised, which takes half the time. What the shim replaces by nothing (locks, flushes)
compiles to the same code too: who asks has to know that.
"""

import functools
import hashlib
import tempfile
from pathlib import Path

from vmemcheck.kernel.build import LANGUAGE
from vmemcheck.kernel.compiler import run_compiler
from vmemcheck.kernel.refusal import refusal
from vmemcheck.kernel.variant import Variant


def is_same_code(text: str, number: int, name: str) -> bool:
    """Tell whether the program with a mutant is, bit by bit, the one without.

    :param text: of the program with all mutants
    :param name: of the tree and the target, for messages
    :raises BuildError: when the compiler refuses the text
    """
    return _object(text, number, name) == _unchanged(text, name)


@functools.lru_cache(maxsize=8)
def _unchanged(text: str, name: str) -> str:
    return _object(text, 0, name)


def _object(text: str, number: int, name: str) -> str:
    with tempfile.TemporaryDirectory(prefix="vmemcheck-") as folder:
        path = Path(folder) / "machine.o"
        variant = [option for option in Variant.MUTANTS.value if not option.startswith("-O")]
        options = [*LANGUAGE, *variant, "-O1", f"-DVMC_MUTANT={number}", "-c", "-x", "c", "-o", str(path), "-"]
        done = run_compiler(options, text.encode(), Path("/"))
        if done.returncode != 0:
            raise refusal(name, done.stderr.decode("utf-8", "replace"))
        return hashlib.sha256(path.read_bytes()).hexdigest()
