# SPDX-License-Identifier: GPL-2.0-or-later
"""The contents of one block of physical memory, as runs of equal content."""

from collections.abc import Iterator
from typing import NamedTuple

from vmemcheck.observation import Content


class Run(NamedTuple):  # a tuple, since there are hundreds of thousands of them
    """Bytes ``[start, end)`` of a block.

    :param shift: for LIVE: the vmemmap address that the struct pages describe, less the offset in the block
    """

    start: int
    end: int
    content: Content
    shift: int = 0


class Contents:
    """What each byte of a block of ``size`` bytes holds; new blocks are stale."""

    def __init__(self, size: int) -> None:
        self._runs = [Run(0, size, Content.STALE)]

    def write(self, start: int, end: int, content: Content, shift: int = 0) -> None:
        """Overwrite bytes ``[start, end)``."""
        new = Run(start, end, content, shift)
        if start == 0 and end == self.size:
            self._runs = [new]
            return
        runs: list[Run] = []
        placed = False
        for run in self._runs:
            if run.end <= start:
                _append(runs, run)
                continue
            if run.start < start:
                _append(runs, Run(run.start, start, run.content, run.shift))
            if not placed:
                _append(runs, new)
                placed = True
            if run.end > end:
                _append(runs, Run(max(run.start, end), run.end, run.content, run.shift))
        self._runs = runs

    def read(self, start: int, end: int) -> Iterator[Run]:
        """Yield the runs of ``[start, end)``, cut to it."""
        for run in self._runs:
            if run.start >= start and run.end <= end:
                yield run
            elif run.start < end and run.end > start:
                yield Run(max(run.start, start), min(run.end, end), run.content, run.shift)

    def let_go(self) -> None:
        """Get another user: struct pages are live no longer, and entries of tables are bytes like others."""
        runs: list[Run] = []
        for run in self._runs:
            is_gone = run.content in (Content.LIVE, Content.TABLE)
            _append(runs, Run(run.start, run.end, Content.STALE) if is_gone else run)
        self._runs = runs

    @property
    def size(self) -> int:
        """Bytes of the block."""
        return self._runs[-1].end

    def holds_only(self, content: Content) -> bool:
        """Return whether every byte of the block is ``content``."""
        return len(self._runs) == 1 and self._runs[0].content is content


def _append(runs: list[Run], run: Run) -> None:
    last = runs[-1] if runs else None
    if last and last.content is run.content and last.shift == run.shift:
        runs[-1] = Run(last.start, run.end, run.content, run.shift)
    else:
        runs.append(run)
