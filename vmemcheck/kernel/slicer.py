# SPDX-License-Identifier: GPL-2.0-or-later
"""Slice: from root functions, keep all that they need of the tree, and nothing else.

What the shim provides is cut off there. Nothing is invented: a name that neither has is listed
in ``Slice.missing``, with the function that uses it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from vmemcheck.kernel.expand import ExpandedSource
from vmemcheck.kernel.pieces import Kind, Piece, Source, macro_body
from vmemcheck.kernel.references import (
    References,
    defined_names,
    defined_tags,
    is_prototype,
    is_weak,
    references,
)
from vmemcheck.kernel.units import FOREIGN, Foreign, Units, renamed

_BUILT_IN = re.compile(r"__builtin_\w+|__sync_\w+|__atomic_\w+|__has_\w+")
_SHORTEST_PASTED = 3
_ROOT, _SHIM = -1, -2
_USERS = {_ROOT: "a root", _SHIM: "the shim"}


@dataclass(frozen=True, slots=True)
class Item:
    """One piece that came from the tree, and why.

    :param why: the name through which it was reached, and the name that used it
    """

    kind: Kind
    name: str
    file: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A name that neither the tree nor the shim defines, and a place that uses it."""

    name: str
    file: str
    function: str


@dataclass(frozen=True, slots=True)
class Slice:
    """The kept part of a source.

    :param macros: definitions of macros, to come first
    :param types: structs, unions, enums and typedefs
    :param prototypes: declarations of functions, and of objects that are elsewhere
    :param code: objects and functions, in the kernel's order
    :param items: what came from the tree, in the kernel's order
    :param from_shim: name that the shim provides -> the function or macro that uses it
    """

    macros: str
    types: str
    prototypes: str
    code: str
    items: tuple[Item, ...]
    from_shim: Mapping[str, str]
    missing: tuple[Missing, ...]

    def __hash__(self) -> int:
        """Return the hash of the texts, so that what is made of a slice for each geometry can be made once."""
        return hash((self.macros, self.types, self.prototypes, self.code))


