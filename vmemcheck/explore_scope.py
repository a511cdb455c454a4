# SPDX-License-Identifier: GPL-2.0-or-later
"""The scope of an exhaustive search: how it is written, how small its geometry is, and what may be tried in it.

Only what is to be visited; the visiting is ``vmemcheck.explore``.
"""

from dataclasses import dataclass, replace

from vmemcheck import scope as scopes
from vmemcheck.errors import UsageError
from vmemcheck.explore import Rules, by_interest
from vmemcheck.geometry import Geometry
from vmemcheck.operation import Initialise, Remove
from vmemcheck.scope import Scope

_FLAGS = ("boot", "faults", "fallback", "altmaps", "compound", "pairs", "private", "refusals")
_OTHER_FLAGS = ("uninitialised", "free-memory")
_NUMBERS = {"sections": (1, 4), "devices": (1, 64), "entries": (8, 4096), "subsections": (1, 64)}
_PLAIN = Scope(
    boot=False, faults=False, fallback=False, altmaps=False, compound=False, pairs=False, private=False, refusals=False
)


@dataclass(frozen=True, slots=True)
class ExploreScope:
    """What is visited, and how it is scaled.

    :param devices: device ranges that live at the same time; 0 for any number
    :param entries: entries of a page table, a power of two
    :param subsections: subsections of a section, a power of two
    :param uninitialised: other operations may come before a range is brought to life
    :param free_memory: states that differ only in free memory are different states
    """

    scope: Scope = _PLAIN
    devices: int = 0
    entries: int = 32
    subsections: int = 4
    uninitialised: bool = False
    free_memory: bool = False

    def geometry(self, native: Geometry) -> Geometry:
        """Return the scaled geometry that stands for one at full size.

        With 64K pages dozens of subsections share one page of the vmemmap, and no two sections do. So that this stays
        so with few subsections, they are larger there: a page is shared by two of them.
        """
        subsection_shift = native.subsection_shift
        while native.struct_page_bytes << (subsection_shift - native.page_shift + 1) < native.page_bytes:
            subsection_shift += 1
        return replace(
            native,
            table_shift=self.entries.bit_length() - 1,
            section_shift=subsection_shift + self.subsections.bit_length() - 1,
            subsection_shift=subsection_shift,
            memory_block_shift=0,
        )

    def rules(self, geometry: Geometry) -> Rules:
        """Return what may be tried."""
        table = [one for one in scopes.operations(geometry, self.scope) if not isinstance(one, Remove | Initialise)]
        return Rules(tuple(sorted(table, key=by_interest)), self.devices, self.uninitialised)


def parse(text: str, subsections: int = 4) -> ExploreScope:
    """Read ``sections=2,devices=2,altmaps``; what is not named is as in ``ExploreScope()``.

    :param subsections: of a section, where the text does not say
    :raises UsageError: when a word is not known, or a number makes no sense
    """
    found: dict[str, int] = {"subsections": subsections}
    flags: set[str] = set()
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, is_number, number = word.partition("=")
        if is_number and name in _NUMBERS:
            found[name] = _number(name, number)
        elif not is_number and name in (*_FLAGS, *_OTHER_FLAGS):
            flags.add(name)
        else:
            numbers = ", ".join(f"{one}=N" for one in _NUMBERS)
            raise UsageError(
                f"--scope: {word[:40]!r} is not known", to_fix=f"use {numbers}, {', '.join((*_FLAGS, *_OTHER_FLAGS))}"
            )
    sections = found.pop("sections", _PLAIN.sections)
    chosen = replace(_PLAIN, sections=sections, **dict.fromkeys(flags & {*_FLAGS}, True))
    return ExploreScope(chosen, uninitialised="uninitialised" in flags, free_memory="free-memory" in flags, **found)


def _number(name: str, text: str) -> int:
    least, most = _NUMBERS[name]
    number = int(text) if text.isdecimal() and len(text) < 6 else -1
    if not least <= number <= most:
        raise UsageError(f"--scope: {name}={text[:20]}", to_fix=f"use a number from {least} to {most}")
    if name in ("entries", "subsections") and number & (number - 1):
        raise UsageError(f"--scope: {name}={number}", to_fix="use a power of two")
    return number
