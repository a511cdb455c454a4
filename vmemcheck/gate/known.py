# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of a job, kept on disk by all that decides it: the text of the program, the sequences, this package.

Findings are kept as their sequences, and played again when they are asked for.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from vmemcheck.check import CellResult, Job, machine_of, run_job
from vmemcheck.engine import check
from vmemcheck.invariant import Finding, Kind, Verdict
from vmemcheck.kernel.cache import cache_folder, keep_newest, write_whole
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.makers import sources_digest
from vmemcheck.kernel.stored import canonical
from vmemcheck.machine import Machine
from vmemcheck.operation import Sequence
from vmemcheck.sequence_text import geometry_to_text, parse, sequence_to_text

_MOST_ENTRIES = 4096


def run_known(job: Job, before: tuple[Finding, ...] = ()) -> tuple[CellResult, bool]:
    """Run a job, unless its result is known; return it, and whether it was.

    :param before: found on another machine; what this one violates too is not searched for
    """
    path = cache_folder("judged") / f"{digest_of(job, before)}.json"
    with contextlib.suppress(OSError, ValueError, KeyError):
        known = _loaded(job, json.loads(path.read_bytes()))
        if known is not None:
            keep_newest(path, _MOST_ENTRIES)
            return known, True
    result = run_job(replace(job, sub_page=None), before)
    if result.verdict is not Verdict.NO_VERDICT:
        with contextlib.suppress(OSError):
            write_whole(path, json.dumps(_stored(job, result)).encode())
            keep_newest(path, _MOST_ENTRIES)
    return result, False


def digest_of(job: Job, before: tuple[Finding, ...] = ()) -> str:
    """Return a name for all that decides what comes of a job."""
    known = [(one.kind, sequence_to_text(one.sequence)) for one in before]
    decides = (job.text, job.cell.geometry, job.traits, job.scope, job.examples, job.seed, known)
    key = canonical((*decides, sources_digest(), compiler_version()))
    return hashlib.sha256(key.encode()).hexdigest()[:40]


def _stored(job: Job, result: CellResult) -> dict[str, Any]:
    geometry = geometry_to_text(job.cell.geometry)
    return {
        "verdict": result.verdict.value,
        "sequences": result.sequences,
        "operations": result.operations,
        "met": list(result.met),
        "missing": list(result.missing),
        "findings": [f"{geometry}\n{sequence_to_text(one.sequence)}" for one in result.findings],
    }


def _loaded(job: Job, data: dict[str, Any]) -> CellResult | None:
    findings: tuple[Finding, ...] | None = ()
    if data["findings"]:
        with machine_of(job) as machine:
            findings = played_again(machine, (parse(text)[1] for text in data["findings"]))
    if findings is None:
        return None
    return CellResult(
        cell=job.cell,
        verdict=Verdict(data["verdict"]),
        sequences=data["sequences"],
        operations=data["operations"],
        met=tuple(data["met"]),
        missing=tuple(data["missing"]),
        findings=findings,
    )


def played_again(machine: Machine, sequences: Iterable[Sequence]) -> tuple[Finding, ...] | None:
    """Return what a machine violates on sequences that violated something, in order; None where one does not."""
    findings: list[Finding] = []
    known: set[Kind] = set()
    for sequence in sequences:
        found = check(machine, sequence, known=known)
        if found is None:
            return None
        findings.append(found)
        known.add(found.kind)
    return tuple(findings)
