# SPDX-License-Identifier: GPL-2.0-or-later
"""How a program is compiled, by what it is for."""

import enum


class Variant(enum.Enum):
    """How a program is compiled."""

    FAST = (
        "-Og",
        "-finline-small-functions",
        # Not to begin in the middle of a cache line makes functions as small as these a fortieth faster.
        "-falign-functions=64",
        # They take a twentieth of the time to compile, and the program is no faster for them.
        "-fno-forward-propagate",
        "-fno-cprop-registers",
        "-fno-rerun-cse-after-loop",
        # These take next to no time, and make it a thirtieth faster.
        "-ftree-sra",
        "-fipa-ra",
        "-fcaller-saves",
        "-fmove-loop-invariants",
        "-DVMC_CONFINED",
    )
    """Two thirds of the time to compile of -O1, and nine tenths of the speed. Functions that are called once stay
    their own: a loop that never ends has no line at times, and then at least its function is told."""
    EXPLORING = (*FAST, "-DVMC_EXPLORES=1")
    """The same, and it can answer an exhaustive search."""
    CHECKED = (
        "-O1",
        "-DVMC_CHECKED",
        "-fsanitize=address,bounds,shift",
        "-fsanitize-recover=address",
        "-fsanitize-undefined-trap-on-error",
    )
    """With the address and undefined-behaviour sanitizers: for the tests, on trees that are trusted.

    What a sanitizer needs is not taken from the program: it calls what it likes, runs before ``main()``, and is linked
    with the C library.
    """
    PARTS = (*FAST, "-DVMC_PARTS")
    """The same in two parts, see vmemcheck.kernel.parts: quickly built again after a change to a C file."""
    COVERED = (
        "-O0",
        "--coverage",
        "-fprofile-update=single",
        "-fprofile-info-section=vmc_counts",
        "-DVMC_COVERED",
        "-DVMC_CONFINED",
    )
    """Counts how often each line of the kernel's own files runs."""
    COVERED_LEAN = ("-O1", *COVERED[1:])
    """The same for code that relies on the compiler leaving out what cannot run."""
    COVERED_PARTS = (*COVERED, "-DVMC_PARTS")
    """The same as COVERED, in two parts."""
    COVERED_LEAN_PARTS = (*COVERED_LEAN, "-DVMC_PARTS")
    """The same as COVERED_LEAN, in two parts."""
    MUTANTS = ("-O2", "-DVMC_CONFINED", "-ftrivial-auto-var-init=pattern")
    """For code that was changed on purpose: a variable that is no longer set holds the same garbage in each run."""
    REACHING = (*MUTANTS, "-DVMC_MUTANTS_REACHED")
    """The same without any mutant; it notes where each of them would make a difference."""

    @property
    def counts_lines(self) -> bool:
        """Whether the program counts the lines that run."""
        return "--coverage" in self.value

    @property
    def is_in_parts(self) -> bool:
        """Whether the program is made of two parts, where that is possible."""
        return "-DVMC_PARTS" in self.value
