# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the tables of docs/mutation.md: ``python -m benchmarks.mutation_tables DOCUMENT REPORT...``.

The reports are what ``vmemcheck mutate --paths --format json`` printed. Only what stands between the two marks of the
document is replaced.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from vmemcheck.reports.mutation_markdown import survey_of, surveys_markdown

BEGIN = "<!-- tables of benchmarks/mutation_tables.py -->\n"
END = "<!-- end of the tables -->\n"


def with_tables(document: str, reports: Sequence[str]) -> str:
    """Return a document with the tables of these reports between its marks.

    :raises ValueError: when it does not have both marks
    """
    if BEGIN not in document or END not in document:
        raise ValueError(f"the document needs the lines {BEGIN.strip()} and {END.strip()}")
    before, rest = document.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n{surveys_markdown([survey_of(report) for report in reports])}\n{END}{after}"


def main(arguments: Sequence[str]) -> int:
    """Rewrite the document; return 2 when it has no marks, or there is no report."""
    if len(arguments) < 2:
        print("usage: python -m benchmarks.mutation_tables DOCUMENT REPORT...", file=sys.stderr)
        return 2
    document = Path(arguments[0])
    try:
        text = with_tables(document.read_text(), [Path(name).read_text() for name in arguments[1:]])
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    document.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