@dataclass(slots=True)
class _Closure:
    """The work list, and what is kept so far."""

    source: ExpandedSource
    shim: frozenset[str]
    kept: dict[int, str] = field(default_factory=dict)
    from_shim: dict[str, str] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    seen: set[tuple[str, bool, bool]] = field(default_factory=set)
    seen_tags: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    waiting: list[tuple[str, frozenset[str], int]] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    guessed: set[int] = field(default_factory=set)
    pasted: set[tuple[str, str]] = field(default_factory=set)
    defined: dict[int, frozenset[str]] = field(default_factory=dict)
    for_types: set[int] = field(default_factory=set)
    units: Units = field(init=False)

    def __post_init__(self) -> None:
        self.units = Units(self.source)

    def need(self, name: str, is_call: bool, user: int, is_code: bool = True) -> None:
        """Keep what defines ``name``, unless the shim does.

        :param is_call: an opening parenthesis follows, so that a macro with arguments is meant
        :param is_code: it is in code, so that it can mean a function or an object
        """
        if (name, is_call, is_code) in self.seen or (name, True, True) in self.seen:
            return
        found = list(self._defining(name, is_call, is_code)) if name not in self.shim else []
        if len(found) > 1 and (name in self.units.rivals or self.units.has_rivals(name, found)):
            # Each user is looked at: it means that of its own file.
            found = self.units.visible(name, found, user)
        else:
            self.seen.add((name, is_call, is_code))
        if name in self.shim:
            self.from_shim.setdefault(name, self.label(user))
            return
        if self._only_declared(found):
            generated = self.source.generated.get(name, [])
            found += generated
            if user >= 0 and self.source.pieces[user].kind is Kind.TYPE:
                self.for_types.update(generated)
        for number in self._strong(found):
            self.keep(number, name, user)
        is_declared = any(self.source.pieces[number].kind is Kind.DECLARATION for number in found)
        if self._only_declared(found) and (is_declared or (is_code and is_call and self._is_unknown_call(name, user))):
            self.missing.setdefault(name, user)

    def need_tag(self, name: str, user: int) -> None:
        """Keep the definition of ``struct name``, unless the shim has it."""
        if name in self.seen_tags:
            return
        self.seen_tags.add(name)
        if f"struct {name}" in self.shim:
            self.from_shim.setdefault(f"struct {name}", self.label(user))
            return
        for number in self.source.by_name.get(name, ()):
            piece = self.source.pieces[number]
            if piece.kind in (Kind.TYPE, Kind.DECLARATION) and name in defined_tags(self.source, piece):
                self.keep(number, f"struct {name}", user)
            elif piece.kind is Kind.MACRO and piece.parameters is None and name != _body(self.source, piece):
                # The kernel renames some: #define rcu_head callback_head
                self.keep(number, name, user)
                self.need_tag(_body(self.source, piece), user)
        for number in self.source.generated.get(f"struct {name}", ()):
            self.for_types.add(number)
            self.keep(number, f"struct {name}", user)

    def keep(self, number: int, name: str, user: int, guess: bool = False) -> None:
        """Keep one piece; what it refers to is looked at later.

        :param guess: a ``##`` may name it; only the macros that it needs are kept with it
        """
        if number in self.guessed and not guess:
            self.guessed.discard(number)
            self.pending.append(number)
        if number not in self.kept:
            self.guessed |= {number} if guess else set()
            self.kept[number] = f"{name}, used by {self.label(user)}" if user >= 0 else "root"
            self.pending.append(number)

    def follow(self, number: int, found: References) -> None:
        """Go on with what a kept piece refers to."""
        for name, is_call in found.names.items():
            self.need(name, is_call, number, found.has_code and number not in self.guessed)
        # Sorted, so that the same tree gives the same text in each run.
        for name in sorted(found.tags):
            self.need_tag(name, number)
        for prefix, suffix in sorted(found.pasted):
            self._need_pasted(prefix, suffix, number)
        self.waiting += [(name, members, number) for name, members in found.weak_tags]
        self.fields |= found.fields
        for field_name in sorted(found.fields):
            # Only a macro can stand in the place of a member.
            for macro in self.source.by_name.get(field_name, ()):
                if self.source.pieces[macro].kind is Kind.MACRO:
                    self.keep(macro, field_name, number)

    def run(self) -> None:
        """Work until nothing new is needed."""
        while self.pending or self._wake():
            while self.pending:
                number = self.pending.pop()
                self.follow(number, references(self.source, self.source.pieces[number]))

    def label(self, user: int) -> str:
        """Return the name of the piece for messages."""
        if user < 0:
            return _USERS[user]
        piece = self.source.pieces[user]
        return min(
            defined_names(self.source, piece) or defined_tags(self.source, piece) or piece.names[:1], default="?"
        )

    def _wake(self) -> bool:
        ready = [entry for entry in self.waiting if entry[1] & self.fields]
        self.waiting = [entry for entry in self.waiting if not entry[1] & self.fields]
        for name, _, user in ready:
            self.need_tag(name, user)
        return bool(self.pending)

    def _is_unknown_call(self, name: str, user: int) -> bool:
        is_function = user < 0 or self.source.pieces[user].kind is Kind.FUNCTION
        return is_function and not _BUILT_IN.fullmatch(name)

    def _defining(self, name: str, is_call: bool, is_code: bool) -> Iterator[int]:
        # Most names stand in the headers of many functions, as a parameter: this is asked half a million times.
        pieces, defined = self.source.pieces, self.defined
        for number in self.source.by_name.get(name, ()):
            kind = pieces[number].kind
            if kind is Kind.MACRO or kind is Kind.UNDEF:
                if is_call or pieces[number].parameters is None:
                    yield number
            elif is_code or kind is Kind.TYPE:
                if number not in defined:
                    defined[number] = defined_names(self.source, pieces[number])
                if name in defined[number]:
                    yield number

    def _strong(self, found: list[int]) -> list[int]:
        """Drop the weak definitions when there is another one."""
        functions = [number for number in found if self.source.pieces[number].kind is Kind.FUNCTION]
        weak = [number for number in functions if is_weak(self.source, self.source.pieces[number])]
        return [number for number in found if number not in weak] if len(weak) < len(functions) else found

    def _only_declared(self, found: list[int]) -> bool:
        """Tell whether no piece says what the name is: none at all, prototypes, ``#define name name``."""
        for number in found:
            piece = self.source.pieces[number]
            if piece.kind is Kind.MACRO and _body(self.source, piece) == piece.names[0]:
                continue
            code = self.source.code_only[piece.start : piece.end]
            if piece.kind is not Kind.DECLARATION:
                return False
            if not is_prototype(self.source, piece) and not re.match(rb"\s*extern\b", code):
                return False
        return True

    def _need_pasted(self, prefix: str, suffix: str, user: int) -> None:
        """Keep the macros that a ``##`` can name: the compiler would not report their absence."""
        if len(prefix + suffix) < _SHORTEST_PASTED:
            return
        if (prefix, suffix) in self.pasted:
            return
        self.pasted.add((prefix, suffix))
        for name in self.source.macros_between(prefix, suffix):
            for number in self.source.macros[name]:
                self.keep(number, name, user, guess=True)


