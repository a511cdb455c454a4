# SPDX-License-Identifier: GPL-2.0-or-later
"""Values of C constant expressions in a kernel's own terms, as the compiler computes them.

The types and macros that the expressions need are sliced from the tree; no kernel function is
compiled, and nothing is run: the values are read from the compiler's output, as Kbuild does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vmemcheck.errors import BuildError
from vmemcheck.kernel.compiler import run_compiler
from vmemcheck.kernel.expand import ExpandedSource
from vmemcheck.kernel.kconfig import Kconfig, UnreadKconfig, read_kconfig
from vmemcheck.kernel.preprocess import Reader
from vmemcheck.kernel.slicer import cut
from vmemcheck.kernel.stored import Entry
from vmemcheck.kernel.target import Target
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.watched import WatchedTree

_WORD = re.compile(r"(?:struct\s+)?[A-Za-z_]\w*")
_ERROR = re.compile(r"^expression:(\d+):", re.MULTILINE)
_VALUE = re.compile(r'"->(\w+) (-?\d+)"')
_BOUND = re.compile(rb"^[ \t]*DEFINE\(\s*(\w+)\s*,\s*(.+)\);", re.MULTILINE)
_BOUNDS = "kernel/bounds.c"


@dataclass(frozen=True, slots=True)
class View:
    """A tree as one target under one configuration sees it."""

    kconfig: Kconfig
    reader: Reader

    @property
    def tree(self) -> Tree:
        """Return the tree."""
        return self.reader.tree

    @property
    def target(self) -> Target:
        """Return the target."""
        return self.reader.target

    @property
    def values(self) -> Mapping[str, str]:
        """Return the configuration."""
        return self.reader.values


def open_view(tree: Tree, target: Target, page_shift: int, **answers: str) -> View:
    """Resolve the configuration, and compute what a kernel build computes before all else.

    :raises SliceError: when the tree's headers cannot be preprocessed
    :raises BuildError: when the bounds cannot be computed
    """
    entry = Entry("view", tree, target, page_shift, answers)
    known = entry.load(_Resolved)
    if known is not None:
        return View(UnreadKconfig(tree, target.arch), Reader(tree, target, known.values, known.bounds))
    watched = WatchedTree.of(tree)
    kconfig = read_kconfig(watched, target.arch)
    values = target.configuration(kconfig, page_shift, **answers)
    bounds = _bounds(Reader(watched, target, values, {}))
    entry.store(watched, _Resolved(values, bounds))
    return View(kconfig, Reader(tree, target, values, bounds))


@dataclass(frozen=True, slots=True)
class _Resolved:
    """What a view consists of, besides the tree and the target."""

    values: dict[str, str]
    bounds: dict[str, int]


def _bounds(empty: Reader) -> dict[str, int]:
    """Return the macros that a kernel build computes from ``kernel/bounds.c``."""
    source = ExpandedSource(empty.read([_BOUNDS]).text)
    expressions = {name.decode(): text.decode() for name, text in _BOUND.findall(source.code_only)}
    bounds = evaluate(source, expressions)
    absent = [name for name, value in bounds.items() if value is None]
    if absent:
        raise BuildError(
            f"{empty.target.arch}: {absent[0]} of {empty.tree.name} could not be computed",
            where=f"{_BOUNDS}: {expressions[absent[0]]}",
            to_fix="see whether the tree is complete and its headers fit each other",
        )
    return {name: value for name, value in bounds.items() if value is not None}


def evaluate(source: ExpandedSource, expressions: Mapping[str, str]) -> dict[str, int | None]:
    """Return the value of each expression; None for one that is no constant in this source.

    :raises BuildError: when what was sliced for the expressions does not compile
    """
    pending = {name: text for name, text in expressions.items() if _is_known(source, text)}
    values: dict[str, int | None] = dict.fromkeys(expressions)
    while pending:
        wrong, output = _compile(source, pending)
        if not wrong:
            return values | {name: int(value) for name, value in _VALUE.findall(output)}
        names = list(pending)
        for number in wrong:
            pending.pop(names[number - 1], None)
    return values


def _is_known(source: ExpandedSource, text: str) -> bool:
    """Tell whether each name of the expression exists in the source."""
    names = (word.split()[-1] for word in _WORD.findall(text))
    return all(name in source.by_name or name in ("sizeof", "unsigned", "long") for name in names)


def _compile(source: ExpandedSource, expressions: Mapping[str, str]) -> tuple[set[int], str]:
    roots = [word for text in expressions.values() for word in _WORD.findall(text)]
    piece = cut(source, roots, frozenset())
    lines = [
        f'#line {number} "expression"\n{_probe(name, text)}'
        for number, (name, text) in enumerate(expressions.items(), 1)
    ]
    text = "\n".join((piece.macros, piece.types, *lines, ""))
    # The optimiser folds what the kernel's macros leave to it, as in a kernel build.
    result = run_compiler(["-S", "-O2", "-std=gnu11", "-w", "-x", "c", "-o", "-", "-"], text.encode(), Path("/"))
    message = result.stderr.decode("utf-8", "replace")
    wrong = {int(number) for number in _ERROR.findall(message)}
    if result.returncode != 0 and not wrong:
        first = next((line for line in message.splitlines() if "error" in line), message.strip())
        raise BuildError(
            f"what is needed to compute {', '.join(expressions)} does not compile",
            where=first,
            to_fix="see that place in the tree; 'vmemcheck slice' shows what was cut out",
        )
    return wrong, result.stdout.decode("utf-8", "replace")


def _probe(name: str, text: str) -> str:
    return f'void vmemcheck_{name}(void) {{ asm volatile(".ascii \\"->{name} %c0\\"" : : "i" ((long)({text}))); }}'
