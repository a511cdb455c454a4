# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files a series touches that the code for an architecture is made of.

First by their names, which takes no time; then by what was really read of the tree.
"""

import re
from collections.abc import Iterable

from vmemcheck.kernel.scope import may_define
from vmemcheck.kernel.watched import Seen

_HEADER = re.compile(r"(?:include|mm|lib|kernel)/.*\.h|scripts/dtc/libfdt/.*\.h|kernel/bounds\.c")
_KCONFIG = re.compile(r"(?:.*/)?Kconfig[^/]*")
_MAKEFILE = re.compile(r"mm/Makefile")


def may_be_read(name: str, arch: str) -> bool:
    """Tell whether a file, by its name, can be a part of what is run for an architecture.

    :param arch: the folder below ``arch/``
    """
    inside = re.match(r"arch/([^/]+)/", name)
    if inside and inside[1] != arch:
        return False
    if _KCONFIG.fullmatch(name):
        return True
    if inside:
        rest = name[inside.end() :]
        return rest.endswith(".h") or rest == "mm/Makefile" or rest.startswith("tools/") or may_define(name, arch)
    return bool(_HEADER.fullmatch(name) or _MAKEFILE.fullmatch(name)) or may_define(name, arch)


def read_names(names: Iterable[str], seen: Seen) -> tuple[str, ...]:
    """Return those of the names that were read, or that would have been if they had been there.

    :param names: that may be read
    """
    return tuple(name for name in names if _is_seen(name, seen))


def _is_seen(name: str, seen: Seen) -> bool:
    folder, _, file = name.rpartition("/")
    if name in seen.files or name in seen.present or file in seen.absent.get(folder, ()):
        return True
    for listing in seen.listings:
        top, prefix, suffix = listing.split(":")
        if name.startswith(f"{top}/") and file.startswith(prefix) and file.endswith(suffix):
            return True
    return False
