# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program does in the sequences of a search, by digests that are kept: a base is compared with many patches."""

import contextlib
import hashlib
import itertools
import struct
import zlib
from collections.abc import Iterator
from typing import Protocol, Self

from vmemcheck.bulk import random_sequences
from vmemcheck.check import Job, machine_of
from vmemcheck.kernel.cache import cache_folder, keep_newest, write_whole
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.makers import sources_digest
from vmemcheck.kernel.protocol import DIGEST_BYTES
from vmemcheck.kernel.stored import canonical
from vmemcheck.observation import Observation
from vmemcheck.operation import Sequence

_MOST_ENTRIES = 1024
_HEAD = struct.Struct(f"<{DIGEST_BYTES}sI")


class Recording(Protocol):
    """A machine that tells what it observed by a digest."""

    def request(self, sequence: Sequence) -> bytes:
        """Return what to ask for to run a sequence."""

    def digest(self, request: bytes) -> bytes:
        """Run a sequence; return a digest of what each step did, of which addresses of the program are a part."""

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        """Run the operations; return what was observed."""


class Recorded:
    """The machine of a job; it is started only for what is not known of it.

    A file that is damaged holds no digests, or some that no machine gives: then what was observed is compared.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        search = (job.cell.geometry, job.traits, job.scope, job.seed)
        decides = canonical((job.text, job.variant.name, *search, sources_digest(), compiler_version()))
        self._path = cache_folder("recorded") / hashlib.sha256(decides.encode()).hexdigest()[:40]
        self._answers: list[tuple[bytes, bytes]] = []
        self._kept = 0
        self._machine: KernelMachine | None = None

    def answers(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the request for each sequence of the search, and the digest of what was done."""
        yield from self._answers[: self._job.examples]
        for sequence in itertools.islice(self.sequences(), len(self._answers), None):
            request = self._started().request(sequence)
            self._answers.append((request, self._started().digest(request)))
            yield self._answers[-1]

    def sequences(self) -> Iterator[Sequence]:
        """Yield the sequences of the search."""
        job = self._job
        return random_sequences(job.cell.geometry, job.scope, job.examples, job.seed)

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        """Run any operations; return what was observed."""
        return self._started().run(sequence)

    def _started(self) -> KernelMachine:
        if self._machine is None:
            self._machine = machine_of(self._job)
        return self._machine

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError, zlib.error):
            self._answers = list(_unpacked(zlib.decompress(self._path.read_bytes())))
            keep_newest(self._path, _MOST_ENTRIES)
        self._kept = len(self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        if self._machine is not None:
            self._machine.close()
        if len(self._answers) > self._kept:
            packed = b"".join(_HEAD.pack(digest, len(request)) + request for request, digest in self._answers)
            with contextlib.suppress(OSError):
                write_whole(self._path, zlib.compress(packed, level=1))
                keep_newest(self._path, _MOST_ENTRIES)


def _unpacked(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + _HEAD.size <= len(data):
        digest, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size + length
        if at <= len(data):
            yield data[at - length : at], digest
