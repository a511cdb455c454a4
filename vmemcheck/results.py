# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of a job, kept on disk by all that decides it: the text of the program, the sequences, this package.

Findings are kept as their sequences, and played again when they are asked for.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from vmemcheck.by_design import ByDesign
from vmemcheck.check import CellResult, Job, machine_of, run_job
from vmemcheck.engine import check
from vmemcheck.errors import VmemcheckError
from vmemcheck.invariant import Finding, Kind, Verdict
from vmemcheck.kernel.cache import cache_folder, keep_newest, write_whole
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.makers import sources_digest
from vmemcheck.kernel.stored import canonical
from vmemcheck.machine import Machine
from vmemcheck.operation import Sequence
from vmemcheck.sequence_text import geometry_to_text, parse, sequence_to_text
from vmemcheck.sub_page import SubPageCount, SubPagePath

_MOST_ENTRIES = 4096


def run_known(job: Job, before: tuple[Finding, ...] = ()) -> CellResult:
    """Run a job, unless its result is known.

    :param before: found on another machine; what this one violates too is not searched for
    """
    path = cache_folder("judged") / f"{digest_of(job, before)}.json"
    # What cannot be read, or played again, is no result: the run says what there is to say.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, VmemcheckError):
        known = _loaded(job, json.loads(path.read_bytes()))
        if known is not None:
            keep_newest(path, _MOST_ENTRIES)
            return known
    result = run_job(job, before)
    if result.verdict is not Verdict.NO_VERDICT:
        with contextlib.suppress(OSError):
            write_whole(path, json.dumps(_stored(job, result)).encode())
            keep_newest(path, _MOST_ENTRIES)
    return result


def digest_of(job: Job, before: tuple[Finding, ...] = ()) -> str:
    """Return a name for all that decides what comes of a job."""
    known = [(one.kind, sequence_to_text(one.sequence)) for one in before]
    decides = (job.text, job.cell.geometry, job.traits, job.scope, job.examples, job.seed, job.sub_page, known)
    key = canonical((*decides, sources_digest(), compiler_version()))
    return hashlib.sha256(key.encode()).hexdigest()[:40]


def _stored(job: Job, result: CellResult) -> dict[str, Any]:
    geometry, counted = geometry_to_text(job.cell.geometry), result.sub_page
    return {
        "verdict": result.verdict.value,
        "sequences": result.sequences,
        "operations": result.operations,
        "met": list(result.met),
        "missing": list(result.missing),
        "by_design": [one.name for one in result.by_design],
        "findings": [f"{geometry}\n{sequence_to_text(one.sequence)}" for one in result.findings],
        "ended_early": result.ended_early,
        "sub_page": counted and [counted.loop, counted.branch, f"{geometry}\n{sequence_to_text(counted.sequence)}"],
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
        by_design=tuple(sorted((one for one in job.traits.by_design if one.name in data["by_design"]), key=_name)),
        findings=findings,
        ended_early=data["ended_early"],
        sub_page=_counted(job.sub_page, *data["sub_page"]) if job.sub_page else None,
        cached=True,
    )


def _name(one: ByDesign) -> str:
    return one.name


def _counted(path: SubPagePath, loop: int, branch: int, text: str) -> SubPageCount:
    return SubPageCount(path, loop, branch, parse(text)[1])


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
