# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a program of a slice: put the text together, compile it, keep it by the hash of all that went into it.

What the compiler or the linker objects to is told apart: a name that nobody has is a gap of
the shim, everything else is an error at the kernel's own line.
"""

import contextlib
import enum
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vmemcheck.errors import BuildError, ShimGapError
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.cache import cache_folder
from vmemcheck.kernel.compiler import run_compiler
from vmemcheck.kernel.doors import door_macros
from vmemcheck.kernel.instrument import declarations, instrumented, struct_page_attributes
from vmemcheck.kernel.shim import FIRST, Shim
from vmemcheck.kernel.slicer import Slice

_COMMON = (
    "-std=gnu11",
    "-g",
    "-w",
    # As in the kernel's own Makefile.
    "-fno-strict-aliasing",
    "-fno-strict-overflow",
    "-fno-delete-null-pointer-checks",
    "-fno-diagnostics-show-caret",
    "-fno-pie",
    "-no-pie",
    # A table of the tree may be a page of 64K; it is to stand in one segment with the other data.
    "-Wl,-z,max-page-size=65536",
    "-Werror=implicit-function-declaration",
    "-fmax-errors=20",
)
_GAP = (
    re.compile(r"undefined reference to `(\w+)'"),
    re.compile(r"error: implicit declaration of function '(\w+)'"),
    re.compile(r"error: '(\w+)' undeclared"),
)
_IN_FUNCTION = re.compile(r"[iI]n function [`'](?:__vmc_)?(\w+)")
_PLACE = re.compile(r"^(?:/?)([\w./-]+\.[chS]):(\d+)")
_TABLE_SIZES = ("PTRS_PER_PTE", "PTRS_PER_PMD", "PTRS_PER_PUD", "PTRS_PER_PGD")
_TOO_SMALL = re.compile(r"size of array 'vmc_padding' is negative|size '[^']*' of array 'vmc_padding'")


class Variant(enum.Enum):
    """How a program is compiled."""

    FAST = ("-O2",)
    CHECKED = ("-O1", "-fsanitize=address,bounds,shift,integer-divide-by-zero", "-fno-sanitize-recover=all")
    """With the address and undefined-behaviour sanitizers."""
    COVERED = ("-O1", "--coverage", "-fprofile-update=single")
    """Counts how often each line of the kernel's own files runs."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled program.

    :param path: the executable
    :param name: of the tree and the target, for messages
    """

    path: Path
    name: str


def program_text(found: Slice, shim: Shim, geometry: Geometry, native: Geometry) -> str:
    """Return the C of the machine with the slice in it.

    :param geometry: the sizes that it is to have
    :param native: the sizes that the tree itself has; where they differ, its macros are redefined
    :raises ShimGapError: when a function has parameters that are not known
    """
    sized = instrumented(found)
    parts = [
        f"#define VMC_STRUCT_PAGE_BYTES {geometry.struct_page_bytes}L",
        f"#define VMC_STRUCT_PAGE_ATTRIBUTES {struct_page_attributes(geometry.struct_page_bytes)}",
        f"#define VMC_TABLE_SHIFT {geometry.table_shift}",
        f"#define VMC_BLOCK_PAGES {geometry.pages_per_block}UL",
        sized.macros,
        *_redefined(sized.macros, geometry, native),
        door_macros(found),
        _lined({name: text for name, text in shim.files.items() if name in FIRST}),
        sized.types,
        declarations(),
        _lined({name: text for name, text in shim.files.items() if name not in FIRST}),
        sized.prototypes,
        sized.code,
        _lined(shim.program),
    ]
    return "\n".join(parts)


def build(text: str, variant: Variant, name: str) -> Program:
    """Compile a program, or take it from the cache.

    :param name: of the tree and the target, for messages
    :raises ShimGapError: when a name is neither in the tree nor in the shim
    :raises BuildError: when the compiler refuses the text
    """
    arguments = [*_COMMON, *variant.value]
    version = run_compiler(["--version"], b"", Path("/")).stdout
    key = hashlib.sha256(b"\0".join((text.encode(), version, " ".join(arguments).encode()))).hexdigest()[:32]
    folder = cache_folder("programs") / key
    path = folder / "machine"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _compile(text, [*arguments, *_script(variant, folder)], path, name)
    return Program(path, name)


def _compile(text: str, arguments: list[str], path: Path, name: str) -> None:
    source = path.with_suffix(".c")
    with _appearing(source) as partial:
        partial.write_text(text)
    with _appearing(path) as partial:
        # In the root folder: the names of files in debug information are then those of the tree.
        result = run_compiler([*arguments, "-o", str(partial), str(source)], b"", Path("/"))
        if result.returncode != 0:
            raise _explained(name, result.stderr.decode("utf-8", "replace"))


@contextlib.contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """Give the name of a file that becomes ``path`` when the block ends well."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def _script(variant: Variant, folder: Path) -> list[str]:
    """Keep the counters apart from the data that is put back before each sequence."""
    if variant is not Variant.COVERED:
        return []
    script = folder / "counters.ld"
    script.write_text(
        "SECTIONS { .vmc_counters (NOLOAD) : { *(.bss.__gcov*) *(.data.__gcov*) *(.bss..LPBX*) } } INSERT AFTER .bss;\n"
    )
    return ["-fdata-sections", f"-Wl,-T,{script}"]


