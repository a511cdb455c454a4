# SPDX-License-Identifier: GPL-2.0-or-later
"""The sizes that ``struct page`` can have, by compiling the tree's own definition.

The definition is compiled once for each combination of the symbols in its ``#if`` lines; then
the combinations that an architecture cannot have are left out, as its Kconfig files say.
"""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmemcheck.errors import BuildError, SliceError
from vmemcheck.kernel.compiler import run_compiler
from vmemcheck.kernel.evaluate import View, evaluate, open_view
from vmemcheck.kernel.expand import ExpandedSource
from vmemcheck.kernel.pieces import macro_body
from vmemcheck.kernel.references import References, words_and_tags
from vmemcheck.kernel.slicer import cut
from vmemcheck.kernel.target import COMMON
from vmemcheck.kernel.tree import Tree

_HEADER = "include/linux/mm_types.h"
_LAYOUT = "include/linux/page-flags-layout.h"
_FLAGS = "include/linux/page-flags.h"
_ALIGNMENT = "_struct_page_alignment"
_DEFINITION = re.compile(r"^struct page \{.*?^\}[^;]*;", re.MULTILINE | re.DOTALL)
_CONDITION = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif)\b(.*)$", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_VALUE = re.compile(r'"->size_(\d+) (\d+) (\d+)"')
_MOST_SYMBOLS = 10


@dataclass(frozen=True, slots=True)
class StructPageSize:
    """One combination of symbols, the size it gives, and whether the target can have it.

    :param symbols: the symbols that are on; all others of the definition are off
    :param bytes: ``sizeof(struct page)``
    :param align: its alignment, in bytes
    :param reachable: some configuration of the target has just these
    """

    symbols: tuple[str, ...]
    bytes: int
    align: int
    reachable: bool


def struct_page_sizes(view: View) -> tuple[StructPageSize, ...]:
    """Return the size for every combination of symbols, smallest sets of symbols first.

    :raises SliceError: when the tree defines ``struct page`` in another way than expected
    :raises BuildError: when the definition does not compile
    """
    text = _COMMENT.sub(" ", view.tree.read(_HEADER))
    definition = _DEFINITION.search(text)
    if definition is None:
        raise SliceError(
            f"{view.tree.name} has no definition of struct page where it is expected",
            where=_HEADER,
            to_fix="see where it went, and correct the search in vmemcheck/kernel/struct_page.py",
        )
    alignment = _alignment_block(text)
    symbols = _condition_symbols(view, alignment + definition[0])
    source = _header(view)
    types = _types(source, alignment + definition[0])
    sizes = _compiled_sizes(types, alignment, definition[0], symbols)
    matters = [one for one in symbols if any(size != sizes[on ^ {one}] for on, size in sizes.items())]
    allowed = _allowed(view, source, matters)
    return tuple(
        StructPageSize(tuple(sorted(on)), *sizes[on], _is_reachable(view, on, allowed)) for on in _combinations(matters)
    )


