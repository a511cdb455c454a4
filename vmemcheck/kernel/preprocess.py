# SPDX-License-Identifier: GPL-2.0-or-later
"""Read kernel files as the compiler sees them: includes and conditions done, macros kept.

The compiler's own preprocessor decides every ``#if`` and ``#include`` of the kernel, in the
kernel's order, under one configuration. What comes out still has each macro definition and
each macro use, and a marker with file and line before each piece. Nothing is expanded.
"""

import contextlib
import functools
import hashlib
import os
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from vmemcheck.errors import SliceError
from vmemcheck.kernel.cache import cache_folder, keep_newest, write_whole
from vmemcheck.kernel.compiler import run_compiler
from vmemcheck.kernel.locate import SHIM
from vmemcheck.kernel.target import Target
from vmemcheck.kernel.tree import Tree

_FATAL = re.compile(rb"fatal error: (\S+): No such file or directory")
_MARKER = re.compile(rb'\n# \d+ "([^"\n]*)"')  # beginning with letters, it is found much faster
_ROUNDS = 12
_FORCED = ("include/linux/compiler-version.h", "include/linux/kconfig.h", "include/linux/compiler_types.h")
# Until Linux 5.16 the kernel included this one of the compiler's own headers.
_COMPILER_HEADERS = {
    "stdarg.h": """\
typedef __builtin_va_list va_list;
#define va_start(v, l) __builtin_va_start(v, l)
#define va_end(v) __builtin_va_end(v)
#define va_arg(v, T) __builtin_va_arg(v, T)
#define va_copy(d, s) __builtin_va_copy(d, s)
"""
}
# Source: arch/arm64/tools/gen-cpucaps.awk
_CAPABILITY_HEADERS = ("asm/cpucaps.h", "asm/cpucap-defs.h")
_AUTOCONF = "generated/autoconf.h"
BOUNDS = "generated/bounds.h"
_MOST_FOLDERS = 1024


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """Kernel files after conditions and includes.

    :param text: with ``# line "file"`` markers; names of files are relative to the tree
    :param placeholders: headers that only a kernel build makes, read as empty here
    """

    text: bytes
    placeholders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """Preprocesses files of one tree for one target under one configuration.

    :param values: configuration symbols, without ``CONFIG_``
    :param bounds: the macros that ``kernel/bounds.c`` computes in a kernel build
    """

    tree: Tree
    target: Target
    values: Mapping[str, str]
    bounds: Mapping[str, int]

    def read(self, names: Sequence[str], defines: Sequence[str] = ()) -> Preprocessed:
        """Preprocess the files, one after the other, as one text.

        :param defines: macros that hold besides the configuration, such as ``__GENERATING_BOUNDS_H``
        :raises SliceError: when the preprocessor refuses, with its message
        """
        for name in names:
            self.tree.read(name)
        unit = "".join(f'#include "{name}"\n' for name in names).encode()
        folder = self._generated_folder()
        for _ in range(_ROUNDS):
            result = run_compiler(self._arguments(folder, defines), unit, self.tree.root)
            missing = _FATAL.search(result.stderr)
            if missing is None:
                break
            self._generate(folder, unit, defines)
        if result.returncode != 0:
            raise self._refused(result.stderr, folder)
        files = {os.fsdecode(name) for name in set(_MARKER.findall(b"\n" + result.stdout))}
        generated = {name for name in files if name.startswith(f"{folder}/")}
        self._check_origin(files - generated)
        text = result.stdout.replace(os.fsencode(folder), b"generated")
        return Preprocessed(text, _placeholders(folder, generated))

    def _arguments(self, folder: Path, defines: Sequence[str]) -> list[str]:
        arch = f"arch/{self.target.arch}/include"
        search = [arch, str(folder), *self._later_folders()]
        arguments = ["-E", "-fdirectives-only", "-nostdinc", "-std=gnu11", "-w", "-x", "c"]
        arguments += [f"-U{name}" for name in self.target.undefined]
        arguments += [f"-D{name}" for name in ("__KERNEL__", *self.target.macros, *defines)]
        for name in search:
            arguments += ["-I", name]
        for name in _FORCED:
            if self.tree.has(name):
                arguments += ["-include", name]
        return [*arguments, "-iquote", ".", "-"]

    def _later_folders(self) -> tuple[str, ...]:
        """Return where headers are searched after the architecture's own, and those of a build."""
        return "include", f"arch/{self.target.arch}/include/uapi", "include/uapi", f"arch/{self.target.arch}"

    def _generated_folder(self) -> Path:
        """Return the folder of the headers that a kernel build would generate."""
        configuration = "".join(
            f"#define CONFIG_{name} {_value(value)}\n" for name, value in sorted(self.values.items())
        )
        bounds = "".join(f"#define {name} {value}\n" for name, value in sorted(self.bounds.items()))
        others = (self.target.arch, configuration, bounds)
        folder = _folder_of(self.tree.root, *others)
        if self.tree.base and not folder.exists():
            # What the tree lacks that this one is a copy of, most likely this one lacks too.
            _copy_headers(_folder_of(self.tree.base, *others), folder)
        (folder / "generated").mkdir(parents=True, exist_ok=True)
        keep_newest(folder, _MOST_FOLDERS)
        _write(folder / _AUTOCONF, configuration)
        _write(folder / BOUNDS, bounds)
        self._refresh(folder)
        return folder

    def _refresh(self, folder: Path) -> None:
        """Correct what was made for an earlier state of the tree."""
        for path in folder.rglob("*.h"):
            name = str(path.relative_to(folder))
            if name in (_AUTOCONF, BOUNDS):
                continue
            if any((self.tree.root / place / name).exists() for place in self._later_folders()):
                path.unlink(missing_ok=True)
            else:
                _write(path, self._content(name))

    def _generate(self, folder: Path, unit: bytes, defines: Sequence[str]) -> None:
        """Make each absent header: ``asm/x.h`` from asm-generic as Kbuild does, others empty."""
        arguments = [*self._arguments(folder, defines), "-M", "-MG"]
        result = run_compiler([word for word in arguments if word != "-fdirectives-only"], unit, self.tree.root)
        names = result.stdout.replace(b"\\\n", b" ").decode("utf-8", "surrogateescape").split()[1:]
        for name in names:
            path = folder / name
            # What was found has a path; what was not has the name of its #include.
            found = name.startswith("/") or ".." in name.split("/") or self.tree.has(name) or path.exists()
            if found:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, self._content(name))

    def _content(self, name: str) -> str:
        """Return what a generated header says, as far as it is made of other headers or a plain list of names."""
        generic = f"asm-generic/{name.removeprefix('uapi/').removeprefix('asm/')}"
        is_asm = name.startswith(("asm/", "uapi/asm/"))
        if is_asm and any(self.tree.has(f"{where}/{generic}") for where in ("include", "include/uapi")):
            return f"#include <{generic}>\n"
        capabilities = "arch/arm64/tools/cpucaps"
        if name in _CAPABILITY_HEADERS and self.tree.has(capabilities):
            names = [line for line in self.tree.read(capabilities).splitlines() if re.fullmatch(r"\w+", line)]
            lines = [f"#define ARM64_{each} {number}\n" for number, each in enumerate(names)]
            return "".join([*lines, f"#define ARM64_NCAPS {len(names)}\n"])
        return _COMPILER_HEADERS.get(name, "")

    def _check_origin(self, files: Set[str]) -> None:
        """Refuse text from outside of the tree, whatever an ``#include`` in it says."""
        own = next((name for name in files if _is_of_shim(name)), None)
        if own is not None:
            raise SliceError(
                f"{self.tree.name} has a file in a folder that is the simulated machine's",
                where=own,
                to_fix=f"give the folder {SHIM} of the tree another name",
            )
        search = (f"arch/{self.target.arch}/include", *self._later_folders())
        self.tree.included([name for name in files if not name.startswith("<")], search)

    def _refused(self, message: bytes, folder: Path) -> SliceError:
        """Return what the preprocessor objects to; of what is outside of the tree nothing is told but its name.

        :raises TreeError: when it objects to a file there
        """
        lines = message.decode("utf-8", "replace").replace(str(folder), "generated").splitlines()
        errors = [line for line in lines if " error: " in line]
        # Only looked at, not noted: some of these are generated.
        Tree.included(self.tree, [line.partition(":")[0] for line in errors if not line.startswith("<")], ())
        return SliceError(
            f"{self.target.arch}: the preprocessor refuses {self.tree.name}",
            where="\n           ".join(errors[:5]) or "no message",
            to_fix="an #error names an option that this configuration lacks; anything else is wrong in the tree",
        )


