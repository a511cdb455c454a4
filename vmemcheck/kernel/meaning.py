# SPDX-License-Identifier: GPL-2.0-or-later
"""How the words of a text are read: which macros are attributes, open a type, or take parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """The macros of a text that decide how its words are read.

    :param attributes: macros that are nothing but attributes -> whether they take arguments
    :param types: macros that open a type
    :param functions: macros with parameters
    """

    attributes: Mapping[str, bool]
    types: frozenset[bytes]
    functions: frozenset[bytes]
    _differences: dict["Meaning", frozenset[bytes]] = field(default_factory=dict)

    def difference(self, other: "Meaning") -> frozenset[bytes]:
        """Return the words that mean another kind of macro in the other text, or none."""
        if other is self:
            return frozenset()
        if other not in self._differences:
            attributes = {name.encode() for name, _ in self.attributes.items() ^ other.attributes.items()}
            self._differences[other] = (self.types ^ other.types) | (self.functions ^ other.functions) | attributes
        return self._differences[other]
