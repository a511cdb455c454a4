# SPDX-License-Identifier: GPL-2.0-or-later
"""A text is split in the same way, whether a similar one was split before or not."""

import pytest

from vmemcheck.kernel.pieces import Kind, Source
from vmemcheck.kernel.references import defined_names, references
from vmemcheck.kernel.remembered import Memory

_MARK = b'# 1 "mm/a.c"\n'
_HEADER = (
    b'# 1 "include/a.h" 1\nMAYBE int f(int n) { return g(n); }\nstatic MAKE(thing);\nint x MAYBE;\n# 2 "mm/a.c" 2\n'
)
_ENUM = b'enum e {\n# 1 "include/list.h" 1\nONE, TWO,\n# 9 "mm/a.c" 2\n};\n'
_TEXTS = {
    "as it is": _MARK + _HEADER + _ENUM,
    "moved": _MARK + b"int before;\n" + _HEADER + _ENUM,
    "twice": _MARK + _HEADER + _HEADER + _ENUM,
    "attribute": _MARK + b"#define MAYBE __attribute__((unused))\n" + _HEADER + _ENUM,
    "function-like macro": _MARK + b"#define MAKE(x) int x\n" + _HEADER + _ENUM,
    "list not in an enum": _MARK + _ENUM.partition(b"\n")[2] + _HEADER,
    "boundary in a comment": _MARK + b"/*\n" + _HEADER + b"*/\n" + _ENUM,
    "piece that never ends": _MARK + b"struct s {\n" + _HEADER + _ENUM,
}


def test_source_statement_among_the_arguments_of_a_macro_declares_nothing() -> None:
    """What include/trace/events has in TP_fast_assign() is no declaration of the last word before the equals sign."""
    text = (
        b"EVENT(x, ARGS(int order), ASSIGN(entry->a = a;\n entry->order = order;\n ), PRINT(entry->order));\nint y;\n"
    )
    declared = {name for piece in Source(_MARK + text).pieces if piece.kind is Kind.DECLARATION for name in piece.names}
    assert "order" not in declared
    assert "y" in declared


@pytest.mark.parametrize("before", _TEXTS)
@pytest.mark.parametrize("now", _TEXTS)
def test_source_like_another_is_as_without_it(before: str, now: str) -> None:
    """Pieces, places, and what is known of each piece do not depend on what was looked at before."""
    memory = Memory()
    other = Source(_TEXTS[before], memory)
    _ = [references(other, piece) for piece in other.pieces], [defined_names(other, piece) for piece in other.pieces]
    found, expected = Source(_TEXTS[now], memory), Source(_TEXTS[now])
    assert found.pieces == expected.pieces
    assert (found.by_name, found.macros) == (expected.by_name, expected.macros)
    assert (found.code, found.code_only) == (expected.code, expected.code_only)
    for piece in expected.pieces:
        assert found.position(piece.start) == expected.position(piece.start)
        assert references(found, piece) == references(expected, piece)
        assert defined_names(found, piece) == defined_names(expected, piece)


def test_source_piece_around_an_include_is_one_piece() -> None:
    """An enum whose members come from an included list is one type, at its own line."""
    source = Source(_TEXTS["as it is"])
    (number,) = source.by_name["TWO"]
    piece = source.pieces[number]
    assert (piece.kind, source.raw(piece)) == (Kind.TYPE, _ENUM.rstrip())
    assert source.position(piece.start) == ("mm/a.c", 2)


def test_source_macros_between_finds_both_ends_in_the_order_of_the_text() -> None:
    """A prefix or a suffix, whichever is given; the order is that of the first definitions."""
    source = Source(b"#define ON_B 1\n#define OFF_A 1\n#define ON_A 1\n#undef ON_B\n#define ON_B 2\n")
    assert source.macros_between("ON_", "") == ["ON_B", "ON_A"]
    assert source.macros_between("", "_A") == ["OFF_A", "ON_A"]


def test_memory_beyond_its_bytes_forgets_all_but_the_last_text() -> None:
    """Trees of many series, read one after the other, do not fill the memory."""
    memory = Memory(most_bytes=len(_TEXTS["as it is"]))
    Source(_TEXTS["as it is"], memory)
    assert _HEADER in b"".join(memory.regions)
    Source(_TEXTS["piece that never ends"][:-1], memory)
    assert b"".join(memory.regions) == _TEXTS["piece that never ends"][:-1]
    assert Source(_TEXTS["as it is"], memory).pieces == Source(_TEXTS["as it is"]).pieces