def _is_of_shim(name: str) -> bool:
    """Tell whether a file, as a #line says it, could be taken for one of the simulated machine."""
    return name.lstrip("./").startswith(SHIM) or os.path.normpath(f"/{name}").startswith(f"/{SHIM}")


@functools.cache
def _value(value: str) -> str:
    if value == "y":
        return "1"
    return value if re.fullmatch(r"-?\d+|0[xX][0-9a-fA-F]+", value) else '"' + value.replace('"', "") + '"'


def _folder_of(root: Path, *others: str) -> Path:
    key = "\n".join((str(root), *others))
    return cache_folder("generated") / hashlib.sha256(key.encode()).hexdigest()[:24]


def _copy_headers(folder: Path, copy: Path) -> None:
    for path in folder.rglob("*.h"):
        place = copy / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            _write(place, path.read_text())


def _write(path: Path, text: str) -> None:
    """Write atomically, and not at all when the file already says so."""
    with contextlib.suppress(FileNotFoundError):
        if path.read_text() == text:
            return
    write_whole(path, text.encode())


def _placeholders(folder: Path, generated: Set[str]) -> tuple[str, ...]:
    """Return the names of those generated headers that say nothing."""
    names = {name.removeprefix(f"{folder}/") for name in generated} - {_AUTOCONF, BOUNDS}
    return tuple(sorted(name for name in names if (folder / name).stat().st_size == 0))
