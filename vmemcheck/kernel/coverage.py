# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of the kernel's own files ran, and how often: gcc counts, its gcov reads the counts.

A covered machine is slower than another one, and finds the same. What the lines mean is left to others.
"""

import contextlib
import json
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

from vmemcheck.errors import ExecutorError
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.build import NOTES, Program, build_first
from vmemcheck.kernel.compiler import find_compiler
from vmemcheck.kernel.locate import SHIM
from vmemcheck.kernel.machine import KernelMachine, Traits
from vmemcheck.kernel.source import KernelSource
from vmemcheck.kernel.variant import Variant

COUNTING = (Variant.COVERED, Variant.COVERED_LEAN)
"""How a program is compiled that counts lines, where it can be: see ``build_first()``."""
COUNTING_IN_PARTS = (Variant.COVERED_PARTS, Variant.COVERED_LEAN_PARTS)
"""The same in two parts, for one that is built again after a change to a C file."""

_LENGTH = struct.Struct("<Q")
LineCounts = Mapping[str, Mapping[int, int]]
"""Kernel file, relative to the tree -> line -> how often it ran; 0 where there is code that did not."""


class CoveredMachine(KernelMachine):
    """A machine that counts how often each line ran, over all sequences from its start to its end."""

    def __init__(self, program: Program, geometry: Geometry, name: str, traits: Traits) -> None:
        """Take a program of a variant that counts lines."""
        self._covered = program
        super().__init__(program, geometry, name, traits)

    def lines(self) -> LineCounts:
        """End the program, and return the counts of the sliced kernel files.

        The machine can be used again; later counts are added to these. A sequence that ended the program itself
        counts nothing.

        :raises ExecutorError: when gcov is absent, or does not understand the counts
        """
        self.end_program()
        gcov = _find_gcov()
        found: dict[str, dict[int, int]] = {}
        for counted in self._executor.counts():
            for notes, part in zip(NOTES, _parts(counted), strict=False):
                read = _read(self._covered, self._covered.path.with_name(notes), part, gcov)
                for name, lines in read.items():
                    known = found.setdefault(name, {})
                    for line, count in lines.items():
                        known[line] = known.get(line, 0) + count
        return {name: dict(sorted(lines.items())) for name, lines in sorted(found.items())}


def covered_machine(source: KernelSource, geometry: Geometry) -> CoveredMachine:
    """Build the machine that counts lines, for one geometry.

    :raises ShimGapError: when a name is neither in the tree nor in the shim
    :raises BuildError: when the code does not compile
    """
    program = build_first(source.text(geometry), COUNTING, source.name)
    return CoveredMachine(program, geometry, source.name, source.traits)


class _Line(TypedDict):
    line_number: int
    count: int


class _File(TypedDict):
    file: str
    lines: list[_Line]


def _parts(counted: bytes) -> Iterator[bytes]:
    """Yield the counts of each part of a program, which have their length before them."""
    at = 0
    while at + _LENGTH.size <= len(counted):
        (length,) = _LENGTH.unpack_from(counted, at)
        at += _LENGTH.size + length
        yield counted[at - length : at]


def _read(program: Program, notes: Path, counted: bytes, gcov: str) -> LineCounts:
    try:
        meaning = notes.read_bytes()
    except OSError as error:
        raise _not_understood(program, f"{notes.name}: {error.strerror}") from None
    with tempfile.TemporaryDirectory(prefix="vmemcheck-") as folder:
        Path(folder, notes.name).write_bytes(meaning)
        counts = notes.with_suffix(".gcda").name
        Path(folder, counts).write_bytes(counted)
        command = [gcov, "--json-format", "--stdout", counts]
        shown = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    files: list[_File] = []
    if "notes file" not in shown.stderr:  # not one, or of another program: what gcov then shows is too little
        with contextlib.suppress(ValueError, KeyError):
            files = json.loads(shown.stdout)["files"]
    if not files:
        raise _not_understood(program, shown.stderr.strip() or "no message")
    found: dict[str, dict[int, int]] = {}
    for file in files:
        name = file["file"].lstrip("/")
        if name.startswith((SHIM, "<")) or name == "machine.c":
            continue
        lines = found.setdefault(name, {})
        for line in file["lines"]:
            # A line that several functions share is there once for each.
            lines[line["line_number"]] = lines.get(line["line_number"], 0) + line["count"]
    return found


def _not_understood(program: Program, says: str) -> ExecutorError:
    return ExecutorError(
        f"{program.name}: gcov does not understand the counts: {says}",
        where=str(program.path),
        to_fix="use the gcov of the compiler; remove the folder of the program so that it is built again",
    )


def _find_gcov() -> str:
    """Return the gcov that belongs to the compiler: gcc-12 has gcov-12.

    :raises ExecutorError: when there is none
    """
    compiler = Path(find_compiler())
    names = (compiler.name.replace("gcc", "gcov"), "gcov")
    for name in names:
        path = shutil.which(name)
        if path is not None and "gcov" in name:
            return path
    raise ExecutorError("gcov is not installed", to_fix="install the gcov of your gcc: it is in the package gcc")
