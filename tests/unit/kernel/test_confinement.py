# SPDX-License-Identifier: GPL-2.0-or-later
"""Code of strangers: what it cannot do while it is compiled and while it runs, each thing tried."""

import errno
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from vmemcheck.errors import BuildError, ShimGapError
from vmemcheck.kernel import compiler, confinement
from vmemcheck.kernel.assembly import inspect
from vmemcheck.kernel.build import build
from vmemcheck.kernel.compiler import run_compiler
from vmemcheck.kernel.confinement import confine_program, limit_program
from vmemcheck.kernel.variant import Variant

# Each attempt says what came of it; the constructor is before main(), where the program has taken nothing from itself.
_ATTEMPTS = r"""
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long result)
{
	char line[80];

	snprintf(line, sizeof(line), "%s %s\n", what, result < 0 ? strerror(errno) : "done");
	write(1, line, strlen(line));
}

__attribute__((constructor)) static void attempts(void)
{
	say("open", open("/etc/passwd", O_RDONLY));
	say("create", open("made", O_CREAT | O_WRONLY, 0600));
	say("socket", socket(AF_INET, SOCK_STREAM, 0));
	say("kill", kill(getppid(), 0));
	say("mkdir", mkdir("made", 0700));
	say("fork", fork());
}

int main(void)
{
	return 0;
}
"""
_WHAT = ("open", "create", "socket", "kill", "mkdir", "fork")


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the program that tries all of it."""
    folder = tmp_path_factory.mktemp("attempts")
    source, program = folder / "attempts.c", folder / "attempts"
    source.write_text(_ATTEMPTS)
    assert run_compiler(["-static", "-o", str(program), str(source)], b"", folder).returncode == 0
    return program


def _said(program: Path, folder: Path) -> list[str]:
    done = subprocess.run([program], cwd=folder, capture_output=True, text=True, preexec_fn=confine_program, check=True)
    return done.stdout.splitlines()


def test_program_confined_reaches_no_file_process_or_network(attempts: Path, tmp_path: Path) -> None:
    """Also before main(): each call is refused."""
    assert [f"{what} Operation not permitted" for what in _WHAT] == _said(attempts, tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_program_unconfined_would_reach_all_of_it(attempts: Path, tmp_path: Path) -> None:
    """The attempts are real ones: without the rules they succeed."""
    done = subprocess.run([attempts], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert {f"{what} done" for what in _WHAT} - {"mkdir done"} <= set(done.stdout.splitlines())


def test_program_writes_no_more_than_its_limit(tmp_path: Path) -> None:
    """A file that grows ends the process."""
    file = (tmp_path / "out").open("wb")
    with file:
        command = ["/usr/bin/head", "-c", str(65 << 20), "/dev/zero"]
        done = subprocess.run(command, stdout=file, stderr=subprocess.DEVNULL, preexec_fn=limit_program, check=False)
    assert done.returncode in (-signal.SIGXFSZ, 1)
    assert (tmp_path / "out").stat().st_size == 64 << 20


def test_confinement_says_what_this_machine_cannot_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no filter for system calls, the report must say so."""
    assert () == confinement.confinement().unconfined
    monkeypatch.setattr(confinement, "_actions", lambda: "")
    assert ("system calls: this machine has no seccomp filter for x86-64",) == confinement.confinement().unconfined


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ('asm("nop");', "inline assembly"),
        ('int f(void) { asm volatile("syscall"); return 0; }', "inline assembly"),
        ('int f(void) { asm volatile("#NO_APP\\n\\tsyscall\\n#APP"); return 0; }', "inline assembly"),
        ('int f(void) { asm volatile("\\n#NO_APP\\n\\tsyscall\\n#APP"); return 0; }', "inline assembly"),
        ('asm("\\n#NO_APP\\n\\tsyscall\\n#APP");', "inline assembly"),
        ('asm(".incbin \\"/etc/passwd\\"");', "inline assembly"),
        ('int x __attribute__((section(".x\\n.incbin \\"/etc/passwd\\"\\n.section .y"))) = 1;', "reads a file"),
        ('int x __attribute__((section(".x\\n.ascii \\"a\\"; .incbin \\"/etc/passwd\\""))) = 1;', "name of a section"),
        (
            'int x __attribute__((section(".x\\n.macro m a\\n.inc\\\\a \\"/etc/passwd\\"\\n.endm\\nm bin"))) = 1;',
            "name of a",
        ),
        ('int x __attribute__((section(".x\\n.byte \'\\"\\n.incbin \\"/etc/passwd\\""))) = 1;', "name of a section"),
        ('int x __attribute__((section(".x\\n.pushsection .y"))) = 1;', "name of a section or symbol: .pushsection"),
        ('int x __attribute__((section("\\".init\\\\137array\\""))) = 1;', "name of a section"),
        ('int x asm("y\\n.INCBIN \\"/etc/passwd\\"\\nz") = 1;', "reads a file"),
        ('int x __attribute__((used, section(".interp"))) = 1;', "before the machine starts"),
        ('int x __attribute__((used, section(".rela.iplt"))) = 1;', "before the machine starts"),
        ('void *r(void) { return 0; } int f(void) __attribute__((ifunc("r")));', "before the machine starts: ifunc"),
        ("__attribute__((constructor)) void f(void) { exit_now(); }", "before the machine starts"),
        ("__attribute__((destructor)) void f(void) { exit_now(); }", "before the machine starts"),
        ('__attribute__((used, section(".init_array"))) void *f = exit_now;', "before the machine starts"),
        ('__attribute__((used, section(".preinit_array.00001"))) void *f = exit_now;', "before the machine starts"),
        ("void g(void) { fork(); }", "needs fork"),
        ("void g(void) { system(0); }", "needs system"),
        ("void g(void) { syscall(57); }", "by itself: syscall"),
        ("void g(void) { write(1, 0, 0); }", r"asks the system by itself: write\n.* mm/sparse.c:2\n"),
        ("long (*g)(int, const void *, unsigned long) = write;", r"by itself: write\n.* the compiler's output: write"),
        ('long g(long) __asm__("\\"write\\""); void h(void) { g(0); }', "name of a section or symbol"),
        ('long g(long) __asm__("g\\n\\tsyscall"); void h(void) { g(0); }', "by itself: syscall"),
        ("long __write(long) __attribute__((weak)); void h(void) { __write(0); }", "needs __write"),
        ('long g(long) __asm__("_exit"); void h(void) { g(0); }', "by itself: _exit"),
    ],
)
def test_build_refuses_what_no_kernel_function_does(code: str, message: str) -> None:
    """Assembler, functions that run by themselves, names of the C library."""
    head = '# 1 "mm/sparse.c"\nvoid exit_now(void); int fork(void), system(const char *); long syscall(long, ...),'
    head += " write(int, const void *, unsigned long);\n"
    tail = "\nvoid exit_now(void) { for (;;) ; }\nint main(void) { return 0; }\n"
    with pytest.raises(Exception, match=message) as caught:
        build(f"{head}{code}{tail}", Variant.FAST, "linux-1.2.3 x86")
    assert "linux-1.2.3 x86" in str(caught.value)


