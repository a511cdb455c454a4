# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes the things in the cache: with other sources, what they made before is not taken for what they make."""

import functools
import hashlib
from pathlib import Path

import vmemcheck

# Links in a checkout, folders once it is installed. They make no results.
_LEFT_OUT = {"properties", "reports", "strategies"}


@functools.cache
def sources_digest(*parts: str) -> str:
    """Return a digest of the Python sources of this package, or of a folder below it. The shim's C is not in it.

    It is the same wherever, and however, the same sources are installed.
    """
    top = Path(vmemcheck.__file__).parent
    names = {path.relative_to(top).as_posix() for path in top.joinpath(*parts).rglob("*.py")}
    digest = hashlib.sha256()
    for name in sorted(names):
        if name.partition("/")[0] not in _LEFT_OUT:
            digest.update(f"{name}\n{hashlib.sha256((top / name).read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
