# SPDX-License-Identifier: GPL-2.0-or-later
"""Compare a recording with what a machine does, step by step."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from vmemcheck import intervals
from vmemcheck.machine import Machine
from vmemcheck.observation import Call, Event, Faulted, Mapping, Observation, SectionCall, Stopped, Unmapped, Warned
from vmemcheck.operation import Initialise
from vmemcheck.recording import ADD, POPULATE, RANGE_FUNCTIONS, RecordedCall, RecordedStep, Recording
from vmemcheck.trace.placement import Placement
from vmemcheck.trace.plan import Plan, plan
from vmemcheck.trace.result import StepResult, TraceCall, TraceResult, Verdict
from vmemcheck.trace.run import Run, run_plan

_REMARKS = 6


def trace(recording: Recording, machine: Machine, warnings: tuple[str, ...] = ()) -> TraceResult:
    """Replay a recording on a machine that was built with its sizes.

    :param warnings: to be handed on with the result
    :raises RecordingError: when it cannot be replayed through the operations that there are
    """
    planned = plan(recording, machine.geometry, boot_stays=machine.boot_stays)
    run = run_plan(recording, planned, machine)
    comparison = _Comparison(recording, planned, machine, run)
    return TraceResult(recording, machine.name, tuple(comparison.steps()), warnings)


class _Comparison:
    """One run of a plan, next to its recording."""

    def __init__(self, recording: Recording, planned: Plan, machine: Machine, run: Run) -> None:
        self.recording = recording
        self.plan = planned
        self.machine = machine
        self.run = run
        self.mappings: Sequence[Mapping] = ()

    def steps(self) -> Iterator[StepResult]:
        """Yield each step; those that the machine did not reach as it was asked to are not compared."""
        over = False
        for number, step in enumerate(self.recording.steps):
            observations = self.run.steps[number] if number < len(self.run.steps) else None
            if over or observations is None:
                yield StepResult(number, step.operation, Verdict.NOT_COMPARED)
                continue
            if observations:
                self.mappings = observations[-1].state.mappings
            yield self._step(number, step, observations)
            # What follows was planned for a machine in which these adds did what was recorded.
            over = _stopped(observations) is not None or number == self.run.departed

    def _step(self, number: int, step: RecordedStep, observations: tuple[Observation, ...]) -> StepResult:
        placement = self.plan.placement
        events = [event for observation in observations for event in observation.events]
        recorded = tuple(_recorded(call) for call in step.calls)
        # How the boot state came about is not recorded.
        executed = tuple(_executed(events, placement)) if number else ()
        if len(recorded) == len(executed):
            pairs = zip(recorded, executed, strict=True)
            executed = tuple(
                done if seen.returned is not None else replace(done, returned=None) for seen, done in pairs
            )
        spans = [
            range(placement.recorded_address(mapping.start), placement.recorded_address(mapping.end))
            for mapping in self.mappings
        ]
        mapped = intervals.union(spans)
        missing: intervals.Intervals = ()
        extra: intervals.Intervals = ()
        if step.mapped is not None:
            was = intervals.union(step.mapped)
            missing, extra = intervals.subtract(was, mapped), intervals.subtract(mapped, was)
        leaves = tuple(_leaves(step, spans)) if step.leaves is not None else ()
        problems, remarks = self._stops(number, step, observations, mapped)
        differs = recorded != executed or missing or extra or leaves or problems
        if differs:
            remarks += tuple(_remarks(events, placement, missing))[:_REMARKS]
        verdict = Verdict.DIFFERS if differs else Verdict.AGREES
        return StepResult(
            number, step.operation, verdict, recorded, executed, missing, extra, leaves, problems, remarks
        )

    def _stops(
        self, number: int, step: RecordedStep, observations: tuple[Observation, ...], mapped: intervals.Intervals
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what differs in how the step ended, and what explains it."""
        stop = _stopped(observations)
        if step.oops is None:
            return (() if stop is None else (f"the machine stopped: {self._words(stop)}",)), ()
        if stop is not None:
            return (), (f"the machine stopped too: {self._words(stop)}",)
        address = step.oops.address
        if address is None:
            return ("the recording ends this step in an oops; the machine did not stop",), ()
        if intervals.touches(range(address, address + 1), mapped):
            return (f"the recording has an oops at {address:#x}; the machine has it mapped",), ()
        # The code that touched the struct page is not part of the machine: its memmap is touched instead.
        touched = self._touch(number)
        if touched is None:
            return (), (f"{address:#x}, where the oops was, is not mapped in the machine either",)
        return (), (f"the machine faults too when it touches this memmap: {self._words(touched)}",)

    def _touch(self, number: int) -> Event | None:
        if number not in self.plan.victims:
            return None
        before = [operation for step in self.run.operations[: number + 1] for operation in step]
        observations = self.machine.run((*before, Initialise(self.plan.victims[number])))
        return _stopped(observations[len(before) :])

    def _words(self, event: Event) -> str:
        match event:
            case Faulted(address, where):
                return f"access to {self.plan.placement.recorded_address(address):#x}, not mapped  {where}"
            case Warned(message, where) | Stopped(message, where):
                return f"{message}  {where}"
            case _:
                return str(event)


def _recorded(call: RecordedCall) -> TraceCall:
    altmap = call.altmap
    fields = (altmap.base_pfn, altmap.reserve, altmap.free, altmap.align, altmap.alloc) if altmap else None
    return TraceCall(call.function, call.first, call.second, call.returned, fields, call.vmemmap_shift or 0)


def _executed(events: list[Event], placement: Placement) -> Iterator[TraceCall]:
    for event in events:
        match event:
            case Call(function, start, end, returned) if function in RANGE_FUNCTIONS:
                ends = placement.recorded_address(start), placement.recorded_address(end)
                yield TraceCall(function, *ends, returned if function == POPULATE else None)
            case SectionCall(function, start_pfn, nr_pages, returned, altmap, pgmap):
                fields = None
                if altmap:
                    base = placement.recorded_pfn(altmap.start_pfn)
                    fields = (base, altmap.reserve, altmap.free, altmap.align, altmap.alloc)
                yield TraceCall(
                    function,
                    placement.recorded_pfn(start_pfn),
                    nr_pages,
                    returned if function == ADD else None,
                    fields,
                    pgmap[1] if pgmap and function == ADD else 0,
                )
            case _:
                pass


def _leaves(step: RecordedStep, spans: list[range]) -> Iterator[tuple[int, int, int]]:
    """Yield the sizes of leaves whose number differs."""
    counted = Counter(len(span) for span in spans)
    recorded = dict(step.leaves or ())
    for size in sorted({*recorded, *counted}, reverse=True):
        if recorded.get(size, 0) != counted[size]:
            yield size, recorded.get(size, 0), counted[size]


def _stopped(observations: tuple[Observation, ...]) -> Event | None:
    """Return why the machine did not come back from the last operation, or None."""
    for event in reversed(observations[-1].events if observations else ()):
        if isinstance(event, Faulted | Stopped):
            return event
    return None


def _remarks(events: list[Event], placement: Placement, missing: intervals.Intervals) -> Iterator[str]:
    for event in events:
        match event:
            case Warned(message, where):
                yield f"{message}  {where}"
            case Unmapped(mapping, where):
                span = range(placement.recorded_address(mapping.start), placement.recorded_address(mapping.end))
                if intervals.touches(span, missing):
                    yield f"[{span.start:#x}, {span.stop:#x}) was unmapped by {where}"
            case _:
                pass