def test_program_that_an_older_version_let_pass_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache does not know what the inspection of today says of a program of yesterday."""
    code = '# 1 "mm/sparse.c"\nvoid f(void) { asm volatile("nop"); }\nint main(void) { return 0; }\n'
    with monkeypatch.context() as yesterday:
        yesterday.setattr("vmemcheck.kernel.build.inspect", lambda *_, **__: None)
        yesterday.setattr("vmemcheck.kernel.build.sources_digest", lambda *_: "of yesterday")
        assert build(code, Variant.FAST, "linux-1.2.3 x86").path.exists()
    with pytest.raises(ShimGapError, match="inline assembly"):
        build(code, Variant.FAST, "linux-1.2.3 x86")


def test_empty_assembly_passes_and_no_other() -> None:
    """Barriers are empty. The machine itself has no other, so that nobody can say that his is the machine's."""
    filled = '#APP\n# 74 "vmemcheck/shim/main.c" 1\n\trep movsb\n# 0 "" 2\n#NO_APP\n'
    empty = '#APP\n# 3 "mm/sparse.c" 1\n\t\n# 0 "" 2\n\t.loc 1 4 1 view .LVU1\n#NO_APP\n'
    text = '\t.ascii ".incbin; \\"\\\\"\n\t.section\t.init.text,"ax",@progbits\n.L2:\n\tjmp\t*.L4(,%rax,8)\n'
    inspect(empty + text, "linux-1.2.3 x86")
    for place in ("vmemcheck/shim/main.c", "mm/sparse.c"):
        with pytest.raises(ShimGapError) as caught:
            inspect(empty + filled.replace("vmemcheck/shim/main.c", f"/{place}"), "linux-1.2.3 x86")
        assert f"{place}:74" == caught.value.where


