# SPDX-License-Identifier: GPL-2.0-or-later
"""Which C files of a tree hold vmemmap code, and which of them defines a name.

A name that is defined in none of these files belongs to the shim.
"""

import re
from dataclasses import dataclass

from vmemcheck.errors import SliceError
from vmemcheck.kernel.kconfig_expression import Values
from vmemcheck.kernel.tree import Tree

ROOTS = ("add_memory", "remove_memory", "vmemmap_populate", "vmemmap_free")
"""Where every slice starts."""

DOORS = (
    "memremap_pages",
    "memunmap_pages",
    "memremap_compat_align",
    "arch_add_memory",
    "arch_remove_memory",
    "mhp_supports_memmap_on_memory",
    "check_hotplug_memory_range",
    "memory_present",
    "sparse_init_nid",
    "subsection_map_init",
    "sparse_init_subsection_map",
    "register_page_bootmem_info_section",
)
"""Functions, most of them static, through which the machine boots and adds memory; as far as the tree has them."""

# The files are told by what their names say, so that one that a patch adds or splits off is found.
_MM_FILE = re.compile(
    r"mm/(?:[^/]*(?:sparse|vmemmap|memory_hotplug|memremap|bootmem_info)[^/]*|debug|pgtable-generic)\.c"
)
# The subsection maps are bitmaps.
_LIB_FILES = ("lib/bitmap.c", "lib/find_bit.c")
_FUNCTION = re.compile(
    r"^(?!static\b|typedef\b|extern\b)[A-Za-z_][^;={}()#]{0,200}?\b(\w+)\s*\((?:[^(){};]|\([^()]*\))*\)[^;{}()]*\{",
    re.MULTILINE,
)
_OBJECT = re.compile(
    r"^(?!static\b|typedef\b|extern\b)[A-Za-z_][^\n;={}()#]*?\b(\w+)\s*(?:\[[^\]]*\]\s*)*(?:__\w+\s*)*[=;]",
    re.MULTILINE,
)
_DEFINE = re.compile(r"^DEFINE_\w+\((?:[^,()]+,\s*)?(\w+)\)", re.MULTILINE)
_OBJECTS = re.compile(r"^[\w-]+-(?:\$\(CONFIG_)?(\w+)\)?\s*[:+]?=\s*(.*)$", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scope:
    """The C files of one architecture that can hold vmemmap code.

    :param definers: global name -> the files that define it, under whatever condition
    """

    files: tuple[str, ...]
    definers: dict[str, tuple[str, ...]]

    def files_of(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the files that define the names, in the order of the tree.

        :raises SliceError: when one is defined nowhere
        """
        for name in names:
            if name not in self.definers:
                raise SliceError(
                    f"no file defines {name}()",
                    where=", ".join(self.files[:6]) + " ...",
                    to_fix="if the tree renamed it, name the new root in vmemcheck/kernel/scope.py",
                )
        wanted = {file for name in names for file in self.definers[name]}
        return tuple(file for file in self.files if file in wanted)


def scope_of(tree: Tree, arch: str, values: Values) -> Scope:
    """Find the files that a configuration builds, and what they define."""
    files = tuple(
        name
        for name in (*tree.files("mm", ".c"), *tree.files(f"arch/{arch}/mm", ".c"))
        if (name.startswith("arch/") or _MM_FILE.fullmatch(name)) and _is_built(tree, name, values)
    )
    files += tuple(name for name in _LIB_FILES if tree.has(name))
    definers: dict[str, list[str]] = {}
    for file in files:
        text = _COMMENT.sub(" ", tree.read(file))
        for pattern in (_FUNCTION, _OBJECT, _DEFINE):
            for name in dict.fromkeys(pattern.findall(text)):
                definers.setdefault(name, []).append(file)
    return Scope(files, {name: tuple(dict.fromkeys(found)) for name, found in definers.items()})


def may_define(name: str, arch: str) -> bool:
    """Tell whether a C file, by its name, is looked at for an architecture; there need not be such a file."""
    if not name.endswith(".c"):
        return False
    return name in _LIB_FILES or name.startswith(f"arch/{arch}/mm/") or bool(_MM_FILE.fullmatch(name))


def _is_built(tree: Tree, name: str, values: Values) -> bool:
    """Tell whether Kbuild would compile the file; one that its Makefile does not name counts as built."""
    folder, _, file = name.rpartition("/")
    if not tree.has(f"{folder}/Makefile"):
        return True
    text = tree.read(f"{folder}/Makefile").replace("\\\n", " ").replace("$(BITS)", "64")
    wanted = re.sub(r"\.c$", ".o", file)
    lines = [(symbol, objects.split()) for symbol, objects in _OBJECTS.findall(text)]
    conditions = [symbol for symbol, objects in lines if wanted in objects]
    if not conditions:
        # Where the Makefile says init_$(BITS).o, init_32.c is not built.
        return not wanted.endswith("_32.o")
    return any(symbol == "y" or values.get(symbol) == "y" for symbol in conditions)
