# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes the things in the cache: with other sources, what they made before is not taken for what they make."""

import functools
import hashlib
from pathlib import Path

import vmemcheck


@functools.cache
def sources_digest(*parts: str) -> str:
    """Return a digest of the Python sources of this package, or of a folder below it. The shim's C is not in it."""
    digest = hashlib.sha256()
    for path in sorted(Path(vmemcheck.__file__).parent.joinpath(*parts).rglob("*.py")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
