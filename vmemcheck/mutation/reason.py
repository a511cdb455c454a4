# SPDX-License-Identifier: GPL-2.0-or-later
"""The type of a reason why a mutant that nothing kills need not be killed, or cannot be."""

from dataclasses import dataclass, field

from vmemcheck.mutation.mutant import Mutant, Operator


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Where:
    """Which mutants a reason is about: those that fit everything that is given.

    :param calls: it drops a call of one of these, or is in the arguments of one
    :param functions: it is in one of these
    :param words: its text starts with one of these
    :param operators: it is made by one of these
    :param texts: its text is one of these
    :param is_unreached: no sequence gets to it
    :param arches: the tree is sliced for one of these
    """

    calls: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    operators: frozenset[Operator] = field(default_factory=frozenset)
    texts: frozenset[str] = frozenset()
    is_unreached: bool = False
    arches: frozenset[str] = frozenset()

    def fits(self, mutant: Mutant, arch: str, *, is_reached: bool) -> bool:
        """Tell whether a mutant fits.

        :param arch: the folder below ``arch/``
        :param is_reached: some sequence gets to it
        """
        return not (self.is_unreached and is_reached) and (
            (not self.calls or not self.calls.isdisjoint(mutant.calls))
            and (not self.functions or mutant.function in self.functions)
            and (not self.words or mutant.text.split("=")[0].split("+")[0].strip(" !") in self.words)
            and (not self.operators or mutant.operator in self.operators)
            and (not self.texts or mutant.text in self.texts)
            and (not self.arches or arch in self.arches)
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason.

    :param says: why, for the report
    :param is_equivalent: the kernel does the same; else it does not, and the machine cannot tell
    :param where: a mutant must fit one of these
    """

    name: str
    says: str
    is_equivalent: bool
    where: tuple[Where, ...]

    def fits(self, mutant: Mutant, arch: str, *, is_reached: bool) -> bool:
        """Tell whether it is about a mutant; see ``Where.fits()``."""
        return any(where.fits(mutant, arch, is_reached=is_reached) for where in self.where)
