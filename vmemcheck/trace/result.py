# SPDX-License-Identifier: GPL-2.0-or-later
"""What the comparison of a recording with a machine found; plain data, in the addresses of the recording."""

import enum
from dataclasses import dataclass

from vmemcheck.recording import SECTION_FUNCTIONS, Recording


class Verdict(enum.Enum):
    """What is said of a step."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class TraceCall:
    """A call, recorded or made by the machine.

    :param first: pfn or address
    :param second: nr_pages or end address
    :param returned: None where it is not compared
    :param altmap: base_pfn, reserve, free, align, alloc
    :param vmemmap_shift: of the devmap; 0 for none
    """

    function: str
    first: int
    second: int
    returned: int | None = None
    altmap: tuple[int, int, int, int, int] | None = None
    vmemmap_shift: int = 0

    def __str__(self) -> str:
        if self.function in SECTION_FUNCTIONS:
            words = [f"{self.function}  pfn {self.first:#x}  nr_pages {self.second:#x}"]
        else:
            words = [f"{self.function}  [{self.first:#x}, {self.second:#x})"]
        if self.altmap:
            base, reserve, free, align, alloc = self.altmap
            words.append(f"altmap base {base:#x} reserve {reserve} free {free} align {align} alloc {alloc}")
        if self.vmemmap_shift:
            words.append(f"vmemmap_shift {self.vmemmap_shift}")
        if self.returned:
            words.append(f"returned {self.returned}")
        return "  ".join(words)


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step, compared.

    :param recorded: calls of the recording
    :param executed: calls of the machine
    :param missing: mapped in the recording only
    :param extra: mapped by the machine only
    :param leaves: bytes of a leaf, how many were recorded, how many the machine has; only those that differ
    :param problems: what differs besides, a sentence each
    :param remarks: what the machine says that may explain it, a line each
    """

    number: int
    operation: str
    verdict: Verdict
    recorded: tuple[TraceCall, ...] = ()
    executed: tuple[TraceCall, ...] = ()
    missing: tuple[range, ...] = ()
    extra: tuple[range, ...] = ()
    leaves: tuple[tuple[int, int, int], ...] = ()
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceResult:
    """A recording, held against a machine.

    :param machine: name of the machine
    :param warnings: why the comparison may mean less than it seems
    """

    recording: Recording
    machine: str
    steps: tuple[StepResult, ...]
    warnings: tuple[str, ...] = ()

    @property
    def first_difference(self) -> StepResult | None:
        """The first step that differs, or None."""
        return next((step for step in self.steps if step.verdict is Verdict.DIFFERS), None)

    @property
    def agrees(self) -> bool:
        """Whether every step agrees."""
        return all(step.verdict is Verdict.AGREES for step in self.steps)
