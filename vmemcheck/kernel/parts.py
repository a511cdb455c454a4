# SPDX-License-Identifier: GPL-2.0-or-later
"""A program in two parts: the sliced code of the kernel's C files, and the machine around it.

The second is two thirds of the work of a compiler, and the same before and after a change to a C file. What the two
share is declared in the shim's headers (VMC_SHARED); the functions of C files that the machine calls are named here.
"""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

from vmemcheck.kernel.doors import functions_called, prototype_of
from vmemcheck.kernel.literals import CLOSED_TEXT
from vmemcheck.kernel.pieces import Kind
from vmemcheck.kernel.shim import Shim
from vmemcheck.kernel.slicer import Slice

BEGIN_CODE, BEGIN_MACHINE = '#line 1 "vmemcheck/code"', '#line 1 "vmemcheck/machine"'
"""Before the kernel's code and before the machine's in the text of a program."""
ONLY_KERNEL, ONLY_MACHINE = "-DVMC_ONLY_KERNEL", "-DVMC_ONLY_MACHINE"
_EXPORTED = """
#define VMC_EXPORT(head, name, parameters) \\
	extern __typeof__(name) vmc_kernel_##name __attribute__((alias(#name)));
VMC_KERNEL_FUNCTIONS(VMC_EXPORT)
"""
_IMPORTED = """
#define VMC_IMPORT(head, name, parameters) extern head name parameters __asm__("vmc_kernel_" #name);
VMC_KERNEL_FUNCTIONS(VMC_IMPORT)
"""
_CHUNK = re.compile(r'^#line \d+ "([^"\n]*)"\n', re.MULTILINE)
_NO_CODE = re.compile(rf'{CLOSED_TEXT.pattern}|^# \d+ "[^\n]*$', re.DOTALL | re.MULTILINE)
_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)((?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
_DECLARED = re.compile(r"(?:struct|union|enum)\s+\w+\s*;|register\s[^;{}=]*;")
_INVOCATION = re.compile(r"\w+\s*\([^{};=]*\)\s*;?")
_STATIC = re.compile(r"\bstatic\b")
_FUNCTION = re.compile(r"[^{;=]*\)\s*\{")
_WORD = re.compile(r"[A-Za-z_]\w*")
_OF_C_FILE = re.compile(r'^#line \d+ ("[^"\n]*\.c")$', re.MULTILINE)


def kernel_functions(found: Slice, shim: Shim) -> str:
    """Return the macro that lists the functions of C files that the machine calls."""
    wanted = {*functions_called(found), *shim.needs.names}
    lines = []
    for item in found.items:
        if item.kind is Kind.FUNCTION and item.file.endswith(".c") and item.name in wanted:
            prototype = prototype_of(found, item.name)
            if prototype is not None:
                head = re.sub(r"\b(?:static|inline|__weak)\b", "", prototype.head)
                parameters = ", ".join(text for text, _ in prototype.parameters) or "void"
                lines.append(f" X({' '.join(head.split())}, {item.name}, ({parameters}))")
    return (
        '#line 1 "vmemcheck/functions"\n#define VMC_KERNEL_FUNCTIONS(X)'
        + "".join(f" \\\n{line}" for line in lines)
        + "\n"
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """The texts of the two parts of a program. The machine's does not change with the lines of a C file."""

    kernel: str
    machine: str


def parts_of(text: str) -> Parts | None:
    """Return the parts of the text of a program; None where it can only be compiled as a whole.

    That is so where a header has a variable: each part would have its own.
    """
    if not all(text.count(f"\n{marker}\n") == text.count(marker) == 1 for marker in (BEGIN_CODE, BEGIN_MACHINE)):
        return None
    head, _, rest = text.partition(BEGIN_CODE)
    code, _, machine = rest.partition(BEGIN_MACHINE)
    bad = _with_variable(head + code)
    shared = []
    for file, chunk in _chunks(code):
        said = _NO_CODE.sub(" ", chunk.partition("\n")[2]).strip()
        if said.startswith("#"):  # macros that stay in their place
            shared.append(chunk)
        elif file.endswith(".h"):
            if not _is_without_variable(said, bad):
                return None
            shared.append(chunk)
    kernel = "".join((head, code, _EXPORTED))
    return Parts(kernel, _OF_C_FILE.sub(r"#line 1 \1", "".join((head, *shared, _IMPORTED))) + machine)


def _is_without_variable(code: str, bad: Set[str]) -> bool:
    """Tell whether a piece of a header is a function, or makes some, and has no variable that stays.

    :param bad: macros that have one. What is neither static nor a function is told by the linker, if it is there twice.
    """
    if _DECLARED.fullmatch(code):
        return True
    head, opened, _ = code.partition("{")
    is_function = bool(opened) and "=" not in head and head.rstrip().endswith(")")
    if not is_function and not _INVOCATION.fullmatch(code):
        return False
    return not _has_variable(code) and bad.isdisjoint(_WORD.findall(code))


def _with_variable(text: str) -> frozenset[str]:
    """Return the macros that make a static variable, and those that use one of these."""
    users: dict[str, list[str]] = {}
    ready: list[str] = []
    for name, body in _MACRO.findall(_NO_CODE.sub(" ", text)):
        words = set(_WORD.findall(body))
        for word in words:
            users.setdefault(word, []).append(name)
        if "static" in words and _has_variable(body.replace("\\\n", " ")):
            ready.append(name)
    found = set(ready)
    while ready:
        new = set(users.get(ready.pop(), ())) - found
        found |= new
        ready += new
    return frozenset(found)


def _has_variable(code: str) -> bool:
    """Tell whether something static is there that is no function with its body."""
    return any(_FUNCTION.match(code, static.end()) is None for static in _STATIC.finditer(code))


def _chunks(code: str) -> Iterator[tuple[str, str]]:
    """Yield what begins with each #line, with the file that it names."""
    starts = list(_CHUNK.finditer(code))
    ends = [*(start.start() for start in starts[1:]), len(code)]
    for start, end in zip(starts, ends, strict=False):
        yield start[1], code[start.start() : end]
