# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs of entries tell as a whole is what their entries tell one by one."""

import pytest

from vmemcheck import intervals
from vmemcheck.entries import Blocks, MappingRun, Mappings
from vmemcheck.observation import BOOT, BUDDY, Block, Owner, OwnerKind

PAGE = 0x1000
LEAF = 8 * PAGE
ALTMAP = Owner(OwnerKind.ALTMAP, 0x100)
RUNS = {
    "nothing": (),
    "pages side by side": (MappingRun(0, PAGE, 0x10, 4, 1),),
    "pages that lead downwards": (MappingRun(0, PAGE, 0x10, 4, -1), MappingRun(LEAF, PAGE, 0x20, 1, 0)),
    "pages with gaps": (MappingRun(0, PAGE, 0x10, 4, 3),),
    "one page for several": (MappingRun(0, PAGE, 0x10, 4, 0),),
    "a page that is mapped twice": (MappingRun(0, PAGE, 0x10, 4, 1), MappingRun(LEAF, PAGE, 0x13, 2, 1)),
    "leaves and pages": (MappingRun(0, LEAF, 0x10, 2, 8), MappingRun(2 * LEAF, PAGE, 0x20, 2, 1)),
    "a page in a leaf": (MappingRun(0, LEAF, 0x10, 2, 8), MappingRun(2 * LEAF, PAGE, 0x17, 1, 0)),
}


@pytest.mark.parametrize("runs", RUNS.values(), ids=RUNS.keys())
def test_mappings_tell_of_their_pages_what_the_entries_do(runs: tuple[MappingRun, ...]) -> None:
    """The pages that entries lead to, those of PTEs, the leaves, and whether a page is mapped twice."""
    mappings = Mappings(runs, PAGE)
    pages = [range(one.pfn, one.pfn + (one.end - one.start) // PAGE) for one in mappings]
    base = [span for one, span in zip(mappings, pages, strict=True) if one.end - one.start == PAGE]
    listed = [pfn for span in pages for pfn in span]
    assert (intervals.union(pages), intervals.union(base)) == (mappings.pages, mappings.base_pages)
    assert tuple(run for run in runs if run.size == LEAF) == mappings.leaves
    assert (len(listed) == len(set(listed))) == mappings.are_apart


def test_blocks_tell_which_pages_may_back_any_memmap() -> None:
    """Those of an altmap are for the memmap of its own range."""
    blocks = Blocks.of((Block(0x10, 1, BUDDY), Block(0x12, 0, BOOT), Block(0x100, 2, ALTMAP)))
    assert ((range(0x10, 0x13), range(0x100, 0x104)), (range(0x10, 0x13),)) == (blocks.pages, blocks.common)
    assert blocks.are_apart


def test_entries_keep_what_they_were_asked() -> None:
    """A question is put once to the same entries, and again to equal ones."""
    asked: list[Blocks] = []

    def question(blocks: Blocks) -> list[int]:
        asked.append(blocks)
        return [len(asked)]

    one, other = (Blocks.of((Block(0x10, 1, BUDDY),)) for _ in range(2))
    assert ((1,), (1,), (2,)) == (one.ask(question), one.ask(question), other.ask(question))
    assert (one, 2) == (other, len(asked))
