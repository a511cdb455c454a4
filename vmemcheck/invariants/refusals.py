# SPDX-License-Identifier: GPL-2.0-or-later
"""refusals: exactly what must be refused is refused, and changes nothing."""

from collections.abc import Iterable, Iterator

from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.model import Outcome
from vmemcheck.observation import Mapping, Table, Warned

_COMPARED = ("present", "mappings", "tables", "blocks")


def _check(step: Step) -> Iterator[Problem]:
    returned, outcome = step.observation.returned, step.expectation.outcome
    # A retry that is refused is the subject of failed-add-undone.
    if returned < 0 and outcome is Outcome.SUCCEEDS and step.failed and not step.is_retry:
        yield Problem(f"{_asked(step)} is valid, but was refused with {returned}")
    if outcome is not Outcome.REFUSED:
        return
    # A remove returns nothing; a warning is how the kernel refuses it.
    if returned >= 0 and not any(isinstance(event, Warned) for event in step.events.others):
        yield Problem(f"{_asked(step)} is misaligned, overlaps or is not present, but was not refused")
    if step.previous is step.state:
        return
    for name in _COMPARED:
        before, after = getattr(step.previous, name), getattr(step.state, name)
        if before != after:
            subject = _kept(step, before, after)
            yield Problem(f"{_asked(step)} must be refused, but changed the {name}", subject=subject)


def _asked(step: Step) -> str:
    pfns = step.expectation.pfns
    return f"the request for pfns [{pfns.start:#x}, {pfns.stop:#x})"


def _kept(step: Step, before: Iterable[object], after: Iterable[object]) -> Mapping | Table | None:
    """Return the memmap that stayed mapped, or the table, where nothing else changed: of a first range taken back."""
    entries: dict[int, Mapping | Table] = {leaf.pfn: leaf for leaf in step.state.mappings}
    entries |= {table.pfn: table for table in step.state.tables}
    earlier = set(before)
    # In their order, of which sets have none that is the same in each run.
    new = [entries.get(getattr(each, "pfn", -1)) for each in after if each not in earlier]
    return new[0] if new and all(new) and not earlier.difference(after) else None


REFUSALS = Invariant(
    "refusals",
    "misaligned, overlapping and absent ranges are refused with an error and change nothing; others are not refused",
    _check,
    otherwise=lambda step: step.observation.returned < 0 or step.refused,
)
