# SPDX-License-Identifier: GPL-2.0-or-later
"""Each operator makes the mutants that it should of a small C text, and no others."""

import pytest

from vmemcheck.kernel.expand import ExpandedSource
from vmemcheck.kernel.slicer import Slice, cut
from vmemcheck.mutation.mutant import Operator
from vmemcheck.mutation.paths import path_functions
from vmemcheck.mutation.schemata import drafts_of

_HEAD = """# 1 "include/linux/it.h"
static inline int take(int from, int to) { return 1000 + 2 * from - to; }
static inline int flagged(int gfp_flags) { return gfp_flags; }
# 1 "mm/it.c"
"""


def sliced(body: str, head: str = _HEAD) -> Slice:
    """Return the slice of a function f(a, b) with a body."""
    return cut(ExpandedSource(f"{head}int f(int a, int b)\n{{\n{body}\n}}\n".encode()), ["f"], frozenset())


def texts(operator: Operator, body: str) -> list[str]:
    """Return what an operator changes in a body."""
    return [draft.text for draft in drafts_of(sliced(body)) if draft.operator is operator]


@pytest.mark.parametrize(
    ("operator", "body", "expected"),
    [
        (Operator.DROP_STATEMENT, "a = b; take(a, b); return a;", ["a = b;", "take(a, b);"]),
        (Operator.DROP_STATEMENT, "if (a) return b; return a;", ["return b;"]),
        (Operator.DROP_STATEMENT, "while (a) { if (b) break; a--; } return a;", ["break;", "a--;"]),
        (Operator.NEGATE, "if (a && !b) return 1; return a == b;", ["a && !b", "a", "!b", "a == b"]),
        (Operator.NEGATE, "return a ? b : 1;", ["a"]),
        (Operator.OFF_BY_ONE, "return a < b;", ["a < b + 1"]),
        (Operator.OFF_BY_ONE, "return a + 1;", ["a + 1: 1 less"]),
        (Operator.OFF_BY_ONE, "return a == b;", []),
        (Operator.SWAP, "return take(a, b);", ["take(): a <-> b"]),
        (Operator.SWAP, "return take(a, a);", []),
        (Operator.DROP_CALL, "return take(a, b);", ["take(a, b) -> 0"]),
        (Operator.DROP_CALL, "take(a, b); return a;", []),
        (Operator.DROP_FLAG, "return flagged(a | b);", ["a | b: without a", "a | b: without b"]),
        (Operator.DROP_FLAG, "return a + b;", []),
    ],
)
def test_operator_makes_just_its_mutants(operator: Operator, body: str, expected: list[str]) -> None:
    """What is changed, in the order of the text."""
    assert sorted(texts(operator, body)) == sorted(expected)


def test_operators_leave_constants_of_the_compiler_alone() -> None:
    """What must be known when it compiles is not changed: sizes, values of cases, BUILD_BUG_ON()."""
    body = "BUILD_BUG_ON(a < b); switch (a) { case 1 + 1: return sizeof(int[2 - 1]); } return 0;"
    assert [draft for draft in drafts_of(sliced(body)) if draft.operator is Operator.OFF_BY_ONE] == []


def test_operators_leave_headers_alone() -> None:
    """Functions of headers are not changed: what users of the tree test are its C files."""
    assert drafts_of(sliced("return take(a, b);", _HEAD.replace("mm/it.c", "include/linux/it.h"))) == []


def test_path_functions_are_those_that_the_roots_reach() -> None:
    """A function is found through a macro and a header; what is in another file, or not reached, is not counted."""
    text = """# 1 "include/linux/it.h"
#define through(x) reached(x)
static inline int header(int x) { return through(x); }
# 1 "mm/sparse-vmemmap.c"
int reached(int x) { return x; }
int alone(int x) { return x; }
int vmemmap_free(int x) { return header(x) + other(x); }
# 1 "mm/memory_hotplug.c"
int other(int x) { return alone_too(x); }
int caller(int x) { return vmemmap_free(x) + alone(x); }
"""
    found = cut(ExpandedSource(text.encode()), ["caller"], frozenset())
    assert path_functions(found) == {"reached", "vmemmap_free"}
