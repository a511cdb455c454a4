# SPDX-License-Identifier: GPL-2.0-or-later
"""How the machine calls the functions of one tree: macros that are made from the tree's own prototypes.

Kernel versions pass other arguments. Each is told by the name of its parameter, and one
that is not known is an error, never a guess.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vmemcheck.errors import ShimGapError
from vmemcheck.kernel.pieces import Kind
from vmemcheck.kernel.slicer import Slice

# What follows the name of a function that is defined: its parameters, and attributes.
_DEFINED = re.compile(r"\s*\((?P<parameters>(?:[^()]|\([^()]*\))*)\)[^;{}()]*\{")


@dataclass(frozen=True, slots=True)
class _Door:
    """A macro: its parameters, and what stands for each parameter of the kernel's function."""

    macro: str
    parameters: str
    functions: tuple[str, ...]
    arguments: Mapping[str, str]
    absent: str = ""


_PAGES = {"pfn": "p", "start_pfn": "p", "phys_start_pfn": "p", "nr_pages": "n", "nid": "0", "node": "0"}
_BYTES = {"start": "s", "size": "b", "nid": "0"}
_DOORS = (
    _Door("VMC_ADD_MEMORY", "i, s, b, f", ("add_memory",), {**_BYTES, "nid": "i", "mhp_flags": "f"}),
    _Door("VMC_REMOVE_MEMORY", "s, b", ("remove_memory",), _BYTES),
    _Door(
        "VMC_SUPPORTS_MEMMAP_ON_MEMORY", "b", ("mhp_supports_memmap_on_memory",), {"size": "b"}, absent="((void)(b), 0)"
    ),
    # With classic sparse memory there is no device memory.
    _Door("VMC_MEMREMAP", "g", ("memremap_pages",), {"pgmap": "g", "nid": "0"}, absent="((void *)-22L)"),
    _Door("VMC_MEMUNMAP", "g", ("memunmap_pages",), {"pgmap": "g"}, absent="((void)(g))"),
    _Door("VMC_COMPAT_ALIGN", "", ("memremap_compat_align",), {}, absent="0UL"),
    _Door("VMC_ARCH_ADD", "s, b, q", ("arch_add_memory",), {**_BYTES, "params": "q", "restrictions": "q"}),
    _Door("VMC_ARCH_REMOVE", "s, b, a, g", ("arch_remove_memory",), {**_BYTES, "altmap": "a", "pgmap": "g"}),
    _Door(
        "VMC_CHECK_MEMORY_RANGE",
        "s, b",
        ("check_hotplug_memory_range",),
        _BYTES,
    ),
    _Door("VMC_MEMORY_PRESENT", "nid, s, e", ("memory_present",), {"nid": "nid", "start": "s", "end": "e"}),
    _Door(
        "VMC_SPARSE_INIT",
        "nid, b, e, c",
        ("sparse_init_nid",),
        {"nid": "nid", "nodeid": "nid", "pnum_begin": "b", "pnum_end": "e", "map_count": "c"},
    ),
    _Door(
        "VMC_SUBSECTION_MAP_INIT",
        "p, n",
        ("subsection_map_init", "sparse_init_subsection_map"),
        _PAGES,
    ),
    # Only some architectures count the users of boot memory.
    _Door(
        "VMC_REGISTER_BOOTMEM",
        "p",
        ("register_page_bootmem_info_section",),
        {"start_pfn": "p"},
        absent="((void)(p))",
    ),
)


@dataclass(frozen=True, slots=True)
class Prototype:
    """A function that a slice defines.

    :param head: what stands before its name
    :param parameters: declaration and name of each
    """

    head: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def returns_nothing(self) -> bool:
        """Whether it is a void function."""
        return re.search(r"\bvoid\b", self.head) is not None and "*" not in self.head


