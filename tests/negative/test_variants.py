# SPDX-License-Identifier: GPL-2.0-or-later
"""Each broken variant of the reference machine is caught by the invariant that names it."""

import pytest

from tests.negative.compound import COMPOUND_VARIANTS
from tests.negative.pages import PAGE_VARIANTS
from tests.negative.pairs import PAIR_VARIANTS
from tests.negative.reuse import REUSE_VARIANTS
from tests.negative.tlb import TLB_VARIANTS
from tests.negative.variants import VARIANTS, Variant
from vmemcheck.invariants import INVARIANTS
from vmemcheck.search import search
from vmemcheck.sequence_text import sequence_to_text
from vmemcheck.suspects import Suspects

EXAMPLES = 500
_ALL = (*VARIANTS, *REUSE_VARIANTS, *TLB_VARIANTS, *PAGE_VARIANTS, *COMPOUND_VARIANTS, *PAIR_VARIANTS)


@pytest.mark.parametrize("variant", _ALL, ids=lambda variant: variant.broken.replace(" ", "-"))
def test_variant_searched_is_caught_by_its_invariant_and_shrunk(variant: Variant) -> None:
    """A search of the ci budget finds the variant and shrinks it to the hand-found length."""
    result = search(variant.machine(variant.geometry), scope=variant.scope, examples=EXAMPLES)
    assert result.finding is not None, f"not found in {EXAMPLES} sequences"
    text = sequence_to_text(result.finding.sequence)
    assert variant.invariant == result.finding.invariant, text
    assert variant.operations >= len(result.finding.sequence), text
    # What is not suspected is not looked at: it must have no objection.
    for step in result.finding.steps:
        objecting = {invariant.name for invariant in INVARIANTS if any(invariant.check(step))}
        assert objecting <= {invariant.name for invariant in Suspects(INVARIANTS).of(step)}, text


def test_variants_of_every_invariant_exist() -> None:
    """Every invariant is the catcher of at least one variant."""
    assert {invariant.name for invariant in INVARIANTS} == {variant.invariant for variant in _ALL}
