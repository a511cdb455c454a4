# SPDX-License-Identifier: GPL-2.0-or-later
"""tlb-flushed: what is unmapped is flushed from TLBs, before its memory is given back and before the operation ends."""

from collections.abc import Iterator

from vmemcheck.entries import Events
from vmemcheck.invariant import Invariant, Problem, never
from vmemcheck.observation import Unflushed


def _check(events: Events) -> Iterator[Problem]:
    for event in events.others:
        if isinstance(event, Unflushed):
            yield Problem(f"vmemmap [{event.start:#x}, {event.end:#x}) was unmapped, but never flushed from TLBs")
    for move in events.moves:
        if move.unflushed:
            block = next(move.blocks.blocks())
            yield Problem(f"{block} was given back while TLBs could still lead to it", subject=block)


TLB_FLUSHED = Invariant(
    "tlb-flushed",
    "what is unmapped is flushed from all TLBs before its memory is given back, and before the operation ends",
    lambda step: step.events.ask(_check),
    events=(_check,),
    otherwise=never,
    is_soft=True,
)
