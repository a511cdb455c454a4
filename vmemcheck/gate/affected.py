# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files a series touches that the code for an architecture is made of.

First by their names, and what headers the files of a tree name, which takes no time; then by what was really read.
"""

import os
import re
from collections.abc import Iterable, Set

from vmemcheck.arches import ARCHES
from vmemcheck.gate.included import Includes
from vmemcheck.kernel.scope import may_define
from vmemcheck.kernel.shim import has_shim
from vmemcheck.kernel.watched import Seen

_ARCH = re.compile(r"arch/([^/]+)/")
_HEADER = re.compile(r"(?:include|mm|lib|kernel)/.*\.h|scripts/dtc/libfdt/.*\.h|kernel/bounds\.c")
KCONFIG = re.compile(r"(?:.*/)?Kconfig[^/]*")
MAKEFILE = re.compile(r"(?:.*/)?(?:Makefile|Kbuild)")
_TOOLS = re.compile(r"arch/[^/]+/tools/.*")


def may_be_read(name: str, arch: str) -> bool:
    """Tell whether a file, by its name, can be a part of what is run for an architecture.

    :param arch: the folder below ``arch/``
    """
    inside = _ARCH.match(name)
    if inside and inside[1] != arch:
        return False
    if KCONFIG.fullmatch(name):
        return True
    if inside:
        rest = name[inside.end() :]
        return rest.endswith(".h") or rest == "mm/Makefile" or rest.startswith("tools/") or may_define(name, arch)
    return bool(_HEADER.fullmatch(name)) or name == "mm/Makefile" or may_define(name, arch)


def may_be_c(name: str) -> bool:
    """Tell whether a file that is read can be C: that can include what it likes, whatever the name."""
    return not any(pattern.fullmatch(name) for pattern in (KCONFIG, MAKEFILE, _TOOLS))


def concerns(includes: Includes, names: Iterable[str], arch: str) -> tuple[str, ...]:
    """Return those of the names that can be a part of what is run for an architecture.

    Headers alone are none where nothing that is run can include one of them.

    :param arch: the folder below ``arch/``
    """
    found = tuple(name for name in names if may_be_read(name, arch))
    if not found or not all(name.endswith(".h") for name in found):
        return found
    headers = includes.of(arch)
    return found if headers is None or not headers.isdisjoint(found) else ()


def why_not(names: Iterable[str]) -> str:
    """Return why a series has nothing to do with what is run."""
    folders = {found[1] for name in names if (found := _ARCH.match(name))}
    lacking = [one.alias for one in ARCHES if one.alias in folders and not has_shim(one.alias)]
    if lacking:
        return f"{', '.join(lacking)} cannot be run here yet, and nothing else is made of the files that it changes"
    return "nothing of what is run is made of the files that it changes"


def read_names(names: Iterable[str], seen: Seen) -> tuple[str, ...]:
    """Return those of the names that were read, or that would have been if they had been there.

    :param names: that may be read
    """
    # As the compiler says them: arch/riscv/mm/../kernel/head.h
    files = {os.path.normpath(name) for name in seen.files}
    return tuple(name for name in names if _is_seen(name, files, seen))


def _is_seen(name: str, files: Set[str], seen: Seen) -> bool:
    folder, _, file = name.rpartition("/")
    if name in files or name in seen.present or file in seen.absent.get(folder, ()):
        return True
    for listing in seen.listings:
        top, prefix, suffix = listing.split(":")
        if name.startswith(f"{top}/") and file.startswith(prefix) and file.endswith(suffix):
            return True
    return False
