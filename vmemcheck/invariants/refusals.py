# SPDX-License-Identifier: GPL-2.0-or-later
"""refusals: exactly what must be refused is refused, and changes nothing."""

from collections.abc import Iterator

from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.model import Outcome
from vmemcheck.observation import Warned

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
        if getattr(step.previous, name) != getattr(step.state, name):
            yield Problem(f"{asked} must be refused, but changed the {name}")


REFUSALS = Invariant(
    "refusals",
    "misaligned, overlapping and absent ranges are refused with an error and change nothing; others are not refused",
    _check,
)
