# SPDX-License-Identifier: GPL-2.0-or-later
"""freed-once: each block is freed once, with its order, to its owner, and after its last user is gone."""

from collections.abc import Iterator

from vmemcheck import intervals
from vmemcheck.entries import Blocks
from vmemcheck.invariant import Invariant, Problem, Step
from vmemcheck.observation import Allocated, Block, Freed, OwnerKind


def _check(step: Step) -> Iterator[Problem]:
    if any(move.is_freed for move in step.events.moves) and not _surely_once(step):
        yield from _one_by_one(step)


def _surely_once(step: Step) -> bool:
    """Whether all that is freed is held just then, by runs; False where only a look at each block can tell."""
    previous = Blocks.of(step.previous.blocks)
    if not previous.are_apart:
        return False
    held = dict(previous.held)
    for is_freed, run, _, users in step.events.moves:
        spans = run.spans
        key = run.key
        own = held.get(key, ())
        if spans is None or users:
            return False
        for pages in spans:
            if is_freed:
                around = intervals.containing(pages.start, own)
                if around is None or pages.stop > around.stop:
                    return False
                own = intervals.subtract(own, (pages,))
            elif any(intervals.touches(pages, other) for other in held.values()) or intervals.touches(pages, own):
                return False
            else:
                own = intervals.union([*own, pages])
        held[key] = own
    return True


def _one_by_one(step: Step) -> Iterator[Problem]:
    blocks = {block.pfn: block for block in step.previous.blocks}
    # Boot memory comes in one piece and may be given back page by page.
    boot = intervals.union(_pages(block) for block in step.previous.blocks if block.owner.kind is OwnerKind.BOOT)
    for event in step.observation.events:
        if isinstance(event, Allocated):
            blocks[event.block.pfn] = event.block
            if event.block.owner.kind is OwnerKind.BOOT:
                boot = intervals.union([*boot, _pages(event.block)])
        elif isinstance(event, Freed):
            freed = event.block
            known = blocks.get(freed.pfn)
            if freed.owner.kind is OwnerKind.BOOT and not intervals.subtract([_pages(freed)], boot):
                boot = intervals.subtract(boot, (_pages(freed),))
            elif known == freed:
                del blocks[freed.pfn]
            else:
                yield Problem(_objection(freed, known), event.where)
                continue
            if event.users:
                yield Problem(
                    f"pfn {freed.pfn:#x} was freed to {freed.owner} by who did not put it: get_page_bootmem() counted"
                    f" {event.users} more users of it than put_page_bootmem()",
                    event.where,
                )


def _pages(block: Block) -> range:
    return range(block.pfn, block.pfn + (1 << block.order))


def _objection(freed: Block, known: Block | None) -> str:
    what = f"pfn {freed.pfn:#x} of order {freed.order} was freed to {freed.owner}"
    if known is None:
        return f"{what}, but is not allocated"
    return f"{what}, but was allocated with order {known.order} from {known.owner}"


FREED_ONCE = Invariant(
    "freed-once",
    "each block is freed once, with its order, to its owner, and after its last user is gone",
    _check,
)