def supported_bytes(tree: Tree) -> tuple[int, ...]:
    """Return the sizes that the kernel itself expects, for comparison.

    Source: include/linux/mm.h: __mm_zero_struct_page()
    """
    text = tree.read("include/linux/mm.h")
    body = re.search(r"__mm_zero_struct_page\(.*?\{(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    cases = {int(size) for size in re.findall(r"case (\d+):", body[1])} if body else set()
    least = {int(size) for size in re.findall(r"sizeof\(struct page\) < (\d+)", body[1])} if body else set()
    return tuple(sorted(cases | least))


def _alignment_block(text: str) -> str:
    """Return the ``#if`` block that defines the alignment of struct page, or nothing."""
    for match in re.finditer(r"^#if[^\n]*\n(?:(?!#if|#endif).*\n)*#endif.*$", text, re.MULTILINE):
        if f"#define {_ALIGNMENT}" in match[0]:
            return match[0]
    return ""


def _condition_symbols(view: View, text: str) -> tuple[str, ...]:
    """Return the symbols to combine: those of the conditions that the target does not fix."""
    words = {word for line in _CONDITION.findall(text) for word in re.findall(r"[A-Za-z_]\w*", line)}
    words -= {"defined", "IS_ENABLED"}
    fixed = {word for word in words if COMMON.get(word.removeprefix("CONFIG_")) is not None and word != "CONFIG_MEMCG"}
    symbols = tuple(sorted(words - fixed))
    if len(symbols) > _MOST_SYMBOLS:
        raise SliceError(
            f"struct page of {view.tree.name} depends on {len(symbols)} symbols: {', '.join(symbols)}",
            where=_HEADER,
            to_fix="these are too many to combine; fix some of them in vmemcheck/kernel/target.py",
        )
    return symbols


def _header(view: View) -> ExpandedSource:
    return ExpandedSource(view.reader.read([_HEADER]).text)


def _types(source: ExpandedSource, definition: str) -> str:
    """Return the types and macros that the members of struct page need."""
    names, tags = words_and_tags(definition.encode())
    needs = References(dict.fromkeys(names, True), frozenset(), tags - {"page"}, (), frozenset(), has_code=False)
    found = cut(source, (), frozenset(("struct page", _ALIGNMENT)), needs)
    return found.macros + found.types


def _combinations(symbols: Sequence[str]) -> list[frozenset[str]]:
    counts = range(len(symbols) + 1)
    return [frozenset(on) for count in counts for on in itertools.combinations(symbols, count)]


def _compiled_sizes(
    types: str, alignment: str, definition: str, symbols: tuple[str, ...]
) -> dict[frozenset[str], tuple[int, int]]:
    """Return size and alignment of struct page, in bytes, for each combination of ``symbols``."""
    parts = [f"#define CONFIG_{name} 1\n" for name, value in COMMON.items() if value == "y"]
    parts.append(types)
    combinations = _combinations(symbols)
    for number, on in enumerate(combinations):
        parts += [f"#undef {symbol}\n" for symbol in symbols]
        parts += [f"#define {symbol} 1\n" for symbol in on]
        parts += [f"#undef {_ALIGNMENT}\n{alignment}\n#define page page_{number}\n{definition}\n"]
        parts += [
            f"void p{number}(void) {{",
            f' asm(".ascii \\"->size_{number} %c0 %c1\\""',
            ' : : "i" (sizeof(struct page)), "i" (_Alignof(struct page))); }\n',
        ]
        parts += ["#undef page\n"]
    result = run_compiler(
        ["-S", "-O1", "-std=gnu11", "-w", "-x", "c", "-o", "-", "-"], "".join(parts).encode(), Path("/")
    )
    found = _VALUE.findall(result.stdout.decode("utf-8", "replace"))
    sizes = {int(number): (int(size), int(align)) for number, size, align in found}
    if result.returncode != 0 or len(sizes) != len(combinations):
        message = result.stderr.decode("utf-8", "replace")
        first = next((line for line in message.splitlines() if "error" in line), "no message")
        raise BuildError(
            "the definition of struct page does not compile",
            where=f"{_HEADER}: {first}",
            to_fix="see whether the tree itself compiles; else a type of a member was not found",
        )
    return {on: sizes[number] for number, on in enumerate(combinations)}


def _is_reachable(view: View, on: frozenset[str], allowed: Mapping[str, frozenset[bool]]) -> bool:
    if not all((symbol in on) in values for symbol, values in allowed.items()):
        return False
    answers = _free_answers(view)
    for symbol in allowed:
        if symbol.startswith("CONFIG_"):
            answers[symbol.removeprefix("CONFIG_")] = "y" if symbol in on else "n"
    return not view.kconfig.contradicts(answers)


def _free_answers(view: View) -> dict[str, str]:
    return {name: value for name, value in (COMMON | dict(view.target.answers)).items() if name != "MEMCG"}


def _allowed(view: View, source: ExpandedSource, symbols: Iterable[str]) -> dict[str, frozenset[bool]]:
    """Return whether the target can have each symbol on, and off."""
    can_be_y, can_be_n = view.kconfig.possible(_free_answers(view))
    allowed = {}
    for symbol in symbols:
        name = symbol.removeprefix("CONFIG_")
        if symbol == "LAST_CPUPID_NOT_IN_PAGE_FLAGS":
            allowed[symbol] = frozenset(_holds(each, symbol) for each in (source, _header(_crowded(view))))
        elif name == symbol:
            allowed[symbol] = frozenset((_holds(source, symbol),))
        elif name not in can_be_y:
            # Also a symbol that the tree's Kconfig files do not have is off.
            allowed[symbol] = frozenset((False,))
        else:
            allowed[symbol] = frozenset((True, False)) if name in can_be_n else frozenset((True,))
    return allowed


def _holds(source: ExpandedSource, symbol: str) -> bool:
    """Tell whether the headers define the macro, to something other than 0."""
    macros = [source.pieces[number] for number in source.macros.get(symbol, ())]
    if not macros or not macro_body(source, macros[-1]):
        return bool(macros)
    return evaluate(source, {"value": symbol})["value"] != 0


def _crowded(view: View) -> View:
    """Return the view with the fullest ``page->flags`` that the target can have."""
    free = _free_answers(view)
    can_be_y, _ = view.kconfig.possible(free)
    flags = view.tree.read(_FLAGS) + view.tree.read(_LAYOUT)
    mentioned = {word for line in _CONDITION.findall(flags) for word in re.findall(r"CONFIG_(\w+)", line)}
    answers = {name: "y" for name in mentioned & can_be_y if name not in free}
    for name in ("NODES_SHIFT", "NR_CPUS"):
        largest = view.kconfig.largest(name)
        if largest is not None:
            answers[name] = str(largest)
    page_shift = next(iter(view.target.page_shifts))
    return open_view(view.tree, view.target, page_shift, **answers)


def minimal(sizes: Iterable[StructPageSize]) -> Mapping[int, StructPageSize]:
    """Return for each size the combination with the fewest symbols, reachable ones first."""
    best: dict[int, StructPageSize] = {}
    for size in sorted(sizes, key=lambda each: (not each.reachable, len(each.symbols), each.symbols)):
        best.setdefault(size.bytes, size)
    return dict(sorted(best.items()))