class Cutter:
    """Cuts slices of one source: each holds what the ones before hold, and what is wanted besides."""

    def __init__(self, source: ExpandedSource, shim: frozenset[str], shim_needs: References | None = None) -> None:
        """Cut nothing yet.

        :param shim: identifiers and tags (``struct page``) that the shim defines
        :param shim_needs: what the shim itself wants from the tree
        """
        self._closure = _Closure(source, shim)
        self._shim_needs = shim_needs

    def cut(self, roots: Iterable[str]) -> Slice:
        """Return the slice that these roots need, and all those before.

        :param roots: names of functions, objects or types (``struct page``)
        """
        for root in roots:
            if root.startswith("struct "):
                self._closure.need_tag(root.removeprefix("struct "), _ROOT)
            else:
                self._closure.need(root, True, _ROOT)
        if self._shim_needs is not None:
            self._closure.follow(_SHIM, self._shim_needs)
            self._shim_needs = None
        self._closure.run()
        return _emit(self._closure)

    def foreign(self) -> list[Foreign]:
        """Return the names that C files may use of other ones that keep them to themselves."""
        return self._closure.units.foreign(self._closure.kept)

    def without(self, foreign: Iterable[Foreign]) -> Slice:
        """Return the slice with other names, which nobody has, where these are foreign."""
        names_of: dict[int | None, dict[str, str]] = {}
        for each in foreign:
            names_of.setdefault(each.unit, {})[each.name] = FOREIGN + each.name
        return _emit(self._closure, names_of)


def cut(
    source: ExpandedSource, roots: Iterable[str], shim: frozenset[str], shim_needs: References | None = None
) -> Slice:
    """Return the slice of ``source`` that ``roots`` need; see ``Cutter``."""
    return Cutter(source, shim, shim_needs).cut(roots)


def _body(source: Source, piece: Piece) -> str:
    return macro_body(source, piece).decode()


def _emit(closure: _Closure, foreign: Mapping[int | None, Mapping[str, str]] | None = None) -> Slice:
    """Return the text of what is kept.

    :param foreign: unit -> the names that nobody declares in it, and what they are to be called
    """
    source = closure.source
    names_of = closure.units.names(closure.kept)
    for unit, others in (foreign or {}).items():
        names_of.setdefault(unit, {}).update(others)
    groups: dict[str, list[bytes]] = {"macros": [], "types": [], "prototypes": [], "code": []}
    items = []
    bodies: dict[str, bytes] = {}
    functions: set[str] = set()
    for number in sorted(closure.kept):
        piece = source.pieces[number]
        file, line = source.position(piece.start)
        text = source.raw(piece)
        if names_of:
            text = renamed(source, piece, names_of.get(closure.units.of(number), {}))
        names = defined_names(source, piece)
        group = _group(closure, number)
        if piece.kind in (Kind.MACRO, Kind.UNDEF):
            name = piece.names[0]
            if bodies.get(name) == text or (piece.kind is Kind.UNDEF and name not in bodies):
                continue
            # A later definition, or one of a function that has a macro of its name, stays in its place.
            if name in bodies or name in functions or piece.kind is Kind.UNDEF:
                group, text = "code", b"#undef %s\n%s" % (name.encode(), text)
            bodies[name] = text
        else:
            functions |= names
        groups[group].append(b'#line %d "%s"\n%s\n' % (line, file.encode(), text))
        label = min(names or defined_tags(source, piece) or piece.names[:1], default="")
        items.append(Item(piece.kind, label, file, line, closure.kept[number]))
    missing = tuple(
        Missing(name, source.position(source.pieces[user].start)[0] if user >= 0 else "-", closure.label(user))
        for name, user in sorted(closure.missing.items())
    )
    texts = {name: b"".join(parts).decode("utf-8", "replace") for name, parts in groups.items()}
    return Slice(**texts, items=tuple(items), from_shim=dict(closure.from_shim), missing=missing)


def _group(closure: _Closure, number: int) -> str:
    source = closure.source
    piece = source.pieces[number]
    match piece.kind:
        case Kind.MACRO | Kind.UNDEF:
            return "macros"
        case Kind.TYPE:
            return "types"
        case Kind.DECLARATION:
            code = source.code_only[piece.start : piece.end]
            is_elsewhere = is_prototype(source, piece) or re.match(rb"\s*extern\b", code)
            return "prototypes" if is_elsewhere else "code"
        case Kind.INVOCATION:
            # One that makes a type (SEQCOUNT_LOCKTYPE) must come before the types that hold it.
            if number in closure.for_types:
                return "types"
            return "prototypes" if "DECLARE" in piece.names[0] else "code"
        case _:
            return "code"
