# SPDX-License-Identifier: GPL-2.0-or-later
"""The slice of a tree for one target: which files it takes, and what is cut out of them.

The closure of the names is checked by the compiler: what it does not know although the tree
has it (a name made by nested pasting, for example) is added. The result is text; it is not built here.
"""

import dataclasses
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass

from vmemcheck.errors import SliceError
from vmemcheck.garbage import collected_seldom
from vmemcheck.kernel.balance import unbalanced
from vmemcheck.kernel.compiler import complaints
from vmemcheck.kernel.evaluate import View
from vmemcheck.kernel.expand import ExpandedSource
from vmemcheck.kernel.instrument import kernel_names
from vmemcheck.kernel.literals import raw_string_in, return_in
from vmemcheck.kernel.pieces import Kind
from vmemcheck.kernel.scope import DOORS, ROOTS, Scope, scope_of
from vmemcheck.kernel.shim import FIRST, Shim
from vmemcheck.kernel.slicer import Cutter, Slice
from vmemcheck.kernel.stored import Entry, Hint
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.units import FOREIGN
from vmemcheck.kernel.watched import WatchedTree

_UNKNOWN = (
    re.compile(r"error: '(\w+)' undeclared"),
    re.compile(r"error: unknown type name '(\w+)'"),
    re.compile(r"error: implicit declaration of function '(\w+)'"),
    re.compile(r"(?:incomplete|undefined)(?: element)? type '((?:struct|union) \w+)'"),
    re.compile(r"storage size of '\w+' isn't known.*?\n.*?\b(struct \w+) \w+"),
)
_IN_FUNCTION = re.compile(r"In function '(\w+)'")
_FOREIGN = re.compile(
    r"(?P<file>[^:\n]+):(?P<line>\d+):\d+: error: "
    rf"(?:implicit declaration of function '|unknown type name '|'){FOREIGN}(?P<name>\w+)'"
)
# Any sizes do for the question which names are known; those of a program are in vmemcheck.kernel.build.
_SIZES = "#define VMC_STRUCT_PAGE_BYTES 64L\n#define VMC_TABLE_SHIFT 9\n#define VMC_BLOCK_PAGES 32768UL\n"
_COMPILER_ROUNDS = 10
_GUESSES = 2


@dataclass(frozen=True, slots=True)
class TreeSlice:
    """A slice, and what it was cut from.

    :param files: the C files that were read, in order
    :param placeholders: headers that only a kernel build makes, and that were read as empty
    :param absent: roots that the tree does not have
    :param complaints: what the compiler still says of the text, the kernel's file and line first
    """

    cut: Slice
    files: tuple[str, ...]
    placeholders: tuple[str, ...]
    absent: tuple[str, ...]
    complaints: tuple[str, ...]


def slice_tree(view: View, shim: Shim, roots: Sequence[str] = ROOTS) -> TreeSlice:
    """Slice what the roots need out of a tree.

    C files are added as long as one in scope defines a name that is still missing.

    A slice that was cut before is taken from the cache, as long as all that it depends on is the same.

    :raises SliceError: when the tree cannot be preprocessed, or has none of the roots
    """
    entry = Entry("slice", view.tree, view.target, view.values, view.reader.bounds, shim, tuple(roots))
    known = entry.load(TreeSlice)
    if known is not None:
        return known
    before = entry.load_of_base(TreeSlice)
    # Of this architecture, or of another one, which shares the files of mm/.
    usual = [Hint("files", tuple(roots), *arch) for arch in ((view.target.arch,), ())]
    likely = before.files if before else next(filter(None, (one.load() for one in usual)), ())
    watched = WatchedTree.of(view.tree)
    reader = dataclasses.replace(view.reader, tree=watched)
    with collected_seldom():
        found = _slice_tree(View(view.kconfig, reader), shim, roots, likely)
    entry.store(watched, found)
    for one in usual:
        one.store(found.files)
    return found


def _slice_tree(view: View, shim: Shim, roots: Sequence[str], likely: Sequence[str] = ()) -> TreeSlice:
    """Slice a tree.

    :param likely: the files that were needed before a change, or in another tree: they need not be found one after the
        other, if all of them are needed now
    """
    scope = scope_of(view.tree, view.target.arch, view.values)
    first = scope.files_of(tuple(name for name in roots if name in scope.definers) or tuple(roots))
    wanted = {*first, *likely}
    for _ in range(_GUESSES if likely else 0):
        files = tuple(file for file in scope.files if file in wanted)
        # What is read in vain says nothing of the slice.
        tree = WatchedTree.of(view.tree)
        try:
            found = _grown(View(view.kconfig, dataclasses.replace(view.reader, tree=tree)), shim, roots, scope, files)
        except SliceError:  # of a file, perhaps, that is not needed
            break
        needed = {*first, *_definers(scope, found.cut, first, without=_in_headers(found.cut))}
        if needed.issuperset(files):
            if isinstance(view.tree, WatchedTree):
                view.tree.seen.add(tree.seen)
            return found
        wanted = needed.intersection(found.files)
    return _grown(view, shim, roots, scope, first)


