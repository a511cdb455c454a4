# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a machine program: one process, sequences in, answers out, with limits on time, memory and output.

What an answer means is in ``vmemcheck.kernel.decode``.
"""

import contextlib
import os
import select
import subprocess
import tempfile
import time

from vmemcheck.errors import ExecutorError
from vmemcheck.kernel.build import Program
from vmemcheck.kernel.confinement import confine_program, limit_program
from vmemcheck.kernel.locate import Locator
from vmemcheck.kernel.protocol import FAILED, HEADER, PLACES
from vmemcheck.kernel.variant import Variant
from vmemcheck.kernel.waiting import wait

MILLISECONDS = 1000
"""Computing time that one operation of the kernel's code may take; they take microseconds."""
MILLISECONDS_AGAIN = 100
"""The same, once the code has been seen in an endless loop: a search meets it again and again."""
_SECONDS = 120
"""Wall-clock time for one answer: a net for what the program's own timer does not catch."""
_SECONDS_OF_MUTANT = 10
"""The same for code that was changed on purpose; so much of it never comes back that the time counts."""
_MOST_BYTES = 1 << 28
_STDERR_BYTES = 4000


class Executor:
    """The process of one program; started when it is needed, and again after it died."""

    def __init__(self, program: Program, levels: int, mutant: int = 0) -> None:
        self._program = program
        self._seconds = _SECONDS_OF_MUTANT if mutant else _SECONDS
        self._arguments = [str(levels), str(mutant)]
        self._counts: list[bytes] = []
        self._counts_file = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._output = select.poll()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._errors: int = -1

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; return the number of operations that ran, and their records.

        :raises ExecutorError: when the program dies, hangs or meets a limit of the simulation
        """
        process = self._started()
        assert process.stdin is not None
        try:
            process.stdin.write(request)
            process.stdin.flush()
            count, body = self._answer()
        except BrokenPipeError:
            raise self._died("ended before it read its input") from None
        if count == FAILED:
            self.close()
            raise self._gave_up(body)
        return count, body

    def _gave_up(self, body: bytes) -> ExecutorError:
        places = PLACES.unpack_from(body)
        where = Locator(self._program.path).nearest(places)
        return ExecutorError(
            f"{self._program.name}: {body[PLACES.size :].decode('utf-8', 'replace')}",
            where=str(where),
            to_fix="use a smaller scope or a shorter sequence; where the kernel's code asks for more than it can need,"
            " correct it there",
        )

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        if self._counts_file >= 0:
            self._counts.append(os.pread(self._counts_file, _MOST_BYTES, 0))
            os.close(self._counts_file)
            self._counts_file = -1
        if self._errors >= 0:
            os.close(self._errors)
            self._errors = -1
        if self._folder:
            self._folder.cleanup()
            self._folder = None

    def counts(self) -> tuple[bytes, ...]:
        """Return the lines that ran, for each process that ``close()`` has ended.

        Each is, for each part of the program, the number of bytes and a file of gcov (.gcda).

        One that crashed, or had to be killed, has left none.
        """
        return tuple(counted for counted in self._counts if counted)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._folder = tempfile.TemporaryDirectory(prefix="vmemcheck-")
        self._errors = os.memfd_create("stderr")
        arguments: list[str] = self._arguments
        files: tuple[int, ...] = ()
        if self._program.variant.counts_lines:
            self._counts_file = os.memfd_create("counts")
            arguments, files = [*arguments, str(self._counts_file)], (self._counts_file,)
        try:
            self._process = subprocess.Popen(
                [str(self._program.path), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={"LC_ALL": "C"},
                cwd=self._folder.name,
                pass_fds=files,
                # Limits must hold before the program starts. A sanitizer needs calls that are taken from all others.
                preexec_fn=limit_program if self._program.variant is Variant.CHECKED else confine_program,
            )
        except OSError as error:
            self.close()
            raise ExecutorError(
                f"{self._program.name}: the program cannot be started: {error.strerror}",
                where=str(self._program.path),
                to_fix="see that the cache folder is on a file system that allows programs (XDG_CACHE_HOME)",
            ) from None
        assert self._process.stdout is not None
        self._output = select.poll()
        self._output.register(self._process.stdout, select.POLLIN)
        return self._process

    def _answer(self) -> tuple[int, bytes]:
        """Read the answer to one request, behind which there is nothing: no other one was sent."""
        data = bytearray()
        count, length = 0, 0
        end = time.monotonic() + self._seconds
        while len(data) < HEADER.size + length:
            data += self._part(end)
            if not length and len(data) >= HEADER.size:
                count, length = HEADER.unpack_from(data)
            if length > _MOST_BYTES:
                raise self._died(f"announced {length} bytes of output, more than the limit of {_MOST_BYTES >> 20} MiB")
        return count, bytes(memoryview(data)[HEADER.size :])

    def _part(self, end: float) -> bytes:
        """Wait for more of an answer until then, and return it."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        if not self._output.poll(1000 * max(0.0, end - time.monotonic())):
            raise self._died(f"gave no answer for {self._seconds} s")
        part = os.read(process.stdout.fileno(), 1 << 20)
        if not part:
            raise self._died("ended in the middle of a sequence")
        return part

    def _died(self, how: str) -> ExecutorError:
        process = self._process
        assert process is not None
        try:
            code = process.wait(0.5)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        said = os.pread(self._errors, _STDERR_BYTES, 0).decode("utf-8", "replace").strip()
        self.close()
        lines = [line for line in said.splitlines() if line.strip()][:6]
        return ExecutorError(
            f"{self._program.name}: the program {how} (exit code {code})",
            where="\n           ".join(lines) or str(self._program.path),
            to_fix="please report this with the sequence and the kernel tree: a crash of the kernel's code is caught,"
            " so this is a defect of the simulated machine",
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a program end by itself, or else end it."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        wait(process, 5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
