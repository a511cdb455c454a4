# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program does in the sequences of a search, by digests that are kept: a base is compared with many patches."""

import contextlib
import hashlib
from typing import Protocol, Self

from vmemcheck.check import Job, machine_of
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.cache import cache_folder, keep_newest, write_whole
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.makers import sources_digest
from vmemcheck.kernel.protocol import DIGEST_BYTES
from vmemcheck.kernel.stored import canonical
from vmemcheck.observation import Observation
from vmemcheck.operation import Sequence

_MOST_ENTRIES = 1024


class Recording(Protocol):
    """A machine that tells what it observed by a digest."""

    @property
    def geometry(self) -> Geometry:
        """The sizes that it was built with."""

    def digest(self, sequence: Sequence) -> object:
        """Run the operations; return a digest of what each step did, of which addresses of the program are a part."""

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        """Run the operations; return what was observed."""


class Recorded:
    """The machine of a job; it is started only for what is not known of it.

    Digests are asked for in the order of ``random_sequences()`` with the scope and the seed of the job. A file that is
    damaged has digests that no machine gives: then what was observed is compared.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        decides = (job.text, job.cell.geometry, job.traits, job.scope, job.seed, sources_digest(), compiler_version())
        self._path = cache_folder("recorded") / hashlib.sha256(canonical(decides).encode()).hexdigest()[:40]
        self._known: list[bytes] = []
        self._asked = self._kept = 0
        self._machine: KernelMachine | None = None

    @property
    def geometry(self) -> Geometry:
        """The sizes that it was built with."""
        return self._job.cell.geometry

    def digest(self, sequence: Sequence) -> bytes:
        """Return the digest of the next sequence of the search."""
        self._asked += 1
        if self._asked > len(self._known):
            self._known.append(self._started().digest(sequence))
        return self._known[self._asked - 1]

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        """Run any operations; return what was observed."""
        return self._started().run(sequence)

    def _started(self) -> KernelMachine:
        if self._machine is None:
            self._machine = machine_of(self._job)
        return self._machine

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):
            data = self._path.read_bytes()
            keep_newest(self._path, _MOST_ENTRIES)
            whole = range(len(data) // DIGEST_BYTES)
            self._known = [data[number * DIGEST_BYTES :][:DIGEST_BYTES] for number in whole]
        self._kept = len(self._known)
        return self

    def __exit__(self, *_: object) -> None:
        if self._machine is not None:
            self._machine.close()
        if len(self._known) > self._kept:
            with contextlib.suppress(OSError):
                write_whole(self._path, b"".join(self._known))
                keep_newest(self._path, _MOST_ENTRIES)
