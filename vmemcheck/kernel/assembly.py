# SPDX-License-Identifier: GPL-2.0-or-later
"""What the compiler made of sliced code, before it is a program: it must not run by itself, or read files.

The kernel's assembler is for another machine or for another mode of this one; what the check runs has none. So
assembler in a slice is a gap of the shim, or hostile. That it can do no harm is for vmemcheck.kernel.confinement.
"""

import re
from collections.abc import Iterator

from vmemcheck.errors import BuildError
from vmemcheck.kernel.locate import SHIM

_BLOCK = re.compile(r"^#APP\n(.*?)^#NO_APP\n", re.MULTILINE | re.DOTALL)
_MARKER = re.compile(r'# (\d+) "([^"\n]*)" 1')
_END_OF_MARKER = '# 0 "" 2'
# What the compiler itself writes between two pieces of inline assembly.
_OWN = re.compile(r"\s*(?:\.loc\s.*|\.cfi_\w+.*|\.L\w+:)?")
_READS_FILES = re.compile(r"^(?!\s*\.(?:string|ascii)).*?(?:^|[\s;:])(\.incbin|\.include)\b", re.MULTILINE)
_AT_START = re.compile(
    r"^\s*\.section\s+\"?(\.(?:init|fini|(?:preinit|init|fini)_array|[cd]tors)(?:\.\d+)?)(?:[\",\s]|$)", re.MULTILINE
)


def inspect(text: str, name: str, *, may_start: bool = False) -> None:
    """Look at the assembler text of a machine.

    :param name: of the tree and the target, for messages
    :param may_start: functions may run before ``main()``, as a sanitizer's do
    :raises BuildError: when sliced code has inline assembly, or would do something by itself
    """
    for place, body in _blocks(text):
        raise BuildError(
            f"{name}: the sliced code has inline assembly, which is not run: {body[:60]!r}",
            where=place,
            to_fix="if it has no effect on the vmemmap, name the macro or function around it in vmemcheck/shim/stubs.h",
        )
    found = _READS_FILES.search(text)
    if found:
        raise _by_itself(name, f"reads a file while it is compiled: {found[1]}", found[0])
    found = None if may_start else _AT_START.search(text)
    if found:
        raise _by_itself(name, f"runs functions before the machine starts: section {found[1]}", found[0])


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each piece of inline assembly that is not the shim's and not empty.

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
            elif not place.startswith(SHIM) and not (line.isspace() or _OWN.fullmatch(line)):
                yield place, line.strip()
        if place or not closed:
            yield place, block.strip()


def _by_itself(name: str, what: str, line: str) -> BuildError:
    return BuildError(
        f"{name}: the sliced code {what}",
        where=f"the compiler's output: {' '.join(line.split())[:100]}",
        to_fix="no kernel function does; look at what the tree or the patch adds as attribute, section or assembly",
    )
