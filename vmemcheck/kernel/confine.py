# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program made of strangers' code may not do, from before its first instruction: no network, no other processes.

A filter of system calls that the Linux host enforces, and limits of resources. Once it runs, the program takes away
much more from itself: see vmemcheck/shim/signals.c. Where the host has no filters, limits are all there is.
"""

import ctypes
import functools
import os
import platform
import resource
import struct

_X86_64 = {
    "network": "41 42 43 44 46 49 50 53 288 299 307",
    "processes": "56 57 58 435 62 200 234 101 310 311 322 424 434",
    "files": "76 82 84 85 86 87 88 90 91 92 93 94 132 133 188 235 258 259 260 261 263 264 265 266 268 280 304 316 437",
    "privileges": "105 106 113 114 117 119 126 155 161 165 166 169 175 246 272 308 313 320 428 429",
    "kernel": "29 64 68 240 248 249 250 298 319 321 323 425 426 427",
}
"""Numbers of system calls that are denied. Source: arch/x86/entry/syscalls/syscall_64.tbl"""
_OPEN, _OPENAT = 2, 257
_WRITING = 0o1 | 0o2 | 0o100 | 0o1000
"""O_WRONLY, O_RDWR, O_CREAT, O_TRUNC."""
_ARCHITECTURE = 0xC000003E
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _HOST, _SECOND, _THIRD = 0, 4, 24, 32
_ALLOW, _DENY, _KILL = 0x7FFF0000, 0x00050001, 0x80000000
_NO_NEW_PRIVILEGES, _SET_FILTER = 38, 22
CONFINED = (
    "no network, no other processes, no new privileges, no files changed (seccomp)",
    "limits on time, output, open files and stack; an empty working folder",
)
"""In the words of a report."""
WITHOUT_FILTER = "system calls before the program starts: this host has no seccomp filters that are known here"


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def confine(*, may_write: bool) -> None:
    """Limit this process and what it becomes; called in a new process, before it starts a program.

    :param may_write: it writes the counts of its lines
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, 8 << 20))
    if not _is_known_host():
        return
    filter_ = _filter(may_write=may_write)
    text = ctypes.create_string_buffer(filter_, len(filter_))
    program = _Program(len(filter_) // 8, ctypes.addressof(text))
    _library().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _library().prctl(_SET_FILTER, 2, ctypes.byref(program))


@functools.cache
def has_filter() -> bool:
    """Tell whether the host enforces the filter: a process that is confined tries to open a socket."""
    if not _is_known_host():
        return False
    _filter(may_write=False)  # so that the new process finds it
    child = os.fork()
    if child == 0:
        confine(may_write=False)
        os._exit(0 if _library().syscall(41, 1, 1, 0) == -1 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def prepare() -> None:
    """Make what ``confine()`` needs, so that a new process has nothing to do but to ask the host."""
    if _is_known_host():
        _library()
        for may_write in (False, True):
            _filter(may_write=may_write)


@functools.cache
def _is_known_host() -> bool:
    return platform.system() == "Linux" and platform.machine() == "x86_64"


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@functools.cache
def _filter(*, may_write: bool) -> bytes:
    """Return the filter as the host reads it: struct sock_filter."""
    denied = sorted(int(number) for numbers in _X86_64.values() for number in numbers.split())
    code = [
        (_LOAD, 0, 0, _HOST),
        (_EQUAL, 1, 0, _ARCHITECTURE),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, 0x40000000),  # the x32 calls
        (_RETURN, 0, 0, _DENY),
    ]
    for number in denied:
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _DENY)]
    if not may_write:
        for number, flags in ((_OPEN, _SECOND), (_OPENAT, _THIRD)):
            code += [
                (_EQUAL, 0, 4, number),
                (_LOAD, 0, 0, flags),
                (_ANY_BIT, 0, 1, _WRITING),
                (_RETURN, 0, 0, _DENY),
                (_RETURN, 0, 0, _ALLOW),
            ]
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *each) for each in code)
