# SPDX-License-Identifier: GPL-2.0-or-later
"""Printing on a terminal: colour where it is wanted, plain text everywhere else.

The only part of the reports that writes; the others return text.
"""

import importlib
import os
import re
import sys

_STYLES = (
    (re.compile(r"\(\S+\)!?"), "dim"),
    (re.compile(r"(?<![(\w/])[\d/]+!"), "red"),
    (re.compile(r"^(refuted|violated)\b|^  refuted\b"), "bold red"),
    (re.compile(r"^(vacuous|no verdict)\b"), "bold yellow"),
    (re.compile(r"^(proved|holds)\b|^theorem .*proved$"), "bold green"),
    # The verdicts in the rows of a table; what cannot occur is not as loud.
    (re.compile(r"(?<=  )violated(?=  .* can occur\b)"), "bold red"),
    (re.compile(r"(?<=  )violated(?=  .* cannot occur\b)"), "red"),
    (re.compile(r"(?<=  )(vacuous|no verdict)(?=  .* can(not)? occur\b)"), "bold yellow"),
    (re.compile(r"(?<=  )holds(?=  .* can(not)? occur\b)"), "green"),
)


def wants_colour() -> bool:
    """Whether standard output is a terminal whose user has not set NO_COLOR."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def print_table(text: str) -> None:
    """Print a report, with verdicts and cells in colour on a terminal."""
    if not wants_colour():
        print(text)
        return
    console = importlib.import_module("rich.console").Console(highlight=False)
    rich_text = importlib.import_module("rich.text").Text
    for line in text.split("\n"):
        styled = rich_text(line)
        for pattern, style in _STYLES:
            for found in pattern.finditer(line):
                styled.stylize(style, found.start(), found.end())
        console.print(styled, soft_wrap=True)
