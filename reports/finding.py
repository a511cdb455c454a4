# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of a finding: the verdict line, the sequence, the reason, how to replay it."""

from vmemcheck.geometry import Geometry
from vmemcheck.invariant import Finding, Problem, Step
from vmemcheck.operation import Initialise, Remove
from vmemcheck.sequence_text import geometry_to_text, to_text

_COMMENT_COLUMN = 48


def finding_text(finding: Finding, machine: str, replay: str = "") -> str:
    """Return the report of one finding; what stands in it is data, never markup.

    :param machine: what was tested
    :param replay: the file that it was saved to; without one, the lines to paste are printed
    """
    geometry = finding.steps[-1].geometry
    lines = [
        verdict_line(finding, f"{geometry_words(geometry)}, {machine}"),
        *(f"  {line}" for line in sequence_lines(finding)),
        *reason_lines(finding),
    ]
    if replay:
        lines.append(f"replay   vmemcheck replay {replay}")
    else:
        lines += ["replay   save these lines as FILE, then: vmemcheck replay FILE", f"  {geometry_to_text(geometry)}"]
        lines += [f"  {to_text(operation)}" for operation in finding.sequence]
    return "\n".join(lines)


def verdict_line(finding: Finding, subject: str) -> str:
    """Return the first line of a finding.

    :param subject: sizes, and what was tested
    """
    return f"violated  {finding.invariant}   {subject}"


def reason_lines(finding: Finding) -> list[str]:
    """Return why it is one: each problem, and the place in the source where one is known."""
    lines = ["because"]
    for violation in finding.violations:
        if violation is not finding.violations[0]:
            lines.append(f"and so   {violation.invariant}")
        lines += [line for problem in violation.problems for line in _problem_lines(problem)]
        if violation.more:
            lines.append(f"  and {violation.more} more of the same kind")
    return lines


def geometry_words(geometry: Geometry) -> str:
    """Return a geometry in a few words."""
    words = f"{page_size(geometry)} pages, struct page {geometry.struct_page_bytes}"
    if geometry.table_shift != geometry.page_shift - 3:
        words += f", {1 << geometry.table_shift} entries per table"
    return words


def page_size(geometry: Geometry) -> str:
    """Return the page size as people say it: 4K, 16K, 64K."""
    size = geometry.page_bytes
    return f"{size >> 10}K" if size >= 1024 else str(size)


def sequence_lines(finding: Finding) -> list[str]:
    """Return the operations that applied, each victim with the range that it names."""
    return [step_line(step) for step in finding.steps]


def step_line(step: Step, outcome: str = "") -> str:
    """Return one operation in its text form; an operation on a victim gets that range as a comment.

    :param outcome: what came of it, put behind the operation
    """
    text = to_text(step.operation) + (f"   {outcome}" if outcome else "")
    if not isinstance(step.operation, Remove | Initialise):
        return text
    pfns, unit = step.expectation.pfns, step.geometry.pages_per_subsection
    door = next((live.door.value for live in step.before.ranges if live.pfns == pfns), "range")
    return f"{text:<{_COMMENT_COLUMN - 2}}# {door} subsections [{pfns.start // unit}, {pfns.stop // unit})"


def _problem_lines(problem: Problem) -> list[str]:
    lines = [f"  {problem.because}"]
    if problem.where:
        lines.append(f"    at {problem.where}")
    return lines
