# SPDX-License-Identifier: GPL-2.0-or-later
"""How often the sequences of a job run each line of the kernel, kept on disk by all that decides it.

Whatever lines a series changes: what is kept is of all lines of a program. Runs in a process of its own.
"""

import contextlib
import json
from typing import Any

from vmemcheck.bulk import random_sequences
from vmemcheck.check import Job
from vmemcheck.errors import ExecutorError
from vmemcheck.kernel.build import build_first
from vmemcheck.kernel.cache import cache_folder, keep_newest, write_whole
from vmemcheck.kernel.coverage import COUNTING_IN_PARTS, CoveredMachine, LineCounts
from vmemcheck.results import digest_of

_MOST_ENTRIES = 1024  # 50 KB each


def counts_of(job: Job) -> LineCounts:
    """Count, unless it is known.

    :raises VmemcheckError: when the program cannot be built, or its counts not be read
    """
    path = cache_folder("counted") / f"{digest_of(job)}.json"
    with contextlib.suppress(OSError, ValueError, AttributeError):
        known = _loaded(json.loads(path.read_bytes()))
        keep_newest(path, _MOST_ENTRIES)
        return known
    counts, is_whole = _counted(job)
    if is_whole:
        with contextlib.suppress(OSError):
            write_whole(path, json.dumps(counts, separators=(",", ":")).encode())
            keep_newest(path, _MOST_ENTRIES)
    return counts


def _counted(job: Job) -> tuple[LineCounts, bool]:
    """Return the counts, and whether those of all sequences are in them."""
    program = build_first(job.text, COUNTING_IN_PARTS, job.name)
    is_whole = True
    with CoveredMachine(program, job.cell.geometry, job.name, job.traits) as machine:
        for sequence in random_sequences(job.cell.geometry, job.scope, job.examples, job.seed):
            try:
                machine.records(sequence)
            except ExecutorError:  # what the search says of it counts; the lines of this sequence do not
                is_whole = False
        return machine.lines(), is_whole


def _loaded(data: dict[str, Any]) -> LineCounts:
    return {file: {int(line): int(count) for line, count in lines.items()} for file, lines in data.items()}
