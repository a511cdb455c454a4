# SPDX-License-Identifier: GPL-2.0-or-later
"""Kconfig: what an architecture of a tree selects, and a whole configuration from a few answers.

Reads the part of the language that decides values. Prompts, menus and help are skipped;
macro calls such as ``$(cc-option,...)`` count as ``y``: some compiler can do it.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from vmemcheck.errors import TreeError
from vmemcheck.kernel.kconfig_expression import Values, maybe, surely, truth
from vmemcheck.kernel.tree import Tree

_SHARED = ("mm", "init", "kernel", "lib")
_ROUNDS = 40


@dataclass(slots=True)
class Block:
    """One ``config`` block. A name can have several, each with its own dependencies."""

    kind: str = ""
    has_prompt: bool = False
    depends: list[str] = field(default_factory=list)
    defaults: list[tuple[str, str]] = field(default_factory=list)
    selects: list[tuple[str, str]] = field(default_factory=list)
    ranges: list[tuple[str, str, str]] = field(default_factory=list)

    def visible(self, values: Values) -> bool:
        """Tell whether all dependencies of the block hold."""
        return all(truth(condition, values) for condition in self.depends)


@dataclass(slots=True)
class Choice:
    """One ``choice``: at most one member is ``y``."""

    condition: str
    members: list[str] = field(default_factory=list)
    defaults: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kconfig:
    """The symbols and choices of one architecture of one tree."""

    symbols: Mapping[str, list[Block]]
    choices: tuple[Choice, ...]

    def resolve(self, answers: Values) -> dict[str, str]:
        """Return all symbols that are not ``n``, as ``make olddefconfig`` would from ``answers``.

        Modules count as built in. An answer stands even where dependencies speak against it.
        """
        values: dict[str, str] = {name: value for name, value in answers.items() if value != "n"}
        for _ in range(_ROUNDS):
            before = dict(values)
            values = self._round(before, answers)
            if values == before:
                return values
        # Two symbols that exclude each other swing: what both rounds agree on stands.
        return {name: value for name, value in values.items() if before.get(name) == value}

    def possible(self, answers: Values) -> tuple[frozenset[str], frozenset[str]]:
        """Return the symbols that can be ``y``, and those that can be ``n``, beside ``answers``.

        Each symbol for itself; whether several go together is for ``contradicts()``.
        """
        never = {name for name, value in answers.items() if value == "n"}
        always = self._certain(answers) - never
        can: set[str] = set(always)
        for _ in range(_ROUNDS):
            new = {
                name
                for owner in can
                for name, condition in _selects(self.symbols.get(owner, []))
                if maybe(condition, can, always)
            }
            new |= {name for name, blocks in self.symbols.items() if name not in can and self._can(blocks, can, always)}
            if new <= can | never:
                break
            can |= new - never
        return frozenset(can), frozenset(self.symbols) - always

    def contradicts(self, answers: Values) -> bool:
        """Tell whether the answers force a symbol that they also forbid."""
        return any(answers.get(name) == "n" for name in self._certain(answers))

    def _certain(self, answers: Values) -> set[str]:
        """Return what is ``y`` whenever the answers hold: selected, without a choice, or depended on."""
        always = {name for name, value in answers.items() if value == "y"}
        never = {name for name, value in answers.items() if value == "n"}
        for _ in range(_ROUNDS):
            new = {name for name, blocks in self.symbols.items() if _is_fixed(blocks, always, never)}
            for owner in always:
                blocks = self.symbols.get(owner, [])
                new |= {name for name, condition in _selects(blocks) if surely(condition, always, never)}
                if len(blocks) == 1:
                    new |= {text for line in blocks[0].depends for text in line.split(" && ") if text in self.symbols}
            if new <= always:
                break
            always |= new
        return always

    @staticmethod
    def _can(blocks: list[Block], can: set[str], always: set[str]) -> bool:
        for block in blocks:
            if block.kind not in ("bool", "tristate", ""):
                continue
            if all(maybe(condition, can, always) for condition in block.depends):
                if block.has_prompt:
                    return True
                if any(
                    maybe(value, can, always) and maybe(condition, can, always) for value, condition in block.defaults
                ):
                    return True
        return False

    def largest(self, name: str) -> int | None:
        """Return the largest value that some configuration allows a number, None without a range."""
        ends = [high for block in self.symbols.get(name, []) for _, high, _ in block.ranges]
        for end in list(ends):
            ends += [value for block in self.symbols.get(end, []) for value, _ in block.defaults]
        return max((int(end) for end in ends if end.isdigit()), default=None)

    def _round(self, before: Values, answers: Values) -> dict[str, str]:
        values = {name: value for name, value in answers.items() if value != "n"}
        for choice in self.choices:
            member = self._chosen(choice, before, answers)
            if member:
                values[member] = "y"
        members = {member for choice in self.choices for member in choice.members}
        for name, blocks in self.symbols.items():
            if before.get(name) == "y":
                values.update((selected, "y") for selected in _selected(blocks, before) if selected not in answers)
            if name not in answers and name not in members and name not in values:
                value = _default(blocks, before)
                if value != "n":
                    values[name] = value
        return values

    def _chosen(self, choice: Choice, values: Values, answers: Values) -> str:
        for member in choice.members:
            if answers.get(member) == "y":
                return ""
        if not truth(choice.condition, values):
            return ""
        visible = [member for member in choice.members if any(block.visible(values) for block in self.symbols[member])]
        for member, condition in choice.defaults:
            if member in visible and truth(condition, values):
                return member
        return visible[0] if visible else ""


class UnreadKconfig(Kconfig):
    """The same, read when it is first looked into."""

    _place: tuple[Tree, str]

    def __init__(self, tree: Tree, arch: str) -> None:
        # Fields of a frozen dataclass cannot be set in the usual way.
        object.__setattr__(self, "_place", (tree, arch))

    @functools.cached_property
    def symbols(self) -> Mapping[str, list[Block]]:
        """Return name -> blocks."""
        return self._read.symbols

    @functools.cached_property
    def choices(self) -> tuple[Choice, ...]:
        """Return the choices."""
        return self._read.choices

    @functools.cached_property
    def _read(self) -> Kconfig:
        return read_kconfig(*self._place)


def _is_fixed(blocks: list[Block], always: set[str], never: set[str]) -> bool:
    """Tell whether a symbol that nobody is asked for is always ``y``."""
    if any(block.has_prompt for block in blocks) or len(blocks) != 1 or not blocks[0].defaults:
        return False
    value, condition = blocks[0].defaults[0]
    return all(surely(text, always, never) for text in (value, condition, *blocks[0].depends))


def _selects(blocks: list[Block]) -> Iterator[tuple[str, str]]:
    for block in blocks:
        yield from block.selects


def _selected(blocks: list[Block], values: Values) -> Iterator[str]:
    for block in blocks:
        yield from (name for name, condition in block.selects if truth(condition, values))


def _default(blocks: list[Block], values: Values) -> str:
    for block in blocks:
        for value, condition in block.defaults if block.visible(values) else ():
            if not truth(condition, values):
                continue
            if any(each.kind in ("bool", "tristate") for each in blocks):
                return "y" if truth(value, values) else "n"
            if "$(" in value:
                return "n"
            return values.get(value, "n" if re.fullmatch(r"[A-Z_][A-Z0-9_]*", value) else value.strip("\"'"))
    return "n"


def read_kconfig(tree: Tree, arch: str) -> Kconfig:
    """Read the Kconfig files of a tree that bear on one architecture.

    :param arch: name of the folder below ``arch/``
    :raises TreeError: when there is no such architecture
    """
    if not tree.has(f"arch/{arch}/Kconfig"):
        raise TreeError(
            f"{tree.name} has no architecture {arch}",
            where=str(tree.root / "arch"),
            to_fix="use the name of a folder below arch/",
        )
    names = [*tree.files(f"arch/{arch}", "", prefix="Kconfig"), "arch/Kconfig"]
    names += [name for folder in _SHARED for name in tree.files(folder, "", prefix="Kconfig")]
    return parse_kconfig(tree.read(name) for name in names)


def parse_kconfig(texts: Iterable[str]) -> Kconfig:
    """Return what the texts of some Kconfig files say together."""
    reader = _Reader()
    for text in texts:
        reader.read(text)
    return Kconfig(symbols=reader.symbols, choices=tuple(reader.choices))


class _Reader:
    """Collects symbols and choices, file by file."""

    def __init__(self) -> None:
        self.symbols: dict[str, list[Block]] = {}
        self.choices: list[Choice] = []
        self._conditions: list[str] = []
        self._choice: Choice | None = None
        self._target: Block | Choice | None = None

    def read(self, text: str) -> None:
        self._conditions, self._choice, self._target = [], None, None
        for line in _lines(text):
            word, _, rest = line.partition(" ")
            self._statement(word, rest.strip())

    def _statement(self, word: str, rest: str) -> None:
        match word:
            case "config" | "menuconfig":
                self._target = Block(depends=list(self._conditions))
                self.symbols.setdefault(rest, []).append(self._target)
                if self._choice is not None:
                    self._choice.members.append(rest)
            case "choice":
                self._choice = Choice(condition=" && ".join(f"({one})" for one in self._conditions) or "y")
                self._target = self._choice
                self.choices.append(self._choice)
            case "endchoice":
                self._choice = self._target = None
            case "if":
                self._conditions.append(rest)
                self._target = None
            case "endif":
                if self._conditions:
                    self._conditions.pop()
                self._target = None
            case "menu" | "comment" | "source" | "endmenu" | "mainmenu":
                self._target = None
            case _:
                self._attribute(word, rest)

    def _attribute(self, word: str, rest: str) -> None:
        value, condition = _split_if(rest)
        target = self._target
        if isinstance(target, Choice):
            if word == "default":
                target.defaults.append((value, condition))
            elif word == "depends":
                target.condition = f"({target.condition}) && ({rest.removeprefix('on ')})"
        elif isinstance(target, Block):
            self._block_attribute(target, word, rest)

    @staticmethod
    def _block_attribute(block: Block, word: str, rest: str) -> None:
        value, condition = _split_if(rest)
        match word:
            case "bool" | "tristate" | "int" | "hex" | "string":
                block.kind = word
                block.has_prompt = block.has_prompt or bool(rest)
            case "prompt":
                block.has_prompt = True
            case "def_bool" | "def_tristate":
                block.kind = "bool"
                block.defaults.append((value, condition))
            case "default":
                block.defaults.append((value, condition))
            case "select":
                block.selects.append((value, condition))
            case "depends":
                block.depends.append(rest.removeprefix("on ").strip())
            case "range":
                low, _, high = value.partition(" ")
                block.ranges.append((low, high.strip(), condition))


def _lines(text: str) -> Iterator[str]:
    """Yield the statements, without comments and help texts, continuations joined."""
    help_indent: int | None = None
    for line in text.replace("\\\n", " ").expandtabs().splitlines():
        indent = len(line) - len(line.lstrip())
        stripped = line.strip()
        if help_indent is not None:
            if not stripped or indent > help_indent:
                continue
            help_indent = None
        if stripped in ("help", "---help---"):
            # The text of a help is indented more than the word.
            help_indent = indent
        elif stripped and not stripped.startswith("#"):
            yield re.sub(r"\s+#[^\"']*$", "", stripped)


def _split_if(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"(.*?)\s+if\s+(.*)", text)
    return (match[1].strip(), match[2].strip()) if match else (text.strip(), "y")
