# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison of a recording with a machine: it agrees, and what differs is named.

The machine is the reference machine, which notes the calls of sections here; recordings of whole memory
blocks agree with it. That kernel code agrees is in tests/trees/test_trace.py.
"""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vmemcheck import recording
from vmemcheck.errors import RecordingError
from vmemcheck.geometry import Geometry
from vmemcheck.observation import Call, Event, Observation, SectionCall
from vmemcheck.operation import AddDevice, AddMemory, Altmap, Boot, Initialise, Refused, Remove, Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.reports.trace_json import trace_json
from vmemcheck.reports.trace_text import trace_text
from vmemcheck.trace import TraceResult, Verdict, trace
from vmemcheck.trace.placement import place
from vmemcheck.trace.plan import plan

RECORDINGS = Path(__file__).parents[1] / "trees" / "recordings"
DIMM = RECORDINGS / "linux-6.1.192-dimm.json"


class NotingMachine(ReferenceMachine):
    """The reference machine, with the call of each section in front of what it does with it."""

    def run(self, sequence: Sequence) -> tuple[Observation, ...]:
        found = super().run(sequence)
        return tuple(map(self._noted, sequence, found))

    def _noted(self, operation: object, observation: Observation) -> Observation:
        if not isinstance(operation, AddMemory | AddDevice | Remove):
            return observation
        name = "sparse_remove_section" if isinstance(operation, Remove) else "sparse_add_section"
        ((_, pfn, pages),) = self.geometry.sections(observation.pfns.start, len(observation.pfns))
        noted: tuple[Event, ...] = (SectionCall(name, pfn, pages, observation.returned),)
        return replace(observation, events=(*noted, *observation.events))


def parsed(data: dict[str, Any]) -> recording.Recording:
    """Return the recording of a JSON object."""
    return recording.parse(json.dumps(data).encode(), "test")


def compared(data: dict[str, Any]) -> TraceResult:
    """Hold a recording against the reference machine."""
    return trace(parsed(data), NotingMachine(Geometry()))


@pytest.fixture
def data() -> dict[str, Any]:
    """Return the recording of memory blocks, to be changed."""
    return copy.deepcopy(json.loads(DIMM.read_text()))


def test_trace_of_memory_blocks_agrees(data: dict[str, Any]) -> None:
    """A correct vmemmap does what the kernel did, in every step."""
    result = compared(data)
    assert result.agrees
    assert trace_text(result).endswith("agrees     in every step: 18 steps, 76 calls, 18 page-table snapshots")


def _mutated_leaf(step: dict[str, Any]) -> None:
    step["leaves"]["2M"] += 1


def _mutated_kind(step: dict[str, Any]) -> None:
    step["leaves"]["4K"] = 7


def _mutated_call(step: dict[str, Any]) -> None:
    del step["calls"][1]


def _mutated_order(step: dict[str, Any]) -> None:
    step["calls"][1], step["calls"][3] = step["calls"][3], step["calls"][1]


def _mutated_end(step: dict[str, Any]) -> None:
    step["calls"][3]["end"] = "0xffffea0005601000"


def _mutated_mapped(step: dict[str, Any]) -> None:
    step["mapped"][1][1] = "0xffffea0005601000"


def _mutated_gone(step: dict[str, Any]) -> None:
    step["mapped"][1][0] = "0xffffea0005200000"


def _mutated_returned(step: dict[str, Any]) -> None:
    step["calls"][1]["returned"] = -12


@pytest.mark.parametrize(
    ("mutate", "shown"),
    [
        (_mutated_leaf, "leaves of 2M: 12 in the recording, 11 in the executor"),
        (_mutated_kind, "leaves of 4K: 7 in the recording, 0 in the executor"),
        (_mutated_call, "+ vmemmap_populate  [0xffffea0005200000, 0xffffea0005400000)"),
        (_mutated_order, "- vmemmap_populate  [0xffffea0005200000, 0xffffea0005400000)"),
        (_mutated_end, "- vmemmap_populate  [0xffffea0005400000, 0xffffea0005601000)"),
        (_mutated_mapped, "mapped in the recording only  [0xffffea0005600000, 0xffffea0005601000)"),
        (_mutated_gone, "mapped in the executor only   [0xffffea0005000000, 0xffffea0005200000)"),
        (_mutated_returned, "- vmemmap_populate  [0xffffea0005200000, 0xffffea0005400000)  returned -12"),
    ],
)
def test_trace_of_a_changed_step_names_what_was_changed(mutate: Any, shown: str, data: dict[str, Any]) -> None:
    """The changed step differs and no other; the report has what the recording and what the executor has."""
    mutate(data["steps"][2])
    result = compared(data)
    assert [step.number for step in result.steps if step.verdict is not Verdict.AGREES] == [2]
    assert "step   2  differs       plug pc-dimm d2 256M\n" in trace_text(result)
    assert shown in trace_text(result).partition("\nstep 2: plug pc-dimm d2 256M\n")[2]
    assert json.loads(trace_json(result))["steps"][2]["verdict"] == "differs"


def test_trace_without_snapshots_compares_the_calls(data: dict[str, Any]) -> None:
    """Where nothing was recorded of the mappings, nothing is said of them."""
    for step in data["steps"][1:]:
        del step["mapped"], step["leaves"]
    assert compared(data).agrees


def test_trace_of_an_oops_at_what_is_mapped_differs(data: dict[str, Any]) -> None:
    """A machine that does not fault where the kernel did is another one."""
    data["steps"][2]["oops"] = {"address": "0xffffea0005200008"}
    result = compared(data)
    assert result.first_difference is not None
    assert result.first_difference.problems == (
        "the recording has an oops at 0xffffea0005200008; the machine has it mapped",
    )


def test_trace_after_an_add_that_should_have_failed_compares_no_more(data: dict[str, Any]) -> None:
    """An add that the machine grants although it failed leads elsewhere: what follows is not compared."""
    data["steps"] = data["steps"][:3]
    data["steps"][1]["calls"][0]["returned"] = -17
    del data["steps"][1]["calls"][1]
    result = compared(data)
    assert [Verdict.AGREES, Verdict.DIFFERS, Verdict.NOT_COMPARED] == [step.verdict for step in result.steps]


def test_trace_of_a_failed_add_finds_the_allocation(data: dict[str, Any]) -> None:
    """Which allocation failed is not recorded: one that gives the same calls is found."""
    data["steps"] = data["steps"][:2]
    step = data["steps"][1]
    for call in step["calls"]:
        call["returned"] = 0xFFFFFFF4
    populated = step["calls"][1]
    made = NotingMachine(Geometry())
    asked = plan(parsed(data), made.geometry).steps[1][0].operation
    assert isinstance(asked, AddMemory)
    assert trace(parsed(data), made).steps[1].verdict is Verdict.DIFFERS  # the kernel frees what it populated
    step["calls"].append({"function": "vmemmap_free", "start": populated["start"], "end": populated["end"]})
    step |= {"mapped": data["steps"][0]["mapped"], "leaves": data["steps"][0]["leaves"]}
    result = compared(data)
    assert next((call.function, call.returned) for call in result.steps[1].executed) == ("sparse_add_section", -12)
    assert (result.steps[1].missing, result.steps[1].extra) == ((), ())


def test_plan_of_a_shared_altmap_is_one_range() -> None:
    """Sections that share an altmap are added, and removed, at once."""
    recorded = recording.load(RECORDINGS / "linux-6.12.117-pmem.json")
    operations = [each.operation for each in plan(recorded, Geometry()).steps[16]]
    unit = 512
    assert operations[0] == AddDevice(0x104000 // unit, 0x9600 // unit, Altmap(2, 0x3FE), 9)
    assert isinstance(operations[1], Initialise)
    assert [type(each.operation) for each in plan(recorded, Geometry()).steps[20]] == [Remove]


def boot(*calls: dict[str, Any], mapped: str = "0xffffea0000400000") -> list[Any]:
    """Return the operations of the boot state and of one step, two sections being mapped at boot."""
    step = {"operation": "step", "calls": list(calls)}
    top = json.loads(DIMM.read_text())
    top["steps"] = [{"operation": "boot", "mapped": [["0xffffea0000000000", mapped]]}, step]
    return [[each.operation for each in step] for step in plan(parsed(top), Geometry()).steps]


def removed(pfn: int, pages: int) -> dict[str, Any]:
    """Return the recorded call."""
    return {"function": "sparse_remove_section", "pfn": pfn, "nr_pages": pages}


def freed(start: int, end: int) -> dict[str, Any]:
    """Return the recorded call; bytes of the vmemmap."""
    base = 0xFFFFEA0000000000
    return {"function": "vmemmap_free", "start": base + start, "end": base + end}


def test_plan_of_mapped_sections_is_boot_memory() -> None:
    """What was mapped at first is early, and can be removed."""
    assert boot(removed(0x8000, 0x8000)) == [[Boot(0, 0, 64), Boot(1, 0, 64)], [Remove(1)]]


def test_plan_of_a_hole_in_an_early_section_is_absent() -> None:
    """Pages whose first call is an add were not there, although their memmap was."""
    added = {"function": "sparse_add_section", "pfn": 0xC000, "nr_pages": 0x4000, "returned": 0}
    first, step = boot(added, removed(0xC000, 0x4000), removed(0x8000, 0x4000), freed(0x200000, 0x400000))
    assert first == [Boot(0, 0, 64), Boot(1, 0, 32)]
    assert step == [AddDevice(96, 32), Initialise(2), Remove(2), Remove(1)]


def test_plan_of_a_section_that_a_part_empties_has_no_more() -> None:
    """When removing a part frees the memmap of the section, nothing else of it was there."""
    first, step = boot(removed(0x8000, 0x2000), freed(0x200000, 0x400000))
    assert (first, step) == ([Boot(0, 0, 64), Boot(1, 0, 16)], [Remove(1)])
    first, step = boot(removed(0x8000, 0x2000))
    assert (first, step) == ([Boot(0, 0, 64), Boot(1, 16, 48), AddDevice(64, 16)], [Remove(2)])


def test_plan_of_a_section_whose_part_is_freed_is_no_early_one() -> None:
    """The memmap of early sections is never freed in part: this one was added before."""
    first, step = boot(removed(0x8000, 0x2000), freed(0x200000, 0x280000))
    assert (first, step) == ([Boot(0, 0, 64), AddDevice(64, 16), AddDevice(80, 48)], [Remove(1)])


def test_plan_of_less_than_a_section_is_a_device_range() -> None:
    """A memmap that is mapped in part was added before."""
    assert boot(mapped="0xffffea0000288000")[0] == [Boot(0, 0, 64), AddDevice(64, 17)]


def test_plan_of_a_removal_of_what_is_absent_is_a_request_to_refuse() -> None:
    """Pages that nobody added are asked for all the same."""
    assert isinstance(boot(removed(0x10000, 0x8000))[1][0], Refused)


def test_plan_of_half_a_range_is_refused() -> None:
    """What was added at once cannot be removed in part: the recording lacks calls."""
    calls = [{"function": "sparse_add_section", "pfn": 0x10000, "nr_pages": 0x8000}, removed(0x10000, 0x4000)]
    with pytest.raises(RecordingError, match="were added as one range and are not removed as one"):
        boot(*calls)


def test_placement_keeps_the_borders_of_tables(data: dict[str, Any]) -> None:
    """A vmemmap that starts 16 MiB below 1 GiB starts there in the machine too."""
    data["vmemmap_base"] = 0xFFFFFDFFBF000000
    shifted = [[f"{0xFFFFFDFFBF000000 + offset:#x}" for offset in (0x1000000, 0x2000000)]]
    data["steps"] = [{"operation": "boot", "mapped": shifted}]
    placement = place(parsed(data), Geometry())
    assert placement.pages * 64 % (1 << 30) == 0x3F000000
    assert placement.recorded_address(placement.pages * 64) == 0xFFFFFDFFBF000000


def test_placement_of_more_memory_than_can_be_simulated_is_refused(data: dict[str, Any]) -> None:
    """A range beyond the machine is an error, not a wrong answer."""
    data["steps"][1]["calls"] = [{"function": "sparse_add_section", "pfn": 1 << 40, "nr_pages": 0x8000}]
    with pytest.raises(RecordingError, match="do not fit into a simulated machine"):
        compared(data)


def test_noting_machine_is_the_reference_machine() -> None:
    """The calls in front are the only difference."""
    sequence = (AddMemory(3, 1), Remove(0))
    plain, noted = ReferenceMachine(Geometry()).run(sequence), NotingMachine(Geometry()).run(sequence)
    assert [one.events for one in plain] == [other.events[1:] for other in noted]
    assert all(isinstance(observation.events[1], Call) for observation in noted)
