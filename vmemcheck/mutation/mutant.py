# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutants as data: what is changed, where, and by which operator. Nothing is parsed, built or run here."""

import enum
from dataclasses import dataclass


class Operator(enum.Enum):
    """The kinds of small mistakes that are made on purpose."""

    DROP_STATEMENT = "drop statement"
    NEGATE = "negate condition"
    OFF_BY_ONE = "off by one"
    SWAP = "swap arguments"
    DROP_CALL = "drop call"
    DROP_FLAG = "drop flag"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to one function.

    :param number: in the program that holds all mutants, from 1 up
    :param file: of the kernel, relative to the tree
    :param text: what is changed, in the words of the kernel's code
    :param calls: functions and macros in whose arguments it is, or that it drops; the innermost first
    """

    number: int
    operator: Operator
    function: str
    file: str
    line: int
    text: str
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wrap:
    """Text that is put around a part of the code.

    :param start: offset of the part
    :param end: offset behind it
    """

    start: int
    end: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A mutant that has no number yet.

    :param at: offset of the changed part
    :param wraps: what makes it; ``THIS`` in their text stands for "this mutant is chosen"
    """

    operator: Operator
    function: str
    at: int
    text: str
    calls: tuple[str, ...]
    wraps: tuple[Wrap, ...]


THIS = "VMC_THIS"
