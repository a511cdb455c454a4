# SPDX-License-Identifier: GPL-2.0-or-later
"""Statements of a text: which of them name what is left out, or decide nothing but whether that is called."""

import pytest

from vmemcheck.gate.statements import Statements

_LINES = """\
int f(int x)
{
	int y;

	if (x)
		leave(x,
			y);
	go(x);
out:
	leave(x);
	if (!y) {
		struct zone *zone;

		zone = &ZONES(y)->one;
		leave(zone);
	}
	if (x) {
		leave(x);
		go(x);
	} else if (y) {
		leave(y);
	} else {
		return y;
	}
	while (x) {
		leave(x);
		return x;
	}
	if (y) {
		int z = go(y);
		leave(z);
	}
#define both(x) \\
	leave(x); \\
	go(x)
#ifdef leave
	go(y)
#endif
}
"""
_NAMES = frozenset(("leave",))


def test_statements_that_name_it_are_found_with_their_conditions() -> None:
    """Also where they span lines; the head of a block only where there is nothing else in it."""
    lines = [line.strip() for line in _LINES.split("\n")]
    statements = Statements(lines)
    found = [number for number, line in enumerate(lines, 1) if line and statements.names(number - 1, _NAMES)]
    assert [5, 6, 7, 10, 11, 15, 18, 20, 21, 26, 31, 33, 34, 36] == found


@pytest.mark.parametrize("count", [10, 20_000])
def test_long_text_is_looked_at_at_once(count: int) -> None:
    """A stranger may write a statement of thousands of lines, or thousands of blocks, one in another."""
    statements = Statements(["go("] * count + [");"] + ["if (x) {"] * count + ["leave();"] + ["}"] * count)
    found = [index for index in range(3 * count + 2) if statements.names(index, _NAMES)]
    assert 2 * count + 1 == found[-1]
