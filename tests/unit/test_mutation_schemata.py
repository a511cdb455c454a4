# SPDX-License-Identifier: GPL-2.0-or-later
"""All mutants in one program: number 0 is the code as it was, and each other number is just that mutant."""

import subprocess
from pathlib import Path

import pytest

from tests.needs import need_compiler
from tests.unit.test_mutation_operators import sliced
from vmemcheck.kernel.slicer import Slice
from vmemcheck.mutation.mutant import Mutant
from vmemcheck.mutation.schemata import Schemata, schemata

_BODY = """	int sum = 0, at;

	for (at = a; at < b; at++)
		sum += at;
	if (sum > 145 || a == b)
		return take(a, b);
	return sum;"""
_MAIN = """
int main(int count, char **arguments)
{
	if (count > 1)
		vmc_mutant = atoi(arguments[1]);
	printf("%d %d %d %d", f(1, 5), f(3, 3), f(10, 20), f(20, 40));
	return 0;
}
"""
# What f(1, 5), f(3, 3), f(10, 20) and f(20, 40) are, worked out by hand; take(a, b) is 1000 + 2 * a - b.
_AS_IT_WAS = "10 1003 145 1000"
_CHANGED = {
    "sum += at;": "0 1003 0 0",
    "return take(a, b);": "10 0 145 590",
    "sum > 145 || a == b": "997 0 1000 590",
    "sum > 145": "997 1003 1000 590",
    "a == b": "997 0 1000 1000",
    "at < b + 1": "15 1003 1000 1000",
    "sum > 145 - 1": "10 1003 1000 1000",
    "take(): a <-> b": "10 1003 145 1060",
    "take(a, b) -> 0": "10 0 145 0",
}


@pytest.fixture(scope="module")
def made() -> Schemata:
    """Return the mutants of the function above."""
    return schemata(sliced(_BODY), lambda _: "")


@pytest.fixture(scope="module")
def program(made: Schemata, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program with all of them."""
    need_compiler()
    path = tmp_path_factory.mktemp("schemata") / "program"
    parts = ("#include <stdio.h>\n#include <stdlib.h>", made.slice.prototypes, made.slice.code, _MAIN)
    command = ["gcc", "-w", "-x", "c", "-o", str(path), "-"]
    subprocess.run(command, input="\n".join(parts).encode(), check=True)
    return path


def _results(program: Path, *number: int) -> str:
    arguments = [str(program), *map(str, number)]
    return subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=10).stdout


def _numbered(made: Schemata, text: str) -> Mutant:
    (found,) = [mutant for mutant in made.mutants if mutant.text == text]
    return found


def test_schemata_without_a_number_is_the_code_as_it_was(program: Path) -> None:
    """Nothing is chosen, or number 0, or one that no mutant has: all results are those of the function as written."""
    assert {_results(program), _results(program, 0), _results(program, 9999)} == {_AS_IT_WAS}


@pytest.mark.parametrize("text", _CHANGED)
def test_schemata_number_is_just_that_mutant(text: str, made: Schemata, program: Path) -> None:
    """The results are those of the function with this one change."""
    assert _results(program, _numbered(made, text).number) == _CHANGED[text]


def test_schemata_mutants_are_numbered_from_one_at_the_lines_of_the_kernel(made: Schemata) -> None:
    """Numbers have no gaps; the file and line are those of the source."""
    assert [mutant.number for mutant in made.mutants] == list(range(1, len(made.mutants) + 1))
    assert (_numbered(made, "sum += at;").file, _numbered(made, "sum += at;").line) == ("mm/it.c", 6)


def test_schemata_refused_line_loses_its_mutants() -> None:
    """What the compiler objects to is left out and counted, also where its message is about a macro."""

    def objects(found: Slice) -> str:
        changed = next(line for line in found.code.split("\n") if line.startswith("\t\t") and "take(" in line)
        if "VMC_IS" not in changed:
            return ""
        return "include/it.h:1:2: error: no\nmm/it.c:8:2: note: in expansion of macro 'it'\n"

    made = schemata(sliced(_BODY), objects)
    assert made.refused == 3
    assert "take(): a <-> b" not in {mutant.text for mutant in made.mutants}
    assert "sum += at;" in {mutant.text for mutant in made.mutants}
