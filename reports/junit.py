# SPDX-License-Identifier: GPL-2.0-or-later
"""What all reports in JUnit XML have in common: suites with properties, outcomes, counts. There are no times."""

from collections.abc import Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from vmemcheck.reports.check_words import printable

_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def testsuite(root: Element, name: str, properties: Mapping[str, str]) -> Element:
    """Add a suite, with properties."""
    suite = SubElement(root, "testsuite", name=printable(name))
    element = SubElement(suite, "properties")
    for key, value in properties.items():
        SubElement(element, "property", name=key, value=printable(value))
    return suite


def outcome(case: Element, kind: str, what: str, message: str, text: str = "") -> None:
    """Say of a testcase what came of it.

    :param kind: failure, error or skipped
    :param what: the word of the report
    """
    element = SubElement(case, kind, type=what, message=printable(message))
    element.text = printable(text) or None


def document(root: Element) -> str:
    """Return the XML, in ASCII, with the counts of each suite and of all."""
    for element in [*root, root]:
        _count(element)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root).decode("ascii")


def _count(element: Element) -> None:
    element.set("tests", str(sum(1 for _ in element.iter("testcase"))))
    for name, kind in _COUNTED.items():
        element.set(name, str(sum(1 for _ in element.iter(kind))))
