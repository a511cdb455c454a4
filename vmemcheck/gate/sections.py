# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines that put code or data where a kernel frees it after boot, or keeps it from being written.

Here nothing is freed, so what is called later is not found out: that is what modpost warns of (section mismatch).
"""

import re
from collections import Counter

from vmemcheck.gate.definitions import Definitions
from vmemcheck.patch.comments import code_lines

_MARK = re.compile(
    rb"\b(?:__(?:init|exit|ref)(?:data|const)?(?:_or_module)?|__ro_after_init)\b|\b(?:__)?section(?:__)?\s*\("
)
_BOOT = re.compile(rb"\b__(?:init|exit)\b")
_DATA = re.compile(rb"(\w+)\s*(?:\[[^\]]*\]\s*)*__(?:init|exit)(?:data|const)\b")


def placed_elsewhere(definitions: Definitions, before: bytes | None, after: bytes) -> frozenset[int]:
    """Return the indices of the lines with a mark of which the file has more than before.

    What only code of the boot uses in the same file may be a part of it, and is left out.
    """
    if not _MARK.search(after):
        return frozenset()
    code = definitions.code
    old, new = _marks(code_lines(before or b"")), _marks(code)
    more = {mark for mark, count in new.items() if count > old[mark]}
    found = {index for index, line in enumerate(code) if more.intersection(_marks([line]))}
    return frozenset(index for index in found if not _is_for_boot(definitions, index))


def _marks(code: list[bytes]) -> Counter[bytes]:
    return Counter(re.sub(rb"\s", b"", mark) for line in code for mark in _MARK.findall(line))


def _is_for_boot(definitions: Definitions, index: int) -> bool:
    """Tell whether a line begins what is static, and what all uses of it stand in is freed as well."""
    code = definitions.code
    if not code[index].startswith(b"static"):
        return False
    data = _DATA.search(code[index])
    if not data and not _BOOT.search(code[index]):
        return False
    names = frozenset((data[1].decode(),)) if data else definitions.at(index)
    word = re.compile(rb"\b(?:" + b"|".join(re.escape(name.encode()) for name in names) + rb")\b") if names else None
    if word is None:
        return False
    users = [
        definitions.at(at)
        for at, line in enumerate(code)
        if at != index and word.search(line) and (data or definitions.at(at).isdisjoint(names))
    ]
    booting = frozenset().union(*(definitions.at(at) for at, line in enumerate(code) if _BOOT.search(line)))
    return bool(users) and all(not each.isdisjoint(booting) for each in users)
