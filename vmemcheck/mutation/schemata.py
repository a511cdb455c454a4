# SPDX-License-Identifier: GPL-2.0-or-later
"""All mutants of a slice in one text, each behind a test of its number: mutant schemata.

So one compile serves all of them; the program is told at its start which mutant it is, and with 0 it is the
kernel's code as it was. What the compiler refuses is taken out again, and counted.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from vmemcheck.kernel.doors import prototype_of
from vmemcheck.kernel.pieces import Kind
from vmemcheck.kernel.slicer import Slice
from vmemcheck.mutation.mutant import THIS, Draft, Mutant, Operator, Wrap
from vmemcheck.mutation.operators import Parameters, drafts
from vmemcheck.mutation.paths import path_functions
from vmemcheck.mutation.syntax import Places, functions_of

_CODE = re.compile(r"(?:mm|arch/\w+/mm)/.*\.c")
_MESSAGE = re.compile(
    r"^(?:In file included from )?([^\s:]+):(\d+)(?::\d+)?: (?:fatal )?(error|warning|note): (.*)", re.MULTILINE
)
GUARD = """\
static int vmc_mutant;
#if defined(VMC_MUTANT)
enum { vmc_chosen = VMC_MUTANT }; /* WARN_ON() writes its condition into a string: in all mutants the same one */
#define VMC_IS(number) (vmc_chosen == (number))
#elif defined(VMC_MUTANTS_REACHED)
static unsigned char vmc_reached[VMC_MUTANTS + 1];
#define VMC_IS(number) (vmc_reached[number] = 1, 0)
#else
#define VMC_IS(number) (vmc_mutant == (number))
#endif
"""
"""Chosen at run time; or by the compiler, with -DVMC_MUTANT=N; or none, and noted where it would make a difference."""


@dataclass(frozen=True, slots=True)
class Schemata:
    """A slice that holds all its mutants.

    :param slice: its code is the mutated one
    :param mutants: in the order of the kernel's text
    :param refused: how many mutants the compiler did not take
    :param paths: functions of the vmemmap populate and free paths
    """

    slice: Slice
    mutants: tuple[Mutant, ...]
    refused: int = 0
    paths: frozenset[str] = frozenset()


def schemata(found: Slice, complaints: Callable[[Slice], str], functions: Iterable[str] = ()) -> Schemata:
    """Put all mutants of the functions of the kernel's C files into a slice.

    :param complaints: asks the compiler what it has to say of a slice
    :param functions: only these, if any
    """
    wanted = frozenset(functions)
    places = Places(found.code)
    chosen = [each for each in drafts_of(found) if not wanted or each.function in wanted]
    refused = 0
    while True:
        mutants = tuple(_numbered(chosen, places))
        mutated = replace(
            found,
            prototypes=f"#define VMC_MUTANTS {len(mutants)}\n{GUARD}{found.prototypes}",
            code=wrapped(
                found.code, [one for each, made in zip(chosen, mutants, strict=True) for one in _made(each, made)]
            ),
        )
        wrong = set(_wrong(complaints(mutated)))
        touched = [each for each in chosen if _touches(each, places, wrong)]
        if not touched:
            return Schemata(mutated, mutants, refused, path_functions(found))
        # Mostly a call that returns a struct; the others of that line get a second chance.
        calls = [each for each in touched if each.operator is Operator.DROP_CALL]
        kept = [each for each in chosen if each not in (calls or touched)]
        refused += len(chosen) - len(kept)
        chosen = kept


def _wrong(said: str) -> Iterator[tuple[str, int]]:
    """Yield the places that the compiler objects to; of what is in a macro, also where that is used."""
    is_error = False
    for file, line, kind, text in _MESSAGE.findall(said):
        is_error = kind == "error" or (kind == "note" and is_error)
        if is_error and (kind == "error" or text.startswith("in expansion of macro")):
            yield file, int(line)


def drafts_of(found: Slice) -> list[Draft]:
    """Return the mutants of all functions that come from C files of the vmemmap, in the order of the text."""
    places = Places(found.code)
    parameters = parameters_of(found)
    return [
        each
        for function in functions_of(found)
        if _CODE.fullmatch(places.of(function.start)[0])
        for each in drafts(function, parameters)
    ]


def parameters_of(found: Slice) -> Parameters:
    """Return type and name of the parameters of each function of a slice."""
    result = {}
    for name in (item.name for item in found.items if item.kind is Kind.FUNCTION):
        prototype = prototype_of(found, name)
        if prototype is not None:
            result[name] = tuple((re.sub(rf"\b{one}$", "", text).strip(), one) for text, one in prototype.parameters)
    return result


def wrapped(code: str, wraps: Sequence[Wrap]) -> str:
    """Return the code with text around some parts of it; a part may lie in another one.

    Of two with the same part, the first is the outer one.
    """
    openings = sorted(range(len(wraps)), key=lambda at: (wraps[at].start, -wraps[at].end, at))
    closings = sorted(range(len(wraps)), key=lambda at: (wraps[at].end, -wraps[at].start, -at))
    # At one offset, what ends there comes before what starts there.
    inserted = [(wraps[at].end, 0, order, wraps[at].after) for order, at in enumerate(closings)]
    inserted += [(wraps[at].start, 1, order, wraps[at].before) for order, at in enumerate(openings)]
    parts, done = [], 0
    for offset, _, _, text in sorted(inserted):
        parts += [code[done:offset], text]
        done = offset
    return "".join([*parts, code[done:]])


def _numbered(chosen: Iterable[Draft], places: Places) -> Iterable[Mutant]:
    for number, each in enumerate(chosen, 1):
        file, line = places.of(each.at)
        yield Mutant(number, each.operator, each.function, file, line, each.text, each.calls)


def _made(draft: Draft, mutant: Mutant) -> Iterable[Wrap]:
    is_chosen = f"VMC_IS({mutant.number})"
    for one in draft.wraps:
        yield replace(one, before=one.before.replace(THIS, is_chosen), after=one.after.replace(THIS, is_chosen))


def _touches(draft: Draft, places: Places, wrong: set[tuple[str, int]]) -> bool:
    """Tell whether one of the lines that a mutant is in is among those that the compiler objects to."""
    for one in draft.wraps:
        file, first = places.of(one.start)
        _, last = places.of(one.end)
        if any((file, line) in wrong for line in range(first, last + 1)):
            return True
    return False
