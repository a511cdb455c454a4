# SPDX-License-Identifier: GPL-2.0-or-later
"""freed-once: each block is freed once, with its order, to its owner, and after its last user is gone."""

from collections.abc import Iterator, Sequence

from vmemcheck import intervals
from vmemcheck.entries import BlockRun, Blocks, Events
from vmemcheck.intervals import Intervals
from vmemcheck.invariant import Invariant, Problem, Step, never
from vmemcheck.observation import Allocated, Block, Freed, Owner, OwnerKind


def _check(step: Step) -> Iterator[Problem]:
    if not _surely_once(step):
        yield from _one_by_one(step)


def _freed(events: Events) -> Iterator[BlockRun]:
    return (move.blocks for move in events.moves if move.is_freed)


def _surely_once(step: Step) -> bool:
    """Whether all that is freed is held just then, by runs; False where only a look at each block can tell."""
    previous = Blocks.of(step.previous.blocks)
    if not previous.are_apart:
        return False
    if all(move.is_freed for move in step.events.moves):
        return _all_once(step.events.ask(_freed_by_key), previous)
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


def _all_once(freed: Sequence[tuple[tuple[int, Owner], Intervals]], held: Blocks) -> bool:
    """Whether all that is freed, where nothing is handed out in between, is held; False where there is no saying."""
    return bool(freed) and not any(intervals.subtract(pages, held.held.get(key, ())) for key, pages in freed)


def _freed_by_key(events: Events) -> list[tuple[tuple[int, Owner], Intervals]]:
    """Return the pages that are freed, by what they must be freed with; nothing where that alone does not tell."""
    found: dict[tuple[int, Owner], list[range]] = {}
    for _, run, _, users in events.moves:
        spans = run.spans
        if spans is None or users:
            return []
        found.setdefault(run.key, []).extend(spans)
    united = [(key, intervals.union(spans)) for key, spans in found.items()]
    # What is freed twice is there twice, and in the union once.
    once = sum(intervals.total(pages) for _, pages in united)
    return united if once == sum(run.nr << run.order for _, run, _, _ in events.moves) else []


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
    events=(_freed,),
    otherwise=never,
)
