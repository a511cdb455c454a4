# SPDX-License-Identifier: GPL-2.0-or-later
"""Wait for a process, with a time limit, and without the delays of ``Popen.wait()``, which sleeps and looks."""

import os
import select
import subprocess


def wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Wait for the end of a process, and return its exit code.

    :raises subprocess.TimeoutExpired: when it takes longer
    """
    if process.poll() is not None:  # its number may be another's by now
        return process.returncode
    try:
        file = os.pidfd_open(process.pid)
    except OSError:  # before Linux 5.3, or forbidden, or it is gone
        return process.wait(seconds)
    try:
        poll = select.poll()
        poll.register(file, select.POLLIN)
        poll.poll(seconds * 1000)
    finally:
        os.close(file)
    return process.wait(0)
