# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a program of a slice: put the text together, compile it, keep it by the hash of all that went into it.

What the compiler or the linker objects to is explained in ``vmemcheck.kernel.refusal``.
"""

import contextlib
import functools
import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from vmemcheck.errors import BuildError, ShimGapError
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.assembly import inspect
from vmemcheck.kernel.cache import appearing_file, cache_folder, keep_newest, write_whole
from vmemcheck.kernel.compiler import compiler_version, run_compiler
from vmemcheck.kernel.doors import door_macros
from vmemcheck.kernel.instrument import declarations, instrumented, struct_page_attributes
from vmemcheck.kernel.makers import sources_digest
from vmemcheck.kernel.parts import BEGIN_CODE, BEGIN_MACHINE, ONLY_KERNEL, ONLY_MACHINE, kernel_functions, parts_of
from vmemcheck.kernel.refusal import refusal
from vmemcheck.kernel.shim import FIRST, Shim
from vmemcheck.kernel.slicer import Slice
from vmemcheck.kernel.variant import Variant

LANGUAGE = (
    "-std=gnu11",
    "-w",
    # As in the kernel's own Makefile.
    "-fno-strict-aliasing",
    "-fno-strict-overflow",
    "-fno-delete-null-pointer-checks",
)
"""The options that say what the kernel's code means."""
_COMMON = (
    *LANGUAGE,
    # Lines, and what was inlined where: no variables.
    "-g1",
    # The machine follows the frames to tell who called: see vmemcheck/shim/stack.c.
    "-fno-omit-frame-pointer",
    # Calls at two places stay two: what is done is told at the place that did it.
    "-fno-crossjumping",
    "-fno-tree-tail-merge",
    # A call at the end of a function stays a call: else the function is not on the stack, and its caller is told.
    "-fno-optimize-sibling-calls",
    "-fno-diagnostics-show-caret",
    "-fno-pie",
    "-no-pie",
    # A table of the tree may be a page of 64K; it is to stand in one segment with the other data.
    "-Wl,-z,max-page-size=65536",
    "-Werror=implicit-function-declaration",
    "-fmax-errors=20",
)
LIBRARY_NAMES = frozenset(
    "mmap munmap read write _exit prctl sigaction sigaltstack setitimer __sigsetjmp siglongjmp"
    " memcpy memmove memset memcmp memchr strlen strcmp __stack_chk_fail"
    " __executable_start etext __data_start _edata __bss_start _end __start_vmc_keep __stop_vmc_keep"
    " __gcov_info_to_gcda __gcov_merge_add __start_vmc_counts __stop_vmc_counts".split()
)
"""What a program may take from the C library, the linker and gcov; all else must come from the tree or the shim."""
NAMES = "machine.names"
"""Next to a program: what nm says of it without the C library, so that its own variables can be told from those."""
NOTES = ("machine.gcno", "around.gcno")
"""Next to a program that counts its lines: what the counters of its parts mean; the second where it has two."""
# With HUGETLB_PAGE, which kernels have, and which needs fs/Kconfig, a pageblock is a PMD leaf. Without, it may be the
# largest block of the page allocator; then the memmap of a memory block is no whole number of them:
# mm/memory_hotplug.c: mhp_supports_memmap_on_memory().
_BUDDY_PAGEBLOCK = re.compile(r"^#\s*define pageblock_order\s+\(?\s*MAX_(?:PAGE_)?ORDER\b", re.MULTILINE)
_DEFINE = re.compile(r"^#\s*define (\w+)", re.MULTILINE)
_MOST_PROGRAMS = 1024  # a megabyte each
_TABLE_SIZES = ("PTRS_PER_PTE", "PTRS_PER_PMD", "PTRS_PER_PUD", "PTRS_PER_PGD")


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled program.

    :param path: the executable
    :param name: of the tree and the target, for messages
    :param variant: how it was compiled
    """

    path: Path
    name: str
    variant: Variant = Variant.FAST


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
        kernel_functions(found, shim),
        BEGIN_CODE,
        sized.code,
        BEGIN_MACHINE,
        _lined(shim.program),
    ]
    return "\n".join(parts)


class _PartsError(Exception):
    """The compiler objects to a part: what is wrong is told of the whole."""


def build_first(text: str, variants: Iterable[Variant], name: str) -> Program:
    """Compile a program in the first way that leaves out what cannot run and calls what is not there.

    :raises ShimGapError: when there is none: a name is neither in the tree nor in the shim
    :raises BuildError: when the compiler refuses the text, or binutils is not installed
    """
    *others, last = variants
    for variant in others:
        with contextlib.suppress(ShimGapError):
            return build(text, variant, name)
    return build(text, last, name)


def build(text: str, variant: Variant, name: str) -> Program:
    """Compile a program, or take it from the cache.

    :param name: of the tree and the target, for messages
    :raises ShimGapError: when a name is neither in the tree nor in the shim
    :raises BuildError: when the compiler refuses the text, or binutils is not installed
    """
    arguments = [*_COMMON, *variant.value]
    # Programs that an older version made were inspected and linked as it did.
    made_by = (sources_digest("kernel"), compiler_version(), " ".join(arguments))
    key = hashlib.sha256("\0".join((text, *made_by)).encode()).hexdigest()[:32]
    folder = cache_folder("programs") / key
    path = folder / "machine"
    needed = [folder / NAMES, *([folder / NOTES[0]] if variant.counts_lines else [])]
    if not path.exists() or not all(each.exists() for each in needed):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path.with_suffix(".c"), text.encode())
        if not (variant.is_in_parts and _compile_parts(text, arguments, path, name, variant)):
            _compile(arguments, path, name, variant)
    keep_newest(folder, _MOST_PROGRAMS)
    return Program(path, name, variant)


def _compile(arguments: list[str], path: Path, name: str, variant: Variant) -> None:
    source = path.with_suffix(".c")
    with appearing_file(path) as partial, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        # In the root folder: the names of files in debug information are then those of the tree.
        assembly, machine = Path(folder, "machine.s"), Path(folder, "machine.o")
        counting = _counting(variant, Path(folder, NOTES[0]))
        _run([*arguments, *counting, "-S", "-o", str(assembly), str(source)], name)
        inspect(assembly.read_text(errors="replace"), name, may_start=variant is Variant.CHECKED)
        _run(["-c", "-o", str(machine), str(assembly)], name)
        found = symbols(machine)
        with appearing_file(path.with_name(NAMES)) as names:
            # What is not defined has no address.
            names.write_text("".join(f"{' '.join(words)}\n" for words in found if len(words) > 2))
        how = [*_script(variant, path.parent), *([] if variant is Variant.CHECKED else ["-static"])]
        command = [*arguments, *how, "-o", str(partial), str(machine)]
        # A function of the kernel may have the name of one of the C library. The linker says who calls it.
        borrowed = {words[0] for words in found if _is_undefined(words)} - LIBRARY_NAMES
        if borrowed and variant is not Variant.CHECKED:
            message = _refused([*command, "-nostdlib", "-Wl,-e,main"])
            said = [line for line in message.splitlines() if _names_any(line, borrowed)]
            # It says nothing of those that may be absent.
            weak = sorted(words[0] for words in found if words[0] in borrowed and words[1] != "U")
            raise refusal(name, "\n".join((*said, *(f"undefined reference to `{each}'" for each in weak))))
        _run(command, name)
        if counting:
            Path(folder, NOTES[0]).replace(path.with_name(NOTES[0]))


def _compile_parts(text: str, arguments: list[str], path: Path, name: str, variant: Variant) -> bool:
    """Compile a program in two parts; tell whether that was possible.

    Where it is not, for a mistake in the code or since a variable would be there twice, it is compiled as a whole, and
    that says what is wrong. What a compiler asks too much for, or the inspection refuses, is not tried again.

    :raises ShimGapError: when a name is not there, and the lines can be counted in another way
    """
    parts = parts_of(text)
    if parts is None:
        return False
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            around = _machine(parts.machine, arguments, name, variant)
            notes = Path(folder, NOTES[0])
            inside = _object(parts.kernel, [*arguments, *_counting(variant, notes), ONLY_KERNEL], Path(folder), name)
            known = _names_of(around).read_text().splitlines()
            found = [symbols(inside), [line.split() for line in known]]
            defined = {words[0] for one in found for words in one if len(words) > 2 and words[1].isupper()}
            undefined = {words[0] for one in found for words in one if _is_undefined(words)}
            lacking = undefined - defined - LIBRARY_NAMES
            if lacking and variant is Variant.COVERED_PARTS:
                # Most likely of code that cannot run; then the other way to count is taken, and nobody sees this.
                raise ShimGapError(
                    f"{name}: not there where nothing is left out: {', '.join(sorted(lacking))}",
                    to_fix="count the lines of what is left when the compiler left out what cannot run",
                )
            if lacking or _data(found[0]) & _data(found[1]):
                return False
            if variant.counts_lines:
                write_whole(path.with_name(NOTES[1]), around.with_name(NOTES[1]).read_bytes())
                notes.replace(path.with_name(NOTES[0]))
            with appearing_file(path) as partial:
                how = [*_script(variant, path.parent), "-static"]
                _run_for_part([*arguments, *how, "-o", str(partial), str(inside), str(around)])
            with appearing_file(path.with_name(NAMES)) as names:
                names.write_text("".join(f"{' '.join(words)}\n" for one in found for words in one if len(words) > 2))
    except _PartsError:
        return False
    return True


def _machine(text: str, arguments: list[str], name: str, variant: Variant) -> Path:
    """Return the machine's part of a program, from the cache where it is known."""
    made_by = (sources_digest("kernel"), compiler_version(), " ".join(arguments))
    folder = cache_folder("programs") / hashlib.sha256("\0".join(("part", text, *made_by)).encode()).hexdigest()[:32]
    path = folder / "part.o"
    names = _names_of(path)
    needed = [path, names, *([folder / NOTES[1]] if variant.counts_lines else [])]
    if not all(each.exists() and each.stat().st_size for each in needed):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as made:
            notes = Path(made, NOTES[1])
            part = _object(text, [*arguments, *_counting(variant, notes), ONLY_MACHINE], Path(made), name)
            shown = "".join(f"{' '.join(words)}\n" for words in symbols(part))
            write_whole(names, shown.encode())
            if variant.counts_lines:
                notes.replace(folder / NOTES[1])
            part.replace(path)
    keep_newest(folder, _MOST_PROGRAMS)
    return path