@functools.lru_cache(maxsize=4)
def door_macros(found: Slice) -> str:
    """Return the macros through which the machine calls the functions of ``found``.

    :raises ShimGapError: when a function is absent, or has a parameter that is not known
    """
    lines = list(_calls(found))
    has_pgmap = re.search(r"struct mhp_params \{[^}]*\bpgmap;", found.types) is not None
    pgmap = ", .pgmap = (g)" if has_pgmap else ""
    lines.append(f"#define VMC_PARAMS(a, g, protection) {{ .altmap = (a), .pgprot = (protection){pgmap} }}")
    if re.search(r"\bvmemmap_shift;", found.types):
        lines += ["#define VMC_PGMAP_SHIFT(g) ((g)->vmemmap_shift)"]
        lines += ["#define VMC_SET_PGMAP_SHIFT(g, s) ((g)->vmemmap_shift = (s))"]
    else:
        lines += ["#define VMC_PGMAP_SHIFT(g) 0UL", "#define VMC_SET_PGMAP_SHIFT(g, s) ((void)(s))"]
    ref = "(g)->ref" if re.search(r"struct percpu_ref \*ref;", found.types) else "&(g)->ref"
    lines.append(f"#define VMC_PGMAP_REF(g) ({ref})")
    has_align = prototype_of(found, "memremap_compat_align") is not None
    # A place is looked up as that of a call, which is before the address.
    place = "((unsigned long)memremap_compat_align + 1)" if has_align else "0UL"
    lines.append(f"#define VMC_COMPAT_ALIGN_AT {place}")
    has_folio_free = re.search(r"\(\*folio_free\)", found.types) is not None
    lines.append(f"#define VMC_PAGE_FREE {'folio_free' if has_folio_free else 'page_free'}")
    limit = re.search(r"\bvmemmap_shift > (\w+)", found.code)
    lines.append(f"#define VMC_MAX_FOLIO_ORDER {limit[1] if limit else 63}")
    flag = "MHP_MEMMAP_ON_MEMORY" if re.search(r"#\s*define MHP_MEMMAP_ON_MEMORY\b", found.macros) else "0"
    lines.append(f"#define VMC_ON_MEMORY {flag}")
    return "\n".join(lines) + "\n"


def functions_called(found: Slice) -> Iterator[str]:
    """Yield the functions of ``found`` that the macros call."""
    for door in _DOORS:
        yield from [name for name in door.functions if prototype_of(found, name)][:1]
    yield "memremap_compat_align"


def prototype_of(found: Slice, name: str) -> Prototype | None:
    """Return the prototype of a function that the slice defines, or None."""
    return _prototype(found.code, name) if name in _functions(found) else None


@functools.lru_cache(maxsize=8)
def _functions(found: Slice) -> frozenset[str]:
    return frozenset(item.name for item in found.items if item.kind is Kind.FUNCTION)


@functools.lru_cache(maxsize=512)  # one text is asked for some twenty names, for each of its geometries
def _prototype(code: str, name: str) -> Prototype | None:
    # A pattern that begins with letters is found much faster.
    for match in re.finditer(rf"{name}(?<!\w{name})\b", code):
        defined = _DEFINED.match(code, match.end())
        head = _head(code, match.start())
        if defined is None or head is None:
            continue
        texts = [" ".join(text.split()) for text in _split(defined["parameters"])]
        parameters = tuple((text, re.findall(r"\w+", text)[-1]) for text in texts if text != "void")
        return Prototype(" ".join(head.split()), parameters)
    return None


def _head(code: str, end: int) -> str | None:
    """Return what stands before the name of a function: from the one before, the file name of a #line, or a line on.

    :return: None where the name is in a body, or in a directive
    """
    start = max(code.rfind(letter, 0, end) for letter in ';{}#"') + 1
    if start and code[start - 1] in "{#":
        start = code.find("\n", start, end) + 1
        return code[start:end] if start else None
    return code[start:end]


def _calls(found: Slice) -> Iterator[str]:
    for door in _DOORS:
        present = [(name, prototype) for name in door.functions if (prototype := prototype_of(found, name))]
        if not present:
            if not door.absent:
                raise ShimGapError(
                    f"the slice has no {' or '.join(door.functions)}(), which the machine calls",
                    where=f"called by vmemcheck/shim/doors.c, as {door.macro}()",
                    to_fix="if the tree renamed it, add the name to vmemcheck/kernel/doors.py and scope.py",
                )
            yield f"#define {door.macro}({door.parameters}) {door.absent}"
            continue
        name, prototype = present[0]
        arguments = []
        for text, parameter in prototype.parameters:
            if parameter not in door.arguments:
                raise ShimGapError(
                    f"{name}() has a parameter that is not known: {text}",
                    where=_place(found, name),
                    to_fix="say in vmemcheck/kernel/doors.py what the machine is to pass",
                )
            arguments.append(f"({door.arguments[parameter]})")
        yield f"#define {door.macro}({door.parameters}) {name}({', '.join(arguments)})"


def _place(found: Slice, name: str) -> str:
    item = next(item for item in found.items if item.kind is Kind.FUNCTION and item.name == name)
    return f"{item.file}:{item.line}: {name}()"


def _split(parameters: str) -> list[str]:
    """Split at commas that are in no parentheses."""
    parts, depth = [""], 0
    for letter in parameters:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part.strip()]