def _redefined(macros: str, geometry: Geometry, native: Geometry) -> Iterator[str]:
    """Yield the macros that give the code other sizes than the tree has."""
    values: dict[str, str] = {}
    if geometry.section_shift != native.section_shift:
        values["SECTION_SIZE_BITS"] = str(geometry.section_shift)
    if geometry.subsection_shift != native.subsection_shift:
        values["SUBSECTION_SHIFT"] = str(geometry.subsection_shift)
    if geometry.table_shift != native.table_shift:
        values |= dict.fromkeys(_TABLE_SIZES, str(1 << geometry.table_shift))
        values |= {
            name: f"(PAGE_SHIFT + {level} * {geometry.table_shift})"
            for level, name in enumerate(("PMD_SHIFT", "PUD_SHIFT", "P4D_SHIFT"), 1)
            if not re.search(rf"^#\s*define {name} (?:PGDIR_SHIFT|P4D_SHIFT)\b", macros, re.MULTILINE)
        }
        if not re.search(r"^#\s*define PGDIR_SHIFT pgdir_shift\b", macros, re.MULTILINE):
            values["PGDIR_SHIFT"] = f"(PAGE_SHIFT + (vmc_levels - 1) * {geometry.table_shift})"
    for name, value in values.items():
        if re.search(rf"^#\s*define {name}\b", macros, re.MULTILINE):
            yield f"#undef {name}\n#define {name} {value}"


def _lined(files: Mapping[str, str]) -> str:
    return "\n".join(f'#line 1 "vmemcheck/shim/{name}"\n{text}' for name, text in files.items())


def _explained(name: str, message: str) -> Exception:
    # The compiler speaks of a function before it says what is wrong in it.
    lines = message.splitlines()
    if _TOO_SMALL.search(message):
        return BuildError(
            f"{name}: struct page of this tree is larger than the size that was asked for",
            where="include/linux/mm_types.h: struct page",
            to_fix="ask for a size that 'vmemcheck facts' shows, or a larger one",
        )
    function = ""
    for line in lines:
        function = (_IN_FUNCTION.search(line) or [function, function])[1]
        for pattern in _GAP:
            found = pattern.search(line)
            if found:
                place = _PLACE.match(line)
                user = f"{place[1] if place else 'the slice'}: {function}()"
                return ShimGapError(
                    f"{name}: the slice needs {found[1]}, which is in no sliced file and not in the shim",
                    where=f"used by {user}",
                    to_fix="add it to vmemcheck/shim/stubs.h if it has no effect on vmemmap, to custom.h if the check"
                    " must see it",
                )
    errors = list(_errors(lines))
    return BuildError(
        f"{name}: the sliced code does not compile",
        where="\n           ".join(errors[:5]) or "no message",
        to_fix="the file and line are the kernel's: correct them there; if the kernel itself compiles, the slicer or"
        " the shim lacks something ('vmemcheck slice' shows what was taken)",
    )


def _errors(lines: Iterable[str]) -> Iterator[str]:
    function = ""
    for line in lines:
        found = _IN_FUNCTION.search(line)
        if found:
            function = f" (in {found[1]}())"
        elif "error:" in line or "Error:" in line:
            yield line.lstrip("/") + function