def _names_of(part: Path) -> Path:
    return part.with_suffix(".names")


def _object(text: str, arguments: list[str], folder: Path, name: str) -> Path:
    """Compile a part of a program, after a look at what the compiler makes of it."""
    source, assembly, made = folder / "part.c", folder / "part.s", folder / "part.o"
    source.write_text(text)
    _run_for_part([*arguments, "-S", "-o", str(assembly), str(source)])
    inspect(assembly.read_text(errors="replace"), name)
    _run_for_part(["-c", "-o", str(made), str(assembly)])
    return made


def _run_for_part(arguments: list[str]) -> None:
    if _refused(arguments):
        raise _PartsError


def _is_undefined(words: list[str]) -> bool:
    """Tell whether a symbol must come from elsewhere; a weak one would be taken from the C library too."""
    return len(words) == 2 and words[1] in "Uwv"


def _data(found: Iterable[list[str]]) -> set[str]:
    """Return the variables among some symbols; those of a function have a number behind their names.

    Counters of lines are not the program's: each part has its own.
    """
    names = {words[0].partition(".")[0] for words in found if len(words) > 2 and words[1] in "bBdDrRC"}
    return {name for name in names if not name.startswith("__gcov")}


def _run(arguments: list[str], name: str) -> None:
    message = _refused(arguments)
    if message:
        raise refusal(name, message)


