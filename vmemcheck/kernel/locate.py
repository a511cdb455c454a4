# SPDX-License-Identifier: GPL-2.0-or-later
"""From addresses in a program's code to the kernel's files, lines and functions.

The compiler's debug information knows them, also through functions that were inlined.
"""

import contextlib
import os
import subprocess
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from vmemcheck.errors import ExecutorError
from vmemcheck.kernel.instrument import function_name
from vmemcheck.observation import Location

SHIM = "vmemcheck/"
# An address at which no program has code.
_LAST = "0xffffffffffffffff"
_NOWHERE = Location("the simulated machine", 0, "unknown")
_INITIALISE = Location("mm/mm_init.c", 0, "memmap_init_range")


class Locator:
    """Looks addresses up in one program, each once."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._asked: subprocess.Popen[str] | None = None
        self._process = 0
        self._end: Callable[[], object] = lambda: None
        # What the machine sees between two operations is at no place in the code.
        self._known: dict[int, Location] = {0: _NOWHERE}
        self._frames: dict[int, tuple[Location, ...]] = {0: ()}

    def close(self) -> None:
        """End what looks the addresses up; it is started again when it is needed."""
        self._end()
        self._asked = None

    def locate(self, address: int) -> Location:
        """Return the place that the code at a return address belongs to."""
        if address not in self._known:
            self.prepare([address])
        return self._known[address]

    def nearest(self, addresses: Iterable[int]) -> Location:
        """Return the place of the first address that is in the kernel's code: later ones are callers."""
        wanted = [address for address in addresses if address > 0]
        self.prepare(wanted)
        places = [self.locate(address) for address in wanted]
        kernel = (place for place in places if _is_kernel(place))
        return next(kernel, places[0] if places else _NOWHERE)

    def common(self, samples: Iterable[Iterable[int]]) -> Location:
        """Return the innermost place in a function that nearly all samples of a stack have in common.

        :param samples: addresses of each, the innermost first
        """
        stacks = []
        for sample in samples:
            addresses = [address for address in sample if address > 0]
            self.prepare(addresses)
            frames = [frame for address in addresses for frame in self._frames[address]]
            stacks.append([frame for frame in frames if _is_kernel(frame) and frame.file.endswith(".c")])
        counts = Counter(key for stack in stacks for key in {(frame.file, frame.function) for frame in stack})
        # A sample that was taken while a function was entered lacks its caller.
        often = {key for key, count in counts.items() if 4 * count >= 3 * len(stacks)}
        for stack in sorted(stacks, key=len, reverse=True):
            for frame in stack:
                if (frame.file, frame.function) in often:
                    return frame
        return _NOWHERE

    def prepare(self, addresses: Iterable[int]) -> None:
        """Look up several addresses at once.

        :raises ExecutorError: when binutils is not installed
        """
        wanted = [address for address in dict.fromkeys(addresses) if address not in self._known]
        for start in range(0, len(wanted), 500):
            self._look_up(wanted[start : start + 500])

    def _look_up(self, addresses: list[int]) -> None:
        frames: list[list[Location]] = []
        function = ""
        # A return address belongs to the line behind the call.
        for line in self._said([hex(max(address - 1, 0)) for address in addresses]):
            if line.startswith("0x"):
                frames.append([])
                function = ""
            elif not function:
                function = line
            else:
                file, _, number = line.partition(" ")[0].rpartition(":")
                digits = int(number) if number.isdecimal() else 0
                frames[-1].append(Location(file.lstrip("/"), digits, function_name(function)))
                function = ""
        for address, found in zip(addresses, frames, strict=False):
            self._known[address] = _chosen(found)
            self._frames[address] = tuple(found)
        for address in addresses:
            self._known.setdefault(address, _NOWHERE)
            self._frames.setdefault(address, ())

    def _said(self, addresses: list[str]) -> Iterator[str]:
        """Yield what addr2line says of some addresses. It goes on running: to read a program takes it longest."""
        if self._asked is None or self._process != os.getpid():
            # One that a process was forked with is that of the other process.
            self._asked, self._process = _started(self._program), os.getpid()
            self._end = weakref.finalize(self, _end, self._asked, self._process)
        given, answers = self._asked.stdin, self._asked.stdout
        assert given is not None, "asked for"
        assert answers is not None, "asked for"
        with contextlib.suppress(BrokenPipeError):  # it cannot read the program, and nothing is known
            given.write("\n".join((*addresses, _LAST, "")))
            given.flush()
        for line in answers:
            if line.rstrip("\n") == _LAST:
                # A function and a line, neither of which is known.
                answers.readline()
                answers.readline()
                return
            yield line.rstrip("\n")
        # It has ended. For the next addresses there will be another one.
        self.close()


def _started(program: Path) -> "subprocess.Popen[str]":
    try:
        return subprocess.Popen(
            ["addr2line", "-f", "-i", "-a", "-e", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except FileNotFoundError:
        raise ExecutorError("addr2line is not installed", to_fix="install binutils") from None


def _end(process: "subprocess.Popen[str]", owner: int) -> None:
    """End addr2line; in a process that was forked with it, only let it go."""
    if os.getpid() == owner:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if stream:
                stream.close()


def _is_kernel(place: Location) -> bool:
    return place.line > 0 and not place.file.startswith((SHIM, "?"))


def _chosen(frames: list[Location]) -> Location:
    """Return the innermost frame in a C file of the kernel, else in a header of it."""
    kernel = [frame for frame in frames if not frame.file.startswith((SHIM, "?"))]
    for frame in kernel:
        if frame.file.endswith(".c"):
            return frame
    if kernel:
        return kernel[-1]
    if any(frame.function in ("vmc_initialise", "vmc_perform", "vmc_run", "main") for frame in frames):
        return _INITIALISE
    return frames[0] if frames else _NOWHERE
