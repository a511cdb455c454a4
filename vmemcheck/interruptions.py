# SPDX-License-Identifier: GPL-2.0-or-later
"""Ctrl-C and other signals end a process, whatever it does when they come.

Python raises the exception of a signal in the midst of what runs. Where that is a function called around fork() or by
the garbage collector, it prints the exception and goes on as if nothing had come.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_AGAIN_SECONDS = 0.01


@contextmanager
def none_lost() -> Iterator[None]:
    """Raise a ``KeyboardInterrupt`` or ``SystemExit`` again that Python drops in this block, and say nothing of it.

    At the latest at the end of the block: an error on the way out may be a consequence of the same signal. It holds in
    processes that are forked in the block, too.
    """
    before = sys.unraisablehook
    dropped: list[type[BaseException]] = []

    def heed(lost: "UnraisableHookArgs") -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt | SystemExit):
            before(lost)
            return
        dropped.append(lost.exc_type)
        # Not here, where it would be dropped as well.
        signal.signal(signal.SIGALRM, again)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)

    def again(*_: object) -> None:
        if dropped:
            raise dropped.pop()

    sys.unraisablehook = heed
    try:
        yield
    finally:
        sys.unraisablehook = before
        if dropped:
            signal.setitimer(signal.ITIMER_REAL, 0)
            again()