def _grown(view: View, shim: Shim, roots: Sequence[str], scope: Scope, files: tuple[str, ...]) -> TreeSlice:
    """Slice some files of a tree, and those that turn out to be needed."""
    present = tuple(name for name in roots if name in scope.definers)
    while True:
        read = view.reader.read(files)
        source = ExpandedSource(read.text)
        _check_literals(view.tree, source)
        _check_braces(view.tree, source)
        doors = tuple(name for name in DOORS if shim.program and name in source.by_name)
        wanted = (*present, *doors)
        cutter = Cutter(source, shim.names, shim.needs)
        found = cutter.cut(wanted)
        more = _definers(scope, found, files)
        if not more:
            # The compiler is asked when all files are there; it can bring in names that ask for more.
            found, complaints = _compile_and_cut(source, wanted, shim, cutter, found)
            more = _definers(scope, found, files)
        if not more:
            _check_foreign(view.tree, cutter, shim)
            absent = tuple(name for name in roots if name not in present)
            return TreeSlice(found, files, read.placeholders, absent, complaints)
        files = tuple(file for file in scope.files if file in {*files, *more})


def _check_literals(tree: Tree, source: ExpandedSource) -> None:
    """Refuse what says to a compiler that code is where all others see a comment or a string."""
    looks = (("a raw string, which is C++", raw_string_in), ("a carriage return within a line", return_in))
    for what, look in looks:
        at = look(source.text)
        if at is not None:
            file, line = source.position(at)
            raise SliceError(
                f"{tree.name} has {what}",
                where=f"{file}:{line}",
                to_fix="take it out: readers and compilers do not see the same code there",
            )


def _check_braces(tree: Tree, source: ExpandedSource) -> None:
    place = unbalanced(source)
    if place:
        raise SliceError(
            f"{tree.name}: the braces do not balance",
            where=f"near {place}",
            to_fix="correct them there: as it is, neither a compiler nor vmemcheck can tell the functions apart",
        )


def _check_foreign(tree: Tree, cutter: Cutter, shim: Shim) -> None:
    """Refuse what a kernel build would not compile: a C file that uses what only another one has."""
    foreign = cutter.foreign()
    # Tokens do not tell each local name. Most trees have nothing to ask for.
    message = _compiled(cutter.without(foreign), shim) if foreign else ""
    function = ""
    for line in message.splitlines():
        function = (_IN_FUNCTION.search(line) or [function, function])[1]
        found = _FOREIGN.match(line)
        if found:
            name = found["name"]
            one = next(each for each in foreign if each.name == name)
            what = f"is static in {one.file}" if one.is_static else f"no header declares; it is in {one.file}"
            raise SliceError(
                f"{tree.name}: {found['file']} uses {name}, which {what}",
                where=f"{found['file']}:{found['line']}{f': {function}()' if function else ''}",
                to_fix=f"{'make it non-static there, and ' if one.is_static else ''}declare it in a header: a kernel"
                " build compiles each C file by itself",
            )


def _definers(scope: Scope, found: Slice, files: tuple[str, ...], *, without: Set[str] = frozenset()) -> set[str]:
    """Return the files that define what is missing, or define once more what may be weak.

    :param without: names that ask for no file
    """
    names = {each.name for each in found.missing}
    names |= {item.name for item in found.items if item.kind is Kind.FUNCTION and item.file.endswith(".c")}
    return {file for name in names - without for file in scope.definers.get(name, ()) if file not in files}


def _in_headers(found: Slice) -> frozenset[str]:
    """Return the functions that a header defines: without the C file that has one too, nobody would look for it."""
    return frozenset(item.name for item in found.items if item.kind is Kind.FUNCTION and item.file.endswith(".h"))


def _compile_and_cut(
    source: ExpandedSource, roots: tuple[str, ...], shim: Shim, cutter: Cutter, found: Slice
) -> tuple[Slice, tuple[str, ...]]:
    """Cut on with the names that the compiler does not find, as long as the tree has them."""
    wanted = set(roots)
    for _ in range(_COMPILER_ROUNDS):
        message = _compiled(found, shim)
        new = [
            name
            for pattern in _UNKNOWN
            for name in pattern.findall(message)
            if name not in wanted and _is_known(source, name)
        ]
        if not new:
            break
        wanted.update(new)
        found = cutter.cut(dict.fromkeys(new))
    return found, tuple(kernel_names(line) for line in message.splitlines() if " error: " in line)


def _is_known(source: ExpandedSource, name: str) -> bool:
    return name.split()[-1] in source.by_name or name in source.generated


def _compiled(found: Slice, shim: Shim) -> str:
    """Return what the compiler says of the slice; nothing is made of it."""
    first = [text for name, text in shim.files.items() if name in FIRST]
    others = [text for name, text in shim.files.items() if name not in FIRST]
    sizes = _SIZES if shim.files else ""
    return complaints("\n".join((sizes, found.macros, *first, found.types, *others, found.prototypes, found.code)))
