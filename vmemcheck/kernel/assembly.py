# SPDX-License-Identifier: GPL-2.0-or-later
"""What the compiler made of sliced code, before it is a program: it must not run by itself, or read files.

The kernel's assembler is for another machine or for another mode of this one; what the check runs has none. So
assembler in a slice is a gap of the shim, or hostile. It can come by the names of sections and symbols too, which the
compiler writes as they are: so only what a compiler needs is let through. That it can do no harm is for
vmemcheck.kernel.confinement.
"""

import itertools
import re
from collections.abc import Iterator

from vmemcheck.errors import BuildError, ShimGapError
from vmemcheck.kernel.locate import SHIM

_BLOCK = re.compile(r"^#APP\n(.*?)^#NO_APP\n", re.MULTILINE | re.DOTALL)
_MARKER = re.compile(r'# (\d+) "([^"\n]*)" 1')
_END_OF_MARKER = '# 0 "" 2'
# What the compiler itself writes between two pieces of inline assembly.
_OWN = re.compile(r"\s*(?:\.loc\s.*|\.cfi_\w+.*|\.L\w+:)?")
_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
# What could hide a directive, or make one while the text is assembled. No compiler writes it outside of strings.
_HIDES = re.compile(r"[;'\"\\]"), re.compile(r"/\*")
_SECTION = re.compile(r"\.section(?<![\w.$]\.section)\s+([^,\n]*)")
_SECTION_NAME = re.compile(r"[\w.$+-]+")
# Most words with a point are labels: .L12.
_DIRECTIVE = re.compile(r"\.(?!L)(?<![\w.$]\.)([A-Za-z_]\w*)")
_DIRECTIVES = frozenset(
    # Of gcc for any machine, then what it needs besides on arm64, riscv, s390 and powerpc.
    "text data bss section file loc ident globl global local comm lcomm weak weakref hidden internal protected type"
    " size set align balign p2align string ascii base64 byte short value word long int quad octa 2byte 4byte 8byte"
    " float double zero skip space uleb128 sleb128"
    " arch arch_extension cpu tune hword xword variant_pcs option attribute half dword machine machinemode abiversion"
    " localentry".split()
)
_AT_START = re.compile(
    r"\.(?:init|fini|interp|dynamic|got|plt|(?:(?:preinit|init|fini)_array|[cd]tors|rela?|iplt)(?:\..*)?)"
)
# What a program may do at any time, see vmemcheck/shim/signals.c: all else stops it at the place that does it. So these
# functions of the C library are for the machine alone; the last two are instructions.
_SYSTEM = tuple(
    re.compile(rf"{name}(?<![\w.$]{name})(?![\w.$])")
    for name in "read write mmap munmap setitimer _exit __sigsetjmp siglongjmp syscall sysenter".split()
)
# Where a compiler writes strings. Elsewhere one is the name of a symbol.
_QUOTING = re.compile(r"\s*(?:#|\.(?:string|ascii|base64|file|ident|section)\s)")
_FILE = re.compile(r'\t\.file (\d+) "([^"\n]*)"(?: "([^"\n]*)")?')
_PLACE = re.compile(r"\.loc (\d+) (\d+)")
_READ_FILES = frozenset(("incbin", "include"))
_IN_A_NAME = "has assembler in the name of a section or symbol"
_CALLED_AT_START = "gnu_indirect_function"


def inspect(text: str, name: str, *, may_start: bool = False) -> None:
    """Look at the assembler text of a machine.

    :param name: of the tree and the target, for messages
    :param may_start: functions may run before ``main()``, as a sanitizer's do
    :raises ShimGapError: when sliced code has inline assembly
    :raises BuildError: when it would do something by itself
    """
    for place, body in _blocks(text):
        raise ShimGapError(
            f"{name}: the sliced code has inline assembly, which is not run: {body[:60]!r}",
            where=place,
            to_fix="if it has no effect on the vmemmap, name the macro or function around it in vmemcheck/shim/stubs.h",
        )
    if not may_start:
        bare = _STRING.sub(" ", text)
        _inspect_sections(bare, name)
        _inspect_directives(_SECTION.sub(".section", bare), name)
        _inspect_quotes(text, name)
        _inspect_names(text, bare, name)


def _inspect_quotes(text: str, name: str) -> None:
    for line in text.split("\n"):
        if '"' in line and not _QUOTING.match(line):
            raise _by_itself(name, _IN_A_NAME, line)


def _inspect_sections(bare: str, name: str) -> None:
    for section in sorted(set(_SECTION.findall(bare))):
        if not _SECTION_NAME.fullmatch(section):
            raise _by_itself(name, _IN_A_NAME, f".section {section}")
        if _AT_START.fullmatch(section):
            raise _by_itself(
                name, f"runs functions before the machine starts: section {section}", f".section {section}"
            )
    if _CALLED_AT_START in bare:
        raise _by_itself(name, "runs functions before the machine starts: ifunc", _CALLED_AT_START)


def _inspect_directives(bare: str, name: str) -> None:
    hidden = next(filter(None, (pattern.search(bare) for pattern in _HIDES)), None)
    if hidden:
        start, end = bare.rfind("\n", 0, hidden.start()) + 1, bare.find("\n", hidden.end())
        raise _by_itself(name, _IN_A_NAME, bare[start : end if end >= 0 else len(bare)])
    for directive in sorted(set(_DIRECTIVE.findall(bare))):
        if not (directive in _DIRECTIVES or directive.startswith("cfi_")):
            what = "reads a file while it is compiled" if directive.lower() in _READ_FILES else _IN_A_NAME
            raise _by_itself(name, f"{what}: .{directive}", f".{directive}")


def _inspect_names(text: str, bare: str, name: str) -> None:
    """Refuse what deals with the system where the machine does not: it could answer in its place, or wait for ever."""
    files = {number: "/".join(filter(None, (folder, file))) for number, folder, file in _FILE.findall(text)}
    for found in itertools.chain.from_iterable(pattern.finditer(bare) for pattern in _SYSTEM):
        at = bare.rfind("\t.loc ", 0, found.start())
        said = _PLACE.search(bare, at) if at >= 0 else None
        file = files.get(said[1], "").lstrip("/") if said else ""
        is_directive = bare[bare.rfind("\n", 0, found.start()) + 1 : found.start()].lstrip().startswith(".")
        if is_directive or not file.startswith(SHIM):
            raise BuildError(
                f"{name}: the sliced code asks the system by itself: {found[0]}",
                where=f"{file}:{said[2]}" if said and not is_directive else f"the compiler's output: {found[0]}",
                to_fix="no kernel function does; look at what the tree or the patch adds",
            )


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each piece of inline assembly that is not empty; the shim has none.

    What stands outside of functions has no place, and a piece that ends its own block is not closed in it.
    """
    for block in _BLOCK.findall(text):
        place, closed = "", False
        for line in block.splitlines():
            marker = _MARKER.fullmatch(line)
            if marker:
                place = f"{marker[2].lstrip('/')}:{marker[1]}"
            elif line == _END_OF_MARKER:
                place, closed = "", True
            elif not (line.isspace() or _OWN.fullmatch(line)):
                yield place, line.strip()
        if place or not closed:
            yield place, block.strip()


def _by_itself(name: str, what: str, line: str) -> BuildError:
    return BuildError(
        f"{name}: the sliced code {what}",
        where=f"the compiler's output: {' '.join(line.split())[:100]}",
        to_fix="no kernel function does; look at what the tree or the patch adds as attribute, section or assembly",
    )
