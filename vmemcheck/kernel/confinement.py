# SPDX-License-Identifier: GPL-2.0-or-later
"""What a process that handles code of a stranger may do: limits that hold before its first instruction.

The code of a tree or of a patch is not trusted, and part of it may run before ``main()``. So the rules are set
in the new process before it becomes the program. What the program takes from itself later, it takes on top:
see vmemcheck/shim/signals.c.
"""

import ctypes
import functools
import os
import platform
import resource
import shutil
import signal
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPILER_SECONDS = 60
"""Computing time of one run of the compiler."""
COMPILER_BYTES = 4 << 30
"""Memory of one run of the compiler; the machine of a kernel takes a tenth of that."""
COMPILER_OUTPUT_BYTES = 256 << 20
"""What one run of the compiler may write into one file."""
_PROGRAM_OUTPUT_BYTES = 64 << 20

_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER, _PARENT_DEATH_SIGNAL = 38, 22, 2, 1
_X86_64 = 0xC000003E
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EPERM
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
# arch/x86/entry/syscalls/syscall_64.tbl: memory, signals and time of the process itself, open files, its end; and
# what it takes to become the program. No new file, no other process, no network.
_ALLOWED = {
    "read": 0,
    "write": 1,
    "close": 3,
    "mmap": 9,
    "mprotect": 10,
    "munmap": 11,
    "brk": 12,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "setitimer": 38,
    "execve": 59,
    "exit": 60,
    "sigaltstack": 131,
    "prctl": 157,
    "arch_prctl": 158,
    "futex": 202,
    "set_tid_address": 218,
    "exit_group": 231,
    "set_robust_list": 273,
    "prlimit64": 302,
    "seccomp": 317,
    "getrandom": 318,
    "rseq": 334,
    "close_range": 436,
}


@dataclass(frozen=True, slots=True)
class Confinement:
    """What is taken from sliced code on this machine, and what cannot be taken here; in words, for reports."""

    confined: tuple[str, ...]
    unconfined: tuple[str, ...]


class _Program(ctypes.Structure):
    """Source: include/uapi/linux/filter.h: struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def confinement() -> Confinement:
    """Tell how a program that is made of sliced code is confined on this machine."""
    limits = "computing time for each operation, memory, size of files", "no core dump, at most 16 open files"
    calls = "no other file, process or network: system calls are filtered from the first instruction on"
    privileges = "no new privileges, an empty working directory"
    if _has_seccomp():
        return Confinement((calls, privileges, *limits), ())
    return Confinement((privileges, *limits), ("system calls: this machine has no seccomp filter for x86-64",))


def limit_program() -> None:
    """Limit what a process uses that becomes a program of sliced code; called in it, before it does.

    System calls stay: this alone is for the build with the sanitizers (``Variant.CHECKED``), which only tests use.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, _PROGRAM_OUTPUT_BYTES)
    _limit(resource.RLIMIT_NOFILE, 16)
    _limit(resource.RLIMIT_STACK, 8 << 20)
    _die_first()
    _prctl(_NO_NEW_PRIVS, 1)


def confine_program() -> None:
    """The same, and take all system calls from it but those that it starts and computes with."""
    limit_program()
    if _CAN_FILTER:
        _prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(_PROGRAM))


def end_with_parent(parent: int) -> None:
    """End this process when the one that started it ends, in whatever way that may be.

    :param parent: process number of that one
    """
    _prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before
        os.kill(os.getpid(), signal.SIGTERM)


def start_compiler(command: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
    """Start the compiler under its limits.

    util-linux sets them, where it is installed. Without, a function does that is called in a copy of this process, and
    the copy takes ten times as long as the compiler takes to say its version.

    :param how: arguments of ``Popen``
    """
    tools = _util_linux()
    if tools:
        privileges, limits = tools
        options = (f"--{name}={_most(what, most)}" for name, what, most in _of_compiler())
        process = subprocess.Popen([privileges, "--no-new-privs", limits, *options, "--", *command], **how)
        _die_first(str(process.pid))
        return process
    return subprocess.Popen(command, preexec_fn=_confine_compiler, **how)


@functools.cache
def _util_linux() -> tuple[str, str] | None:
    """Return the paths of setpriv(1) and prlimit(1), or None."""
    privileges, limits = shutil.which("setpriv"), shutil.which("prlimit")
    return (privileges, limits) if privileges and limits else None


def _of_compiler() -> tuple[tuple[str, int, int], ...]:
    """Return the limits of a compiler: the name that prlimit(1) has for each, the number of it, and how much."""
    return (
        ("core", resource.RLIMIT_CORE, 0),
        ("cpu", resource.RLIMIT_CPU, COMPILER_SECONDS),
        ("as", resource.RLIMIT_AS, COMPILER_BYTES),
        ("fsize", resource.RLIMIT_FSIZE, COMPILER_OUTPUT_BYTES),
    )


def _confine_compiler() -> None:
    """Limit the process that becomes the compiler; called in it, before it does."""
    for _, what, most in _of_compiler():
        _limit(what, most)
    _die_first()
    _prctl(_NO_NEW_PRIVS, 1)


def _limit(what: int, most: int) -> None:
    most = _most(what, most)
    resource.setrlimit(what, (most, most))


def _most(what: int, most: int) -> int:
    """Return a limit, or a lower one that holds already."""
    _, hard = resource.getrlimit(what)
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


def _die_first(process: str = "self") -> None:
    """Where memory runs out after all, this process is the one that goes."""
    try:
        file = os.open(f"/proc/{process}/oom_score_adj", os.O_WRONLY)
    except OSError:
        return
    try:
        os.write(file, b"1000")
    except OSError:
        pass
    finally:
        os.close(file)


def _filter() -> bytes:
    """Return the filter: calls of another architecture and those that are not in the list are refused."""
    numbers = sorted(_ALLOWED.values())
    refuse, allow = len(numbers) + 3, len(numbers) + 4
    lines = [(_LOAD, 0, 0, 4), (_EQUAL, 0, refuse - 2, _X86_64), (_LOAD, 0, 0, 0)]
    lines += [(_EQUAL, allow - at - 1, 0, number) for at, number in enumerate(numbers, 3)]
    lines += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _has_seccomp() -> bool:
    return _CAN_FILTER and "errno" in _actions()


def _actions() -> str:
    try:
        return Path("/proc/sys/kernel/seccomp/actions_avail").read_text()
    except OSError:
        return ""


def _prctl(*arguments: int) -> None:
    _LIBC.prctl(*(ctypes.c_ulong(one) for one in (*arguments, 0, 0, 0, 0)[:5]))


_LIBC = ctypes.CDLL(None, use_errno=True)
_CAN_FILTER = platform.machine() == "x86_64"
_CODE = ctypes.create_string_buffer(_filter())
_PROGRAM = _Program(len(_CODE.raw) // 8, ctypes.addressof(_CODE))
