# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of a program, read back: which lines of the kernel are in it, and whether two programs say the same."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from vmemcheck.patch.comments import without_comments

_PIECE = re.compile(r'#line (\d+) "([^"]*)"')
_MARKER = re.compile(r'# (\d+) "([^"]*)"')
_DEFINE = re.compile(r"\s*#\s*define\s+(\w+)")
_STUB = re.compile(r"\s*#\s*define\s+(\w+)\(|static inline [\w *]*?(\w+)\(")
_SHIM = "vmemcheck/"
_STUBS = f"{_SHIM}shim/stubs.h"
_WATCHED = frozenset(f"{_SHIM}shim/{name}.h" for name in ("custom", "hotplug", "devices"))
_INSTRUCTIONS = f"{_SHIM}shim/instructions.h"
_DEFINING = _WATCHED | {_STUBS, _INSTRUCTIONS}
_NO_EFFECT = re.compile(r"\)\s*\(\(void\)")
_AROUND = frozenset(f"{_SHIM}shim/{name}.h" for name in ("hotplug", "devices"))
_LEFT_OUT = re.compile(
    r"\s*#\s*define\s+(\w+)(?:\([^)]*\))?\s+"
    r"(?:0(?:UL)?|\(\([\w ]+\*\)0\)|\(\(void\)(?:0|\(\w+\))(?:, \(void\)\(\w+\))*\))\s*"
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_PLACE = re.compile(rb'#(?:line)? \d+ "')


class SlicedLine(NamedTuple):  # a tuple, since a text has tens of thousands of them
    """A line of the kernel in the text of a program.

    :param code: without comments
    :param macro: name of the macro in whose definition it stands, or nothing
    :param piece: number of the definition or declaration that it is a part of
    """

    code: str
    macro: str
    piece: int


@dataclass(frozen=True, slots=True)
class SlicedText:
    """The kernel's lines of a program.

    :param lines: file -> line -> what stands there
    :param spans: file -> first and last line of each definition, as far as it is in the text
    :param stubs: names that the simulated machine defines, since they have no effect on the vmemmap
    :param watched: those that it defines, since it must see what is done, or does it in C
    :param left_out: those around hotplug and device memory that do nothing here, and something in a kernel
    """

    lines: Mapping[str, Mapping[int, SlicedLine]]
    spans: Mapping[str, tuple[tuple[int, int], ...]]
    stubs: frozenset[str] = frozenset()
    watched: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()

    def replaced(self) -> frozenset[str]:
        """Return the names that the kernel's lines use and the simulated machine has instead, with an effect."""
        codes = (line.code for lines in self.lines.values() for line in lines.values())
        return self.watched & {word for code in codes for word in _WORD.findall(code)}


def same_program(one: str, other: str) -> bool:
    """Tell whether two programs differ in comments, spaces and the numbers of lines at most."""
    return one == other or list(_statements(one)) == list(_statements(other))


def _statements(text: str) -> Iterator[str]:
    for line in without_comments(text.encode("utf-8", "surrogateescape")).split(b"\n"):
        # Spaces in a literal are a part of it.
        stripped = line.strip() if b'"' in line or b"'" in line else b" ".join(line.split())
        if stripped and not _PLACE.match(stripped):
            yield stripped.decode("utf-8", "surrogateescape")


def sliced_text(text: str) -> SlicedText:
    """Return the kernel's lines of a program."""
    clean = without_comments(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape").split("\n")
    lines: dict[str, dict[int, SlicedLine]] = {}
    spans: dict[str, dict[int, tuple[int, int]]] = {}
    stubs: set[str] = set()
    watched: set[str] = set()
    left_out: set[str] = set()
    file, number, piece, macro, goes_on = "", 0, 0, "", False
    for raw in clean:
        marker = (_PIECE.match(raw) or _MARKER.match(raw)) if raw.startswith("#") else None
        if marker:
            number, file = int(marker[1]), marker[2]
            piece += raw.startswith("#line")
            continue
        if not file or file.startswith((_SHIM, "<")):
            stub = _STUB.match(raw) if file in _DEFINING else None
            if stub and (file not in _WATCHED or not _NO_EFFECT.search(raw)):
                (stubs if file == _STUBS else watched).add(stub[1] or stub[2])
            if file in _AROUND and (nothing := _LEFT_OUT.fullmatch(raw)):
                left_out.add(nothing[1])
            continue
        code = raw.strip()
        opened = _DEFINE.match(code) if code.startswith("#") else None
        macro = opened[1] if opened else macro if goes_on else ""
        goes_on = code.endswith("\\")
        if code:
            lines.setdefault(file, {})[number] = SlicedLine(code, macro, piece)
            first, _ = spans.setdefault(file, {}).get(piece, (number, number))
            spans[file][piece] = (first, number)
        number += 1
    shown = {name: tuple(found.values()) for name, found in spans.items()}
    return SlicedText(lines, shown, frozenset(stubs), frozenset(watched), frozenset(left_out))
