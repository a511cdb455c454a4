# SPDX-License-Identifier: GPL-2.0-or-later
"""The C side that does not come from a kernel tree: its files, and the names that it provides.

A name that the shim defines is cut off there: the slice does not follow it into the tree.
"""

import re
from dataclasses import dataclass
from importlib import resources

from vmemcheck.kernel.pieces import Kind, Source
from vmemcheck.kernel.references import References, defined_names, defined_tags, references

_CONDITIONAL = re.compile(rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif|include)\b.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shim:
    """The shim for one architecture.

    :param files: name of a file to its text, in the order in which they are compiled
    :param names: what they define: identifiers, and tags such as ``struct page``
    :param needs: what their code wants from the tree
    """

    files: dict[str, str]
    names: frozenset[str]
    needs: References


def load_shim(arch: str) -> Shim:
    """Read the files of ``vmemcheck/shim`` that serve all architectures, and those of ``arch``."""
    folder = resources.files("vmemcheck") / "shim"
    wanted = [*_headers(folder), *_headers(folder / arch)] if folder.is_dir() else []
    return shim_of({name: path.read_text() for name, path in wanted})


def shim_of(files: dict[str, str]) -> Shim:
    """Return the shim that consists of these texts."""
    names: set[str] = set()
    needs: list[References] = []
    for text in files.values():
        # Conditions stay for the compiler: whichever holds, the name is the shim's.
        source = Source(_CONDITIONAL.sub(lambda match: b" " * len(match[0]), text.encode()))
        for piece in source.pieces:
            if piece.kind is not Kind.UNDEF:
                names |= defined_names(source, piece)
            names |= {f"struct {tag}" for tag in defined_tags(source, piece)}
            needs.append(references(source, piece))
    return Shim(files, frozenset(names), _joined(needs, names))


def _headers(folder: resources.abc.Traversable) -> list[tuple[str, resources.abc.Traversable]]:
    if not folder.is_dir():
        return []
    return sorted((path.name, path) for path in folder.iterdir() if path.name.endswith(".h"))


def _joined(needs: list[References], own: set[str]) -> References:
    names: dict[str, bool] = {}
    for one in needs:
        for name, is_call in one.names.items():
            if name not in own:
                names[name] = names.get(name, False) or is_call
    return References(
        names=names,
        fields=frozenset(field for one in needs for field in one.fields),
        tags=frozenset(tag for one in needs for tag in one.tags if f"struct {tag}" not in own),
        weak_tags=(),
        pasted=frozenset(pair for one in needs for pair in one.pasted),
    )
