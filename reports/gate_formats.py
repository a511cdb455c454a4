# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of the formats of ``vmemcheck gate``; a module is imported only when its format is asked for."""

import importlib

from vmemcheck.gate.result import GateResult
from vmemcheck.reports.gate_words import Replays

FORMATS = {
    "text": "for people, in a terminal",
    "json": "everything, as reports/gate.schema.json says",
    "junit": "JUnit XML",
    "sarif": "SARIF 2.1.0, for viewers of code",
    "ktap": "KTAP 1, as the kernel's own tests",
    "b4": "the JSON of b4's check commands",
    "mail": "a reply to the patch",
    "markdown": "for the summary of a job",
    "html": "a page that steps through the sequences",
}


def report(name: str, result: GateResult, replays: Replays, *, latent: bool) -> str:
    """Return the report of a judgement, without a newline at its end.

    :param name: of a format, a key of ``FORMATS``
    :param replays: the files that sequences were saved to
    :param latent: violations in sizes that cannot occur count too
    """
    module = importlib.import_module(f"vmemcheck.reports.gate_{name}")
    return str(getattr(module, f"gate_{name}")(result, replays, latent))
