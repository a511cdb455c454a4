# SPDX-License-Identifier: GPL-2.0-or-later
"""``vmemcheck gate`` as JUnit XML: a testsuite for each architecture and page size, a testcase for each geometry."""

from itertools import groupby
from xml.etree.ElementTree import Element, SubElement

from vmemcheck.gate.result import GateResult
from vmemcheck.reports.check_words import printable
from vmemcheck.reports.gate_cases import Outcome, cases
from vmemcheck.reports.gate_words import Replays, series_words
from vmemcheck.reports.junit import document, outcome, testsuite


def gate_junit(result: GateResult, replays: Replays, latent: bool) -> str:
    """Return the report of a judgement, in ASCII.

    :param replays: the files that sequences were saved to
    :param latent: violations in sizes that cannot occur count too
    """
    answer = result.answer(latent=latent).value
    root = Element("testsuites", name=printable(f"vmemcheck gate {result.tree}"))
    properties = {
        "tree": result.tree,
        "origin": result.origin,
        "series": series_words(result),
        "budget": result.budget,
        "seed": str(result.seed),
        "answer": answer,
    }
    for group, members in groupby(cases(result, replays, latent=latent), key=lambda case: case.group):
        suite = testsuite(root, group, properties)
        for case in members:
            classname = printable(f"gate.{group.removesuffix(' pages').replace(' ', '.')}")
            element = SubElement(suite, "testcase", classname=classname, name=printable(case.name))
            if case.outcome is not Outcome.PASSED:
                outcome(element, case.outcome.value, case.what, case.message, case.text)
            elif shown := "\n\n".join(filter(None, (case.message, case.text))):
                SubElement(element, "system-out").text = printable(shown)
    return document(root)
