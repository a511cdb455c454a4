# SPDX-License-Identifier: GPL-2.0-or-later
"""Sets of integers as sorted, disjoint, half-open ranges.

A set is a tuple of non-empty ``range`` objects of step 1, in ascending order,
with a gap between neighbours: equal sets are equal tuples.
"""

from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter

Intervals = tuple[range, ...]
_START, _STOP = attrgetter("start"), attrgetter("stop")


def union(spans: Iterable[range]) -> Intervals:
    """Return the set of all integers in any of ``spans``, which may overlap and be empty."""
    merged: list[range] = []
    for span in sorted(filter(None, spans), key=_START):
        if merged and span.start <= merged[-1].stop:
            if span.stop > merged[-1].stop:
                merged[-1] = range(merged[-1].start, span.stop)
        else:
            merged.append(span)
    return tuple(merged)


def subtract(left: Iterable[range], right: Intervals) -> Intervals:
    """Return what is in ``left`` and not in the set ``right``."""
    result: list[range] = []
    for span in left:
        position = span.start
        for index in range(_first_ending_after(right, position), len(right)):
            hole = right[index]
            if hole.start >= span.stop:
                break
            if hole.start > position:
                result.append(range(position, hole.start))
            position = max(position, hole.stop)
        if position < span.stop:
            result.append(range(position, span.stop))
    return union(result)


def intersect(left: Iterable[range], right: Intervals) -> Intervals:
    """Return what is in both ``left`` and the set ``right``."""
    result: list[range] = []
    for span in left:
        for index in range(_first_ending_after(right, span.start), len(right)):
            other = right[index]
            if other.start >= span.stop:
                break
            result.append(range(max(span.start, other.start), min(span.stop, other.stop)))
    return union(result)


def touches(span: range, intervals: Intervals) -> bool:
    """Return whether any integer of ``span`` is in the set ``intervals``."""
    index = _first_ending_after(intervals, span.start)
    return bool(span) and index < len(intervals) and intervals[index].start < span.stop


def containing(position: int, intervals: Intervals) -> range | None:
    """Return the range of the set ``intervals`` that holds ``position``, or None."""
    index = _first_ending_after(intervals, position)
    return intervals[index] if index < len(intervals) and intervals[index].start <= position else None


def total(intervals: Intervals) -> int:
    """Return how many integers are in the set."""
    return sum(span.stop - span.start for span in intervals)


def _first_ending_after(intervals: Intervals, position: int) -> int:
    """Return the index of the first range whose end lies behind ``position``."""
    return bisect_right(intervals, position, key=_STOP)
