# SPDX-License-Identifier: GPL-2.0-or-later
"""refusals: exactly what must be refused is refused, and changes nothing."""

from collections.abc import Iterable, Iterator

from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.model import Outcome
from vmemcheck.observation import Mapping, Table, Warned

_COMPARED = ("present", "mappings", "tables", "blocks")


def _check(step: Step) -> Iterator[Problem]:
    pfns, observation = step.expectation.pfns, step.observation
    asked = f"the request for pfns [{pfns.start:#x}, {pfns.stop:#x})"
    # A retry that is refused is the subject of failed-add-undone.
    if step.expectation.outcome is Outcome.SUCCEEDS and step.failed and not step.is_retry:
        yield Problem(f"{asked} is valid, but was refused with {observation.returned}")
    if not step.refused:
        return
    # A remove returns nothing; a warning is how the kernel refuses it.
    if observation.returned >= 0 and not any(isinstance(event, Warned) for event in step.events.others):
        yield Problem(f"{asked} is misaligned, overlaps or is not present, but was not refused")
    for name in _COMPARED:
        before, after = getattr(step.previous, name), getattr(step.state, name)
        if before != after:
            yield Problem(f"{asked} must be refused, but changed the {name}", subject=_kept(step, before, after))


def _kept(step: Step, before: Iterable[object], after: Iterable[object]) -> Mapping | Table | None:
    """Return the memmap that stayed mapped, or the table, where nothing else changed: of a first range taken back."""
    entries: dict[int, Mapping | Table] = {leaf.pfn: leaf for leaf in step.state.mappings}
    entries |= {table.pfn: table for table in step.state.tables}
    new = [entries.get(getattr(each, "pfn", -1)) for each in set(after) - set(before)]
    return new[0] if new and all(new) and not set(before) - set(after) else None


REFUSALS = Invariant(
    "refusals",
    "misaligned, overlapping and absent ranges are refused with an error and change nothing; others are not refused",
    _check,
)
