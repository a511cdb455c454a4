# SPDX-License-Identifier: GPL-2.0-or-later
"""failed-add-undone: an add that returns an error leaves everything as it was."""

from collections.abc import Iterator

from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Mapping, Table
from vmemcheck.operation import AddDevice, AddMemory

_COMPARED = {
    "present": "present memory",
    "mappings": "the mappings",
    "tables": "the page-table pages",
    "blocks": "the allocated blocks",
}


def _check(step: Step) -> Iterator[Problem]:
    if not step.failed or not isinstance(step.operation, AddDevice | AddMemory):
        return
    tables = {table.pfn: table for table in step.state.tables}
    leaves = {mapping.pfn: mapping for mapping in step.state.mappings}
    for name, called in _COMPARED.items():
        before, after = set(getattr(step.previous, name)), set(getattr(step.state, name))
        for item in sorted(after - before, key=str):
            # A block that is a table is spoken of as that table, and one that is mapped as that leaf.
            pfn = getattr(item, "pfn", -1)
            subject = item if isinstance(item, Table | Mapping) else tables.get(pfn) or leaves.get(pfn)
            yield Problem(f"the add failed, but of {called} this stayed behind: {_named(item)}", subject=subject)
        for item in sorted(before - after, key=str):
            yield Problem(f"the add failed, but of {called} this is gone: {_named(item)}")


def _named(item: object) -> str:
    return f"pfns [{item.start:#x}, {item.stop:#x})" if isinstance(item, range) else str(item)


FAILED_ADD_UNDONE = Invariant(
    "failed-add-undone",
    "an add that returns an error leaves everything as it was, and can be tried again",
    _check,
)