def _refused(arguments: list[str]) -> str:
    """Return what the compiler objects to; empty when it does what it was asked for."""
    result = run_compiler(arguments, b"", Path("/"))
    return (result.stderr.decode("utf-8", "replace") or "no message") if result.returncode != 0 else ""


def _names_any(line: str, names: Set[str]) -> bool:
    return "n function" in line or any(f"`{name}'" in line for name in names)


def symbols(path: Path, *options: str) -> list[list[str]]:
    """Return what ``nm`` says of a program: name, type, and where they are told, address and size in hexadecimal.

    :raises BuildError: when binutils is not installed
    """
    command = ["nm", "--format=posix", *options, str(path)]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        raise BuildError("nm is not installed", to_fix="install binutils") from None
    return [line.split() for line in shown.splitlines() if line.strip()]


def _script(variant: Variant, folder: Path) -> list[str]:
    """Keep the counters apart from the data that is put back before each sequence: with what the machine keeps."""
    if not variant.counts_lines:
        return []
    script = folder / "counters.ld"
    script.write_text("SECTIONS { vmc_keep : { *(vmc_keep) *(.bss.__gcov*) *(.data.__gcov*) } } INSERT AFTER .data;\n")
    return [f"-Wl,-T,{script}"]


def _counting(variant: Variant, notes: Path) -> list[str]:
    """Return the options with which what the counters mean is written into a file."""
    if not variant.counts_lines:
        return []
    names = ["-dumpdir", f"{notes.parent}/", "-dumpbase", notes.stem, "-frandom-seed=vmemcheck"]
    return ["-fdata-sections", *names]


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
            # Where the kernel decides at boot how many levels there are, its macro asks pgtable_l5_enabled.
            at_boot = re.search(r"^#\s*define PGDIR_SHIFT\b.*_enabled", macros, re.MULTILINE)
            levels = "vmc_levels" if at_boot else geometry.levels
            values["PGDIR_SHIFT"] = f"(PAGE_SHIFT + ({levels} - 1) * {geometry.table_shift})"
    if geometry.table_shift != native.table_shift or _BUDDY_PAGEBLOCK.search(macros):
        # include/linux/pageblock-flags.h: the pageblocks of a section are counted, so that it must not be smaller.
        section_order = geometry.section_shift - geometry.page_shift
        values["pageblock_order"] = str(min(geometry.table_shift, section_order))
    defined = _defined(macros)
    for name, value in values.items():
        if name in defined:
            yield f"#undef {name}\n#define {name} {value}"


@functools.lru_cache(maxsize=4)  # a slice is made into a program for each geometry
def _defined(macros: str) -> frozenset[str]:
    return frozenset(_DEFINE.findall(macros))


def _lined(files: Mapping[str, str]) -> str:
    return "\n".join(f'#line 1 "vmemcheck/shim/{name}"\n{text}' for name, text in files.items())
