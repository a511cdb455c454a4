# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds from run to run: repetition, boot memory, and the way back to nothing."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from vmemcheck import intervals
from vmemcheck.by_design import covering
from vmemcheck.engine import steps
from vmemcheck.invariant import Step
from vmemcheck.machine import Machine
from vmemcheck.observation import Mapping, State, Table
from vmemcheck.operation import Boot, Remove, Sequence
from vmemcheck.scope import Scope
from vmemcheck.sequence_text import geometry_to_text, sequence_to_text
from vmemcheck.strategies import sequences


def _draw(data: st.DataObject, machine: Machine, scope: Scope) -> Sequence:
    return data.draw(sequences(machine.geometry, scope, max_size=8))


def _steps(machine: Machine, sequence: Sequence) -> list[Step]:
    return [step for step in steps(machine, sequence) if step]


def _stays(machine: Machine, subject: Table | Mapping) -> bool:
    return covering(machine.by_design, "no-leak", subject, machine.geometry.levels) is not None


@given(data=st.data())
def test_machine_prefix_of_a_sequence_observes_the_same(machine: Machine, scope: Scope, data: st.DataObject) -> None:
    """A run leaves nothing behind that the next can see, and an operation does not depend on those that follow."""
    sequence = _draw(data, machine, scope)
    length = data.draw(st.integers(0, len(sequence)))
    assert machine.run(sequence)[:length] == machine.run(sequence[:length])


@given(data=st.data())
def test_machine_all_ranges_removed_is_empty_again(machine: Machine, scope: Scope, data: st.DataObject) -> None:
    """After the last range is removed nothing is mapped, allocated or counted."""
    sequence = data.draw(sequences(machine.geometry, replace(scope, boot=False), max_size=8))
    sequence = (*sequence, *[Remove(0)] * len(sequence))
    state = machine.run(sequence)[-1].state
    tables = tuple(table for table in state.tables if _stays(machine, table))
    mappings = tuple(mapping for mapping in state.mappings if _stays(machine, mapping))
    pfns = {table.pfn for table in tables} | {mapping.pfn for mapping in mappings}
    empty = State(
        tables=tables,
        mappings=mappings,
        blocks=tuple(block for block in state.blocks if block.pfn in pfns),
        contents=state.contents if mappings else (),
        counters=tuple((name, 0) for name, _ in state.counters),
    )
    assert empty == state, f"after\n{geometry_to_text(machine.geometry)}\n{sequence_to_text(sequence)}"


@given(data=st.data())
def test_machine_boot_memory_alone_maps_whole_sections(machine: Machine, data: st.DataObject) -> None:
    """The memmap of an early section is whole, also where its memory is there only in part."""
    geometry = machine.geometry
    number = geometry.subsections_per_section
    section = data.draw(st.integers(0, 3))
    sequence = (Boot(section, data.draw(st.integers(0, number - 1)), data.draw(st.integers(1, number))),)
    (step,) = _steps(machine, sequence)
    whole = geometry.page_aligned_outward(step.after.early_memmap(section))
    assert not intervals.subtract([whole], step.mapped)