_BOTH_WAYS = pytest.mark.parametrize("tools", ["util-linux", "a copy of the process"])


def _start_by(tools: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = confinement._util_linux()
    if tools == "util-linux" and not found:
        pytest.skip("setpriv and prlimit are not installed; to get them: apt-get install util-linux")
    monkeypatch.setattr(confinement, "_util_linux", lambda: found if tools == "util-linux" else None)


@_BOTH_WAYS
def test_compiler_starts_with_its_limits(tools: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Computing time, memory, size of files, no new privileges; and it goes first when memory runs out."""
    _start_by(tools, monkeypatch)
    names = " ".join(f"/proc/self/{name}" for name in ("limits", "status", "oom_score_adj"))
    process = confinement.start_compiler(
        ["sh", "-c", f"read started; cat {names}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    shown = process.communicate(b"now\n")[0].decode()
    found = {line[:26].strip(): line[26:].split()[0] for line in shown.splitlines() if line.startswith("Max ")}
    assert ("60", str(4 << 30), str(256 << 20), "0") == tuple(
        found[f"Max {name}"] for name in ("cpu time", "address space", "file size", "core file size")
    )
    assert re.search(r"^NoNewPrivs:\t1$", shown, re.MULTILINE)
    assert shown.endswith("\n1000\n")


@_BOTH_WAYS
def test_compiler_that_waits_is_ended_with_its_children(
    tmp_path: Path, tools: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A named pipe as an include: who opens it waits for ever, and that is a child of the compiler."""
    _start_by(tools, monkeypatch)
    monkeypatch.setattr(compiler, "COMPILER_SECONDS", 1)
    pipe = tmp_path / "pipe.h"
    os.mkfifo(pipe)
    with pytest.raises(BuildError, match="asked for more than 1 s"):
        run_compiler(["-E", "-x", "c", "-"], f'#include "{pipe}"\n'.encode(), tmp_path)
    # A process that is killed is gone a moment later. Where it is not, this waits for ever.
    while _is_read(pipe):
        time.sleep(0.05)


def _is_read(pipe: Path) -> bool:
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        return error.errno != errno.ENXIO
    return True


@_BOTH_WAYS
def test_compiler_that_writes_without_end_is_an_error(tools: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """2^20 words from twenty macros."""
    _start_by(tools, monkeypatch)
    monkeypatch.setattr(confinement, "COMPILER_OUTPUT_BYTES", 1 << 20)
    macros = "".join(f"#define M{n} M{n - 1} M{n - 1}\n" for n in range(1, 21)) + "#define M0 word\nM20\n"
    with pytest.raises(BuildError, match="asked to write more"):
        run_compiler(["-E", "-x", "c", "-"], macros.encode(), Path("/"))


@_BOTH_WAYS
def test_compiler_that_asks_for_too_much_memory_is_an_error(tools: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One word that becomes more than fits."""
    _start_by(tools, monkeypatch)
    monkeypatch.setattr(confinement, "COMPILER_BYTES", 128 << 20)
    macros = "".join(f"#define M{n}(x) M{n - 1}(x x)\n" for n in range(1, 24)) + "#define M0(x) x\nM23(word)\n"
    with pytest.raises(BuildError, match="of memory"):
        run_compiler(["-E", "-x", "c", "-"], macros.encode(), Path("/"))


def test_compiler_that_finds_no_room_blames_the_disk() -> None:
    """A full disk is no fault of the text, so it must not become a judgement of it."""
    text = b"int numbers[] = {" + 100_000 * b"1234567," + b"};\n"
    with pytest.raises(OSError, match="No space left on device") as caught:
        run_compiler(["-S", "-o", "/dev/full", "-x", "c", "-"], text, Path("/"))
    assert errno.ENOSPC == caught.value.errno
