# SPDX-License-Identifier: GPL-2.0-or-later
"""Progress bars on standard error, on a terminal only. What is counted is the command's."""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress_bar(total: int, *, quiet: bool, what: str = "checking") -> Iterator[Callable[[object], None]]:
    """Show how many of ``total`` things are done; what is given is called for each, with anything."""
    with _bar(what, total, quiet=quiet) as update:
        yield lambda _: update(advance=1)


@contextmanager
def growing_bar(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how much is done of what is known so far; what is given is called with both numbers."""
    with _bar(what, None, quiet=quiet) as update:
        yield lambda done, known: update(completed=done, total=known)


@contextmanager
def _bar(what: str, total: int | None, *, quiet: bool) -> Iterator[Callable[..., None]]:
    if quiet or not sys.stderr.isatty():
        yield lambda **_: None
        return
    progress: Any = importlib.import_module("rich.progress")
    console = importlib.import_module("rich.console").Console(stderr=True)
    # Without a thread of its own, since processes are forked meanwhile.
    with progress.Progress(console=console, auto_refresh=False, transient=True) as bar:
        task = bar.add_task(what, total=total)

        def update(**numbers: int) -> None:
            bar.update(task, **numbers)
            bar.refresh()

        bar.refresh()
        yield update
