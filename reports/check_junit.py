# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck check`` as JUnit XML: a testsuite for each architecture and page size, a testcase for each row.

A failure is what makes the exit code 1, an error what makes it 2, so that nothing that has no
verdict passes silently. There are no times in it.
"""

from collections.abc import Mapping
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement

from vmemcheck.check import Cause, CellResult, CheckResult
from vmemcheck.invariant import Verdict
from vmemcheck.reports.check_finding import cause_lines
from vmemcheck.reports.check_words import (
    by_design_lines,
    counts,
    ended_words,
    overall,
    printable,
    scope_words,
    unusual_levels,
)
from vmemcheck.reports.finding import page_size
from vmemcheck.reports.junit import document, outcome, testsuite


def check_junit(result: CheckResult, replays: Mapping[Cause, str], *, latent: bool) -> str:
    """Return the report of a tree as JUnit XML, in ASCII.

    :param replays: the files that sequences were saved to
    :param latent: what cannot occur counts too
    """
    root = Element("testsuites", name=printable(f"vmemcheck check {result.tree}"))
    for (arch, page), group in groupby(result.cells, key=lambda one: (one.cell.arch, page_size(one.cell.geometry))):
        ones = list(group)
        suite = _suite(root, f"{arch} {page} pages", result)
        for one in ones:
            _testcase(suite, result, one, replays, latent=latent)
        declared = by_design_lines(ones)
        if declared:
            SubElement(suite, "system-out").text = printable("\n".join(f"by design  {line}" for line in declared))
    if result.skipped:
        _skipped_suite(root, result)
    if not any(counts(one, latent=latent) for one in result.cells):
        case = SubElement(_suite(root, "rows", result), "testcase", classname="check", name="a row that can occur")
        outcome(case, "error", overall(result, latent=latent).value, "no row can occur in this tree")
    return document(root)


def _suite(root: Element, name: str, result: CheckResult) -> Element:
    values = {
        "tree": result.tree,
        "origin": result.origin,
        "scope": scope_words(result.scope),
        "sequences": str(result.examples),
        "seed": str(result.seed),
    }
    return testsuite(root, name, values)


def _testcase(
    suite: Element, result: CheckResult, one: CellResult, replays: Mapping[Cause, str], *, latent: bool
) -> None:
    levels = unusual_levels(one.cell)
    name = f"struct page {one.cell.geometry.struct_page_bytes}"
    name += f", {levels} levels" if levels else ""
    name += f", {one.cell.memory_model}" if one.cell.memory_model else ""
    case = SubElement(suite, "testcase", classname=f"check.{one.cell.arch}.{page_size(one.cell.geometry)}", name=name)
    is_counted = counts(one, latent=latent)
    unless = "" if is_counted else "; this size of struct page cannot occur in this tree"
    kind = "error" if is_counted else "skipped"
    match one.verdict:
        case Verdict.VIOLATED:
            causes = [cause for cause in result.causes if one.cell in cause.cells]
            names = ", ".join(dict.fromkeys(cause.kind.invariant for cause in causes))
            text = "\n\n".join("\n".join(cause_lines(result, cause, replays.get(cause, ""))) for cause in causes)
            text = f"{ended_words(one)}\n\n{text}" if one.ended_early else text
            if is_counted:
                outcome(case, "failure", "violated", names, text)
            else:
                SubElement(case, "system-out").text = f"violated: {names}{unless}\n\n{text}"
        case Verdict.VACUOUS:
            met = f"{len(one.met)} of {len(one.met) + len(one.missing)} marks met"
            outcome(case, kind, "vacuous", f"{met}; not met: {', '.join(one.missing)}{unless}")
        case Verdict.NO_VERDICT:
            first = one.error.partition("\n")[0]
            outcome(case, kind, "no verdict", f"{first}{unless}", one.error)
        case Verdict.HOLDS:
            pass


def _skipped_suite(root: Element, result: CheckResult) -> None:
    suite = _suite(root, "left out", result)
    for line in result.skipped:
        name, _, reason = line.partition(": ")
        case = SubElement(suite, "testcase", classname="check.left_out", name=printable(name))
        outcome(case, "skipped", "left out", reason or line)
