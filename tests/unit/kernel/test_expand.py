# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that macro invocations make are found, and lead to the invocation."""

from vmemcheck.kernel.expand import ExpandedSource
from vmemcheck.kernel.slicer import cut

TEXT = b"""\
# 1 "include/linux/flags.h"
#define FLAG(name, bit) static inline int Page##name(int x) { return x >> bit & one(); }
#define OP(n) int op_##n(void);
#define LOCKTYPE(n) typedef struct n##_s { int raw; } n##_t;
#define __at(x) __attribute__((section(".at"))) x
static inline int one(void) { return 1; }
FLAG(Reserved, 3)
FLAG(Dirty, 4)
OP(add)
#undef OP
#define OP(n)
LOCKTYPE(seq)
extern int __at(placed);
struct holder { seq_t lock; };
int root(struct holder *h) { return PageReserved(h->lock.raw) + op_add() + placed; }
"""


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
