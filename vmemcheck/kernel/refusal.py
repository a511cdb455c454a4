# SPDX-License-Identifier: GPL-2.0-or-later
"""What the compiler and the linker object to in a slice, told apart and explained. Nothing is compiled here."""

import re
from collections.abc import Iterable, Iterator

from vmemcheck.errors import BuildError, ShimGapError, VmemcheckError
from vmemcheck.kernel.instrument import kernel_names

_GAP = (
    re.compile(r"undefined reference to `(\w+)'"),
    re.compile(r"error: implicit declaration of function '(\w+)'"),
    re.compile(r"error: '(\w+)' undeclared"),
)
_IN_FUNCTION = re.compile(r"[iI]n function [`'](\w+)")
_PLACE = re.compile(r"^(?:\S*ld: )?/*([\w./-]+\.[chS]):(\d+)")
_NOT_STATIC = re.compile(r"ld: cannot find (-l(?:c|gcc|gcc_eh|gcov))\b")
_TOO_SMALL = re.compile(r"size of array 'vmc_padding' is negative|size '[^']*' of array 'vmc_padding'")


def refusal(name: str, message: str) -> VmemcheckError:
    """Return the error that a message of the compiler or the linker stands for.

    A name that nobody has is a gap of the shim, everything else is an error at the kernel's own line.

    :param name: of the tree and the target
    """
    # The compiler speaks of a function before it says what is wrong in it.
    message = kernel_names(message)
    lines = message.splitlines()
    if _TOO_SMALL.search(message):
        return BuildError(
            f"{name}: struct page of this tree is larger than the size that was asked for",
            where="include/linux/mm_types.h: struct page",
            to_fix="ask for a size that 'vmemcheck facts' shows, or a larger one",
        )
    absent = _NOT_STATIC.search(message)
    if absent:
        return BuildError(
            f"{name}: the program cannot be linked statically: there is no {absent[1]} for it",
            where="it is confined from its first instruction on, so it loads no shared library",
            to_fix="install the static C library: libc6-dev on Debian, glibc-static on Fedora",
        )
    gaps = _gaps(lines)
    if gaps:
        verb = "is" if len(gaps) == 1 else "are"
        return ShimGapError(
            f"{name}: the slice needs {', '.join(gaps)}, which {verb} in no sliced file and not in the shim",
            where="\n           ".join(
                f"{'' if len(gaps) == 1 else f'{gap} '}used by {user}" for gap, user in gaps.items()
            ),
            to_fix="add it to vmemcheck/shim/stubs.h if it has no effect on vmemmap, to custom.h if the check must see"
            " it; if the tree itself defines it nowhere, correct the tree there",
        )
    errors = list(_errors(lines))
    return BuildError(
        f"{name}: the sliced code does not compile",
        where="\n           ".join(errors[:5]) or "no message",
        to_fix="the file and line are the kernel's: correct them there; if the kernel itself compiles, the slicer or"
        " the shim lacks something ('vmemcheck slice' shows what was taken)",
    )


def _gaps(lines: Iterable[str]) -> dict[str, str]:
    """Return each name that nobody has, and the first place that uses it."""
    gaps: dict[str, str] = {}
    function = ""
    for line in lines:
        function = (_IN_FUNCTION.search(line) or [function, function])[1]
        for pattern in _GAP:
            found = pattern.search(line)
            if found:
                place = _PLACE.match(line)
                gaps.setdefault(found[1], f"{place[1] if place else 'the slice'}: {function}()")
    return gaps


def _errors(lines: Iterable[str]) -> Iterator[str]:
    function = ""
    for line in lines:
        found = _IN_FUNCTION.search(line)
        if found:
            function = f" (in {found[1]}())"
        elif "error:" in line or "Error:" in line:
            yield line.lstrip("/") + function
