# SPDX-License-Identifier: GPL-2.0-or-later
"""What a check counted on the sub-page path of remove_pte_table(), as text and as JSON data."""

from collections.abc import Iterator

from vmemcheck.check import CheckResult
from vmemcheck.replay_file import sequence_data
from vmemcheck.reports.finding import page_size
from vmemcheck.sequence_text import to_text
from vmemcheck.sub_page import FUNCTION, SubPageCount


def sub_page_lines(result: CheckResult) -> Iterator[str]:
    """Yield a line for each row that has the path, and the sequence where its branch was taken."""
    counted = [(one.cell, one.sub_page) for one in result.cells if one.sub_page]
    if not counted:
        return
    path = counted[0][1].path
    yield f"sub-page path of {path.file}: {FUNCTION}(), by line coverage:"
    yield f"the loop is line {path.loop}, the branch for less than a page line {path.branch}"
    yield "  architecture  page  struct page  levels  loop ran  branch ran"
    for cell, count in counted:
        geometry = cell.geometry
        yield (
            f"  {cell.arch:<12}  {page_size(geometry):<4}  {geometry.struct_page_bytes:>11}  {geometry.levels:>6}"
            f"  {count.loop:>8}  {count.branch:>10}"
        )
        if count.branch:
            yield "    the branch is taken by"
            yield from (f"      {to_text(operation)}" for operation in count.sequence)


def sub_page_data(count: SubPageCount | None) -> dict[str, object] | None:
    """Return the counts of one row as JSON data; None where the tree has no such path."""
    if count is None:
        return None
    return {
        "file": count.path.file,
        "function": FUNCTION,
        "loop_line": count.path.loop,
        "branch_line": count.path.branch,
        "loop": count.loop,
        "branch": count.branch,
        "sequence": sequence_data(count.sequence),
    }
