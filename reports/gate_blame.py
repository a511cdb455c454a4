# SPDX-License-Identifier: GPL-2.0-or-later
"""Which line and which hunk of a series a violation is told at.

A reviewer, and what shows results in a diff, needs a line of the series; the place in the kernel where the
violation shows may be elsewhere. Nothing here claims that the line is the cause: the patch is.
"""

from vmemcheck.gate.result import Change, ChangedLine, GateResult, Hunk, LineUse
from vmemcheck.invariant import Finding
from vmemcheck.observation import Location


def locations(finding: Finding) -> list[Location]:
    """Return the places in the kernel that have to do with a finding, each once."""
    found = [problem.where for one in finding.violations for problem in one.problems if problem.where]
    return list(dict.fromkeys(found))


def told_line(result: GateResult, change: Change) -> ChangedLine | None:
    """Return the changed line at which to tell a violation; None where the series has no lines.

    One at which the violation shows, else one of the same file, else one that ran on that architecture, all of
    the patch that is named.
    """
    lines = [line for line in result.lines if change.patch in (0, line.patch)]
    where = locations(change.finding)
    places = {(place.file, place.line) for place in where}
    files = {place.file for place in where}

    def worth(line: ChangedLine) -> tuple[bool, bool, bool]:
        ran = line.use is LineUse.EXECUTED and change.arch in line.arches
        return (line.file, line.line) in places, line.file in files, ran

    return max(lines, key=worth, default=None)


def told_hunk(result: GateResult, change: Change) -> Hunk | None:
    """Return the hunk with that line; the first one of the patch where none has it."""
    hunks = [hunk for hunk in result.hunks if change.patch in (0, hunk.patch)]
    line = told_line(result, change)
    if line:
        for hunk in hunks:
            if hunk.patch == line.patch and hunk.file == line.file and f"+{line.text}" in hunk.lines:
                return hunk
    return hunks[0] if hunks else None


def hunk_header(hunk: Hunk) -> str:
    """Return the line of a diff that starts a hunk."""
    old = sum(not line.startswith("+") for line in hunk.lines)
    new = sum(not line.startswith("-") for line in hunk.lines)
    return f"@@ -{hunk.old_start},{old} +{hunk.new_start},{new} @@"
