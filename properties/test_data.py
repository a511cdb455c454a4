# SPDX-License-Identifier: GPL-2.0-or-later
"""Properties of the data itself: forms, sub-lists, the model, intervals, geometries."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vmemcheck import intervals, replay_file, sequence_text
from vmemcheck.engine import check
from vmemcheck.geometry import PMD_LEVEL, Geometry
from vmemcheck.model import Model, Outcome
from vmemcheck.operation import AddDevice, Sequence
from vmemcheck.reference import ReferenceMachine
from vmemcheck.replay_file import Replay
from vmemcheck.scope import Scope, operations
from vmemcheck.strategies import altmaps, geometries, pfn_ranges, sequences, subsection_ranges

_GEOMETRIES = geometries()


@st.composite
def _tests(draw: st.DrawFn) -> tuple[Geometry, Sequence]:
    geometry = draw(_GEOMETRIES)
    return geometry, draw(sequences(geometry, max_size=8))


@given(_tests())
def test_sequence_text_form_reads_back(test: tuple[Geometry, Sequence]) -> None:
    """The text form of a geometry and a sequence says all of them."""
    geometry, sequence = test
    text = f"{sequence_text.geometry_to_text(geometry)}\n{sequence_text.sequence_to_text(sequence)}"
    assert (geometry, sequence) == sequence_text.parse(text)


_MODELS = st.sampled_from(("", "sparse vmemmap, DEBUG_VM", "classic sparse"))


@given(_tests(), st.sampled_from(("", "reference")), st.sampled_from(("", "no-leak")), _MODELS)
def test_replay_json_form_reads_back(
    test: tuple[Geometry, Sequence], machine: str, invariant: str, memory_model: str
) -> None:
    """A replay file says all of a replay, and the same replay gives the same bytes."""
    replay = Replay(*test, machine=machine, invariant=invariant, memory_model=memory_model)
    text = replay_file.to_json(replay)
    assert replay == replay_file.from_json(text)
    assert text == replay_file.to_json(replay_file.from_json(text))


@given(_tests(), st.data())
def test_sequence_any_sub_list_is_a_sequence(test: tuple[Geometry, Sequence], data: st.DataObject) -> None:
    """Whatever is left out of a sequence, the rest runs and keeps all invariants."""
    geometry, sequence = test
    kept = tuple(operation for operation in sequence if data.draw(st.booleans()))
    assert check(ReferenceMachine(geometry), kept) is None


@given(_tests())
def test_reference_any_geometry_keeps_all_invariants(test: tuple[Geometry, Sequence]) -> None:
    """The reference machine is correct for every size of page, table, section and struct page."""
    geometry, sequence = test
    assert check(ReferenceMachine(geometry, poison=False), sequence) is None


@given(_tests())
def test_model_any_sequence_has_disjoint_ranges(test: tuple[Geometry, Sequence]) -> None:
    """The live ranges of the model never overlap, and what must be mapped covers their memmap."""
    geometry, sequence = test
    model = Model(geometry)
    for operation in sequence:
        expectation = model.expect(operation)
        if expectation.outcome is not Outcome.REFUSED:
            model = expectation.after
        pfns = [live.pfns for live in model.ranges]
        assert sum(map(len, pfns)) == intervals.total(intervals.union(pfns))
        assert not intervals.subtract(model.memmap(), model.required())


@given(_GEOMETRIES, st.data())
def test_ranges_drawn_are_aligned_and_in_scope(geometry: Geometry, data: st.DataObject) -> None:
    """Drawn ranges are non-empty, aligned to subsections and within the sections asked for."""
    sections = data.draw(st.integers(1, 3))
    subsections = data.draw(subsection_ranges(geometry, sections=sections))
    assert 0 <= subsections.start < subsections.stop <= sections * geometry.subsections_per_section
    pfns = data.draw(pfn_ranges(geometry, sections=sections))
    assert len(pfns) > 0
    assert pfns.start % geometry.pages_per_subsection == 0
    assert pfns.stop % geometry.pages_per_subsection == 0


@given(_GEOMETRIES, st.data())
def test_altmaps_drawn_lie_within_their_device(geometry: Geometry, data: st.DataObject) -> None:
    """A drawn altmap leaves a page of its device for data, so that an add with it always applies."""
    count = data.draw(st.integers(1, 3))
    altmap = data.draw(altmaps(geometry, count * geometry.pages_per_subsection))
    expectation = Model(geometry).expect(AddDevice(0, count, altmap))
    assert expectation.outcome in (Outcome.SUCCEEDS, Outcome.MAY_FAIL)


@given(_GEOMETRIES, st.data())
def test_geometry_windows_tile_the_memmap(geometry: Geometry, data: st.DataObject) -> None:
    """The PMD windows of a memmap cover it without gap or overlap."""
    pfns = data.draw(pfn_ranges(geometry))
    memmap = geometry.memmap_range(pfns.start, len(pfns))
    windows = list(geometry.windows(PMD_LEVEL, memmap))
    assert all(left.stop == right.start for left, right in pairwise(windows))
    assert not intervals.subtract([memmap], intervals.union(windows))


_SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: range(*pair)), max_size=6)


@given(_SPANS, _SPANS)
def test_intervals_agree_with_sets(left: list[range], right: list[range]) -> None:
    """Union, subtraction and intersection are those of the sets of integers."""
    ours, theirs = intervals.union(left), intervals.union(right)
    a = {number for span in left for number in span}
    b = {number for span in right for number in span}
    assert intervals.total(ours) == len(a)
    assert a - b == {n for span in intervals.subtract(ours, theirs) for n in span}
    assert a & b == {n for span in intervals.intersect(ours, theirs) for n in span}
    assert all(intervals.touches(span, theirs) == bool(b & set(span)) for span in ours)
    assert all((intervals.containing(n, ours) is not None) == (n in a) for n in range(31))


@given(_GEOMETRIES)
def test_scope_table_holds_each_operation_once(geometry: Geometry) -> None:
    """The table of a scope repeats nothing, and a smaller scope has a smaller table."""
    everything = operations(geometry, Scope())
    assert len(everything) == len(set(everything))
    assert set(operations(geometry, Scope(faults=False, altmaps=False))) < set(everything)
