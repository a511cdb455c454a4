# SPDX-License-Identifier: GPL-2.0-or-later
"""Wrap a few sliced functions, so that the machine notes their calls; and give struct page its size.

The kernel's lines stay where they are: a definition gets another name, and a function of
the old name behind it. Only the text of the slice is edited, at run time.
"""

import functools
import re
from dataclasses import replace

from vmemcheck.errors import SliceError
from vmemcheck.kernel.doors import Prototype, prototype_of
from vmemcheck.kernel.slicer import Slice

CALLS = ("vmemmap_populate", "vmemmap_free")
"""Their calls are events with a range of addresses; the number of a function is its place."""
SECTION_CALLS = ("sparse_add_section", "sparse_remove_section")
"""Their calls are events with pages, altmap and pgmap."""
WRAPPED_PREFIX = "__vmc_"
_RENAMED = re.compile(rf"\b{WRAPPED_PREFIX}(?:\d+_)?")
_ALTMAP_ALLOC = "altmap_alloc_block_buf"
_STRUCT_PAGE = re.compile(r"^struct page \{", re.MULTILINE)


@functools.lru_cache(maxsize=4)
def instrumented(found: Slice) -> Slice:
    """Return the slice with its calls noted and the size of struct page left to VMC_STRUCT_PAGE_BYTES.

    :raises SliceError: when the definition of struct page is not where it is expected
    """
    code, prototypes = found.code, found.prototypes
    names = (*CALLS, *SECTION_CALLS)
    for number, name in enumerate(names):
        prototype = prototype_of(found, name)
        if prototype is not None:
            code, declared = _wrapped(code, name, prototype, _noting(number, prototype))
            prototypes += declared
    prototype = prototype_of(found, _ALTMAP_ALLOC)
    if prototype is not None:
        names_of = [parameter for _, parameter in prototype.parameters]
        call = f"return vmc_altmap_given({WRAPPED_PREFIX}{_ALTMAP_ALLOC}({', '.join(names_of)}), size, altmap);"
        code, declared = _wrapped(code, _ALTMAP_ALLOC, prototype, call)
        prototypes += declared
    return replace(found, code=code, prototypes=prototypes, types=_sized(found.types))


def declarations() -> str:
    """Return what the wrappers need."""
    return (
        f"#define VMC_FIRST_SECTION_CALL {len(CALLS)}\n"
        "struct vmem_altmap;\nstruct dev_pagemap;\n"
        "VMC_SHARED unsigned int vmc_enter(int function, unsigned long at, unsigned long a, unsigned long b,"
        " const struct vmem_altmap *altmap, const struct dev_pagemap *pgmap);\n"
        "VMC_SHARED_INLINE void vmc_leave(unsigned int place, long returned, unsigned long a,"
        " const struct vmem_altmap *altmap);\n"
        "VMC_SHARED void *vmc_altmap_given(void *place, unsigned long size, struct vmem_altmap *altmap);\n"
    )


def _noting(number: int, prototype: Prototype) -> str:
    names = [parameter for _, parameter in prototype.parameters]
    name = (*CALLS, *SECTION_CALLS)[number]
    first = next(word for word in names if word in ("start", "pfn", "start_pfn"))
    second = next(word for word in names if word in ("end", "nr_pages"))
    altmap = "altmap" if "altmap" in names else "0"
    pgmap = "pgmap" if "pgmap" in names else "0"
    # In parentheses it is no macro of the tree: arm64 in 5.10 has one that takes an address apart.
    caller = "(unsigned long)(__builtin_return_address)(0)"
    enter = f"unsigned int vmc_place = vmc_enter({number}, {caller}, {first}, {second}, {altmap}, {pgmap});"
    call = f"{WRAPPED_PREFIX}{name}({', '.join(names)})"
    if prototype.returns_nothing:
        return f"{enter} {call}; vmc_leave(vmc_place, 0, {first}, {altmap});"
    leave = f"vmc_leave(vmc_place, vmc_returned, {first}, {altmap});"
    return f"{enter} long vmc_returned = {call}; {leave} return vmc_returned;"


def _wrapped(code: str, name: str, prototype: Prototype, body: str) -> tuple[str, str]:
    """Rename the definition of ``name``, and put a function of that name behind all code."""
    parameters = ", ".join(text for text, _ in prototype.parameters)
    head = re.sub(r"\b(?:__weak|inline)\b", "", prototype.head).strip()
    definition = re.compile(rf"\b{name}(?=\s*\((?:[^()]|\([^()]*\))*\)[^;{{}}()]*\{{)")
    code = definition.sub(WRAPPED_PREFIX + name, code, count=1)
    wrapper = f'#line 1 "vmemcheck/{name}"\n__attribute__((__noinline__)) {head} {name}({parameters})\n{{ {body} }}\n'
    return code + wrapper, f"{head} {name}({parameters});\n{head} {WRAPPED_PREFIX}{name}({parameters});\n"


def _sized(types: str) -> str:
    """Give struct page a last member that fills it up to VMC_STRUCT_PAGE_BYTES."""
    match = _STRUCT_PAGE.search(types)
    end = types.find("\n}", match.end()) if match else -1
    if match is None or end < 0:
        raise SliceError(
            "struct page is not defined where it is expected",
            where="include/linux/mm_types.h",
            to_fix="see where it went, and correct the search in vmemcheck/kernel/instrument.py",
        )
    members = types[match.end() : end]
    bare = f"struct vmc_bare_page {{{members}\n}};\n"
    stop = types.index(";", end) + 1
    sized = (
        f"struct page {{{members}\n"
        "char vmc_padding[VMC_STRUCT_PAGE_BYTES - (long)sizeof(struct vmc_bare_page)];\n"
        "} VMC_STRUCT_PAGE_ATTRIBUTES;\n"
    )
    return types[: match.start()] + bare + sized + types[stop:]


def struct_page_attributes(struct_page_bytes: int) -> str:
    """Return the attributes that let struct page have this size: its largest alignment, at most 16."""
    align = min(struct_page_bytes & -struct_page_bytes, 16)
    packed = "packed, " if align < 8 else ""
    return f"__attribute__(({packed}aligned({align})))"


def function_name(name: str) -> str:
    """Return the kernel's name of a function that may have been renamed."""
    return kernel_names(name) if name.startswith(WRAPPED_PREFIX) else name


def kernel_names(text: str) -> str:
    """Return a message with the kernel's names of what was renamed: for a wrapper, or as one static of several."""
    return _RENAMED.sub("", text) if WRAPPED_PREFIX in text else text
