# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a plan on a machine, and find the allocation that failed where a recorded add failed for want of memory.

A recording says that an add returned an error, not which allocation had failed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from vmemcheck.errors import RecordingError
from vmemcheck.machine import Machine
from vmemcheck.observation import Allocated, Call, Observation, SectionCall
from vmemcheck.operation import AddDevice, AddMemory, Fault, FaultKind, Operation
from vmemcheck.recording import Recording
from vmemcheck.trace.plan import Asked, Plan

_MOST_FAULTS = 512


@dataclass(frozen=True, slots=True)
class Run:
    """What the machine did.

    :param operations: of each step, with the faults that were found
    :param steps: observations of each step that was reached
    :param departed: the first step in which an add did not end as it was recorded; -1 for none
    """

    operations: tuple[tuple[Operation, ...], ...]
    steps: tuple[tuple[Observation, ...], ...]
    departed: int


def run_plan(recording: Recording, planned: Plan, machine: Machine) -> Run:
    """Run all steps.

    :raises RecordingError: when an operation does not apply on the machine
    """
    asked = [[each.operation for each in step] for step in planned.steps]
    observations = machine.run(_flat(asked))
    for step, index, wanted in list(_failures(planned)):
        position = sum(map(len, asked[:step])) + index
        if position >= len(observations) or observations[position].returned == wanted.returned:
            continue
        found = _fault(asked, step, index, wanted, machine, observations[position], recording)
        if found is not None:
            asked[step][index] = found
            observations = machine.run(_flat(asked))
    steps = tuple(_split(asked, observations))
    _require_applied(planned, steps)
    return Run(tuple(map(tuple, asked)), steps, _departed(planned, steps))


def _flat(asked: list[list[Operation]]) -> tuple[Operation, ...]:
    return tuple(operation for step in asked for operation in step)


def _failures(planned: Plan) -> Iterator[tuple[int, int, Asked]]:
    for number, step in enumerate(planned.steps):
        yield from ((number, index, each) for index, each in enumerate(step) if each.returned < 0)


def _fault(
    asked: list[list[Operation]],
    step: int,
    index: int,
    wanted: Asked,
    machine: Machine,
    unfailing: Observation,
    recording: Recording,
) -> Operation | None:
    """Return the operation with a failing allocation that makes it end as it was recorded, or None."""
    operation = wanted.operation
    if not isinstance(operation, AddMemory | AddDevice):
        return None
    allocations = sum(isinstance(event, Allocated) for event in unfailing.events)
    faults = [Fault(FaultKind.ORDER, 0)]
    faults += [Fault(FaultKind.NTH, number) for number in range(1, min(allocations, _MOST_FAULTS) + 1)]
    before = (*_flat(asked[:step]), *asked[step][:index])
    functions = [call.function for call in recording.steps[step].calls]
    for fault in faults:
        candidate = replace(operation, fault=fault)
        observations = machine.run((*before, candidate))
        if len(observations) <= len(before) or observations[-1].returned != wanted.returned:
            continue
        made = [event.function for event in observations[-1].events if isinstance(event, Call | SectionCall)]
        if _contains(functions, made):
            return candidate
    return None


def _contains(functions: list[str], made: list[str]) -> bool:
    """Whether the calls that were made stand somewhere among the recorded ones, one behind the other."""
    return any(functions[start : start + len(made)] == made for start in range(len(functions) - len(made) + 1))


def _split(asked: list[list[Operation]], observations: tuple[Observation, ...]) -> Iterator[tuple[Observation, ...]]:
    position = 0
    for step in asked:
        if position >= len(observations) and step:
            return
        yield observations[position : position + len(step)]
        position += len(step)


def _require_applied(planned: Plan, steps: tuple[tuple[Observation, ...], ...]) -> None:
    for number, (step, observations) in enumerate(zip(planned.steps, steps, strict=False)):
        for each, observation in zip(step, observations, strict=False):
            if not observation.applied:
                raise RecordingError(
                    f"no operation of the machine makes this call: {each.operation}",
                    where=f"steps[{number}]",
                    to_fix="see that sections, subsections, altmap and pgmap are what the kernel had",
                )


def _departed(planned: Plan, steps: tuple[tuple[Observation, ...], ...]) -> int:
    for number, (step, observations) in enumerate(zip(planned.steps, steps, strict=False)):
        for each, observation in zip(step, observations, strict=False):
            if isinstance(each.operation, AddMemory | AddDevice) and (observation.returned < 0) != (each.returned < 0):
                return number
    return -1
