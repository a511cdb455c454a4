# SPDX-License-Identifier: GPL-2.0-or-later
"""KernelMachine: the functions of one kernel tree, in a program of their own, as a ``vmemcheck.machine.Machine``."""

import hashlib
from dataclasses import dataclass
from typing import Self

from vmemcheck.by_design import ByDesign
from vmemcheck.entries import Events
from vmemcheck.errors import SequenceError
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.build import Program
from vmemcheck.kernel.decode import Decoder
from vmemcheck.kernel.decode_events import ENDLESS_LOOP
from vmemcheck.kernel.executor import MILLISECONDS, MILLISECONDS_AGAIN, Executor
from vmemcheck.kernel.locate import Locator
from vmemcheck.kernel.protocol import DIGEST_BYTES, RECORD, Record, exploration, record, request
from vmemcheck.kernel.statics import max_folio_order_of, statics_of
from vmemcheck.machine import Successor
from vmemcheck.observation import Observation, Stopped
from vmemcheck.operation import AddDevice, Sequence


@dataclass(frozen=True, slots=True)
class Traits:
    """What a tree and its architecture do not do, or do on purpose.

    :param by_design: what the architecture does on purpose although an invariant objects
    :param never_met: names of marks that the tree cannot meet
    :param boot_stays: boot memory cannot be removed
    :param counts: it keeps statistics of memmap pages
    :param devices: it has device ranges
    """

    by_design: tuple[ByDesign, ...] = ()
    never_met: frozenset[str] = frozenset()
    boot_stays: bool = False
    counts: bool = True
    devices: bool = True


class KernelMachine:
    """A vmemmap made of kernel code.

    :param program: compiled for just this geometry
    :param name: what is tested, for reports
    :param with_free: states that differ only in free memory are different states
    :param mutant: which one of those that the program holds is to run; 0 is the code as it was
    """

    def __init__(
        self,
        program: Program,
        geometry: Geometry,
        name: str,
        traits: Traits = Traits(),
        *,
        with_free: bool = False,
        mutant: int = 0,
    ) -> None:
        self._program = program
        self._with_free = with_free
        self._geometry = geometry
        self._name = name
        self._traits = traits
        # So many mutants never come back that the time counts.
        self._milliseconds = MILLISECONDS_AGAIN if mutant else MILLISECONDS
        self._executor = Executor(program, geometry.levels, mutant)
        self._locator = Locator(program.path)
        self._decoder = Decoder(self._locator, geometry, counts=traits.counts)

    @property
    def name(self) -> str:
        """What is tested."""
        return self._name

    @property
    def geometry(self) -> Geometry:
        """The sizes that it was built with."""
        return self._geometry

    @property
    def by_design(self) -> tuple[ByDesign, ...]:
        """What the architecture does on purpose although an invariant objects."""
        return self._traits.by_design

    @property
    def boot_stays(self) -> bool:
        """Whether boot memory cannot be removed."""
        return self._traits.boot_stays

    @property
    def max_folio_order(self) -> int:
        """The largest order of a compound page that the tree's memremap_pages() takes."""
        return max_folio_order_of(self._program)

    @property
    def never_met(self) -> frozenset[str]:
        """Names of marks that the tree cannot meet, because it has no such code."""
        return self._traits.never_met

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        """Run the operations in order, from an empty machine.

        :raises ExecutorError: when the program itself fails
        """
        observations = self._decoder.observations(*self._ask(sequence, details=True))
        if any(_loops(observation) for observation in observations[-1:]):
            self._milliseconds = MILLISECONDS_AGAIN
        return observations

    def records(self, sequence: Sequence) -> tuple[Record, ...]:
        """Run the operations; return the outcome and the digest of each, without details."""
        count, data = self._ask(sequence, details=False)
        return tuple(record(data, number * RECORD.size) for number in range(count))

    def request(self, sequence: Sequence) -> bytes:
        """Return what to ask the program for to run the operations in order, from an empty machine."""
        return self._request(sequence, details=False)

    def digest(self, request: bytes) -> bytes:
        """Run what is asked for; return a digest of ``DIGEST_BYTES`` of what ``records()`` returns."""
        count, data = self._executor.ask(request)
        return hashlib.blake2b(data[: count * RECORD.size], digest_size=DIGEST_BYTES).digest()

    def reached(self, sequence: Sequence) -> bytes:
        """Run the operations on a program built to note it; return which mutants they reach: 1 at each number."""
        count, data = self._ask(sequence, details=False)
        return data[count * RECORD.size :]

    def successors(self, prefix: Sequence, alternatives: Sequence, *, details: bool) -> tuple[Successor, ...]:
        """Run each of the alternatives, after the prefix and without the others."""
        if not alternatives:
            return ()
        asked = exploration(
            self._geometry,
            prefix,
            alternatives,
            [(one.start, one.size_bytes) for one in statics_of(self._program)],
            details=details,
            with_free=self._with_free,
            milliseconds=self._milliseconds,
        )
        return self._decoder.successors(*self._executor.ask(asked), details=details)

    def close(self) -> None:
        """End the machine."""
        self.end_program()
        self._locator.close()

    def end_program(self) -> None:
        """End the program; the next sequence starts it again."""
        self._executor.close()

    def _ask(self, sequence: Sequence, *, details: bool) -> tuple[int, bytes]:
        return self._executor.ask(self._request(sequence, details=details))

    def _request(self, sequence: Sequence, *, details: bool) -> bytes:
        if not self._traits.devices:
            self._check_devices(sequence)
        return request(self._geometry, sequence, details=details, milliseconds=self._milliseconds)

    def _check_devices(self, sequence: Sequence) -> None:
        """Refuse what nobody can ask of such a kernel; that it refuses a request can be asked.

        :raises SequenceError: when a device range is added
        """
        if any(isinstance(operation, AddDevice) for operation in sequence):
            raise SequenceError(
                f"{self._name} has no device ranges, and the sequence adds one",
                where="mm/Kconfig: ZONE_DEVICE depends on SPARSEMEM_VMEMMAP",
                to_fix="leave out what adds a device range, or take a kernel with a vmemmap",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _loops(observation: Observation) -> bool:
    events = Events.of(observation.events).others[-1:]
    return any(isinstance(event, Stopped) and event.message == ENDLESS_LOOP for event in events)
