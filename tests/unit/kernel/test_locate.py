# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses of a program, and the lines that they belong to."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from vmemcheck.kernel.locate import Locator
from vmemcheck.observation import Location

_SOURCE = """int unused(void) { return 0; }
#line 7 "mm/a.c"
int f(int a) { return a; }
#line 9 "mm/b.c"
int main(void) { return f(0); }
"""


@pytest.fixture(name="program")
def _program(tmp_path: Path) -> Path:
    path = tmp_path / "machine"
    source, assembly = tmp_path / "machine.c", tmp_path / "machine.s"
    source.write_text(_SOURCE)
    subprocess.run(["gcc", "-g1", "-O0", "-fno-pie", "-S", "-o", str(assembly), str(source)], check=True, cwd="/")
    subprocess.run(["gcc", "-no-pie", "-o", str(path), str(assembly)], check=True)
    return path


def _addresses(program: Path) -> tuple[int, int]:
    shown = subprocess.run(["nm", str(program)], capture_output=True, text=True, check=True).stdout
    known = {words[2]: int(words[0], 16) for line in shown.splitlines() if len(words := line.split()) == 3}
    return known["f"] + 1, known["main"] + 1


def test_addresses_are_told_by_one_program_that_goes_on(program: Path) -> None:
    """What has no place in between does not disturb; after the end it is started again."""
    first, second = _addresses(program)
    locator = Locator(program)
    assert Location("mm/a.c", 7, "f") == locator.locate(first)
    assert locator.locate(0x10).line == 0
    assert Location("mm/b.c", 9, "main") == locator.locate(second)
    locator.close()
    locator.close()
    assert Location("mm/b.c", 9, "main") == locator.locate(second + 1)
    locator.close()


def test_program_that_cannot_be_read_has_no_places(tmp_path: Path) -> None:
    """It may have been removed."""
    locator = Locator(tmp_path / "gone")
    assert locator.locate(0x401000).line == 0
    locator.close()


def test_process_that_is_forked_asks_a_program_of_its_own(program: Path) -> None:
    """It neither ends nor waits for that of its parent, which both can use at the same time."""
    first, second = _addresses(program)
    locator = Locator(program)
    locator.prepare([first])
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        locator.prepare([second])
        told = locator.locate(second).line
        locator.close()
        os._exit(told)
    _, status = os.waitpid(child, 0)
    assert (9, 9) == (os.waitstatus_to_exitcode(status), locator.locate(second).line)
    again = os.fork()
    if again == 0:
        signal.alarm(30)
        locator.close()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(again, 0)[1]) == 0
    assert locator.locate(first + 1).line == 7
    locator.close()
