# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that macro invocations make are found, and lead to the invocation."""

from pathlib import Path

from vmemcheck.kernel.expand import ExpandedSource
from vmemcheck.kernel.slicer import cut

TEXT = (Path(__file__).parent / "data/invocations.i").read_bytes()


def test_cut_pasted_function_keeps_its_invocation_only() -> None:
    """PageReserved() comes with its FLAG() line; PageDirty()'s line stays away; one() comes along."""
    found = cut(ExpandedSource(TEXT), ["root"], frozenset())
    assert "FLAG(Reserved, 3)" in found.code
    assert "FLAG(Dirty, 4)" not in found.code
    assert "one(void)" in found.code


def test_cut_type_made_by_a_macro_comes_with_the_types() -> None:
    """A struct that holds a pasted type needs its invocation first."""
    found = cut(ExpandedSource(TEXT), ["root"], frozenset())
    assert found.types.index("LOCKTYPE(seq)") < found.types.index("struct holder")


def test_cut_macro_that_is_undefined_later_made_its_name() -> None:
    """op_add() was made while OP() still meant something; it is only declared, so it is missing."""
    found = cut(ExpandedSource(TEXT), ["root"], frozenset())
    assert "OP(add)" in found.code
    assert "placed" in found.prototypes
