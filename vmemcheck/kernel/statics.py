# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own variables in a program: what its code remembers outside of the vmemmap.

Only where they are and what they are called; what is in them is a part of the state that
vmemcheck/shim/canonical.c makes a number of.
"""

from dataclasses import dataclass
from functools import lru_cache

from vmemcheck.errors import ExecutorError
from vmemcheck.kernel.build import NAMES, Program, symbols

_PRINTED = "arch/x86/mm/init_64.c: vmemmap_populate_print_last(): only printed"
NOT_TOLD_APART = dict.fromkeys(("addr_start", "addr_end", "p_start", "p_end", "node_start"), _PRINTED)
"""Variables that have no effect but on messages, each with the place that shows it."""
_OWN = "vmc_"
_TYPES = frozenset("bBdD")
_MOST = 256


@dataclass(frozen=True, slots=True)
class Static:
    """A variable.

    :param start: address in the program
    """

    name: str
    start: int
    size_bytes: int


@lru_cache(maxsize=64)
def max_folio_order_of(program: Program) -> int:
    """Return the size of vmc_max_folio_order[] in vmemcheck/shim/doors.c: the tree's macro, as the compiler read it."""
    return next(int(words[3], 16) for words in _own(program) if words[0] == "vmc_max_folio_order")


@lru_cache(maxsize=64)
def statics_of(program: Program) -> tuple[Static, ...]:
    """Return the kernel's variables that are a part of the state, by address.

    :raises BuildError: when binutils is not installed
    :raises ExecutorError: when there are more than a program can be told of
    """
    found = []
    own = {(words[0], words[3]) for words in _own(program) if len(words) == 4}
    for words in symbols(program.path, "--defined-only", "--numeric-sort"):
        # What the linker itself puts there has no size.
        if len(words) == 4 and (words[0], words[3]) in own and words[1] in _TYPES and not words[0].startswith(_OWN):
            name = words[0].partition(".")[0]
            if name not in NOT_TOLD_APART:
                found.append(Static(name, int(words[2], 16), int(words[3], 16)))
    if len(found) > _MOST:
        raise ExecutorError(
            f"{program.name}: the kernel's code has {len(found)} variables, more than {_MOST}",
            to_fix="raise VMC_MOST_SPANS in vmemcheck/shim/canonical.c and _MOST in vmemcheck/kernel/statics.py",
        )
    return tuple(found)


def _own(program: Program) -> list[list[str]]:
    """Return the symbols of the slice and the shim, without those of the C library."""
    return [line.split() for line in program.path.with_name(NAMES).read_text().splitlines()]
