# SPDX-License-Identifier: GPL-2.0-or-later
"""Run generated hotplug sequences on the functions of a kernel tree and check every invariant.

One row for each architecture, page size and size of struct page; each violation with its shortest sequence.
"""

import argparse
import hashlib
import importlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from vmemcheck import replay_file
from vmemcheck.arches import page_bytes
from vmemcheck.check import Cause, CellResult, CheckResult, causes_of, run_jobs
from vmemcheck.commands.facts import add_tree_arguments
from vmemcheck.errors import ExecutorError
from vmemcheck.geometry import MAX_STRUCT_PAGE_BYTES
from vmemcheck.kernel.cache import cache_folder, write_whole
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.tree import Tree, open_tree
from vmemcheck.replay_file import Replay
from vmemcheck.reports.check_json import check_json
from vmemcheck.reports.check_junit import check_junit
from vmemcheck.reports.check_text import check_text
from vmemcheck.reports.terminal import print_table
from vmemcheck.scope import Scope
from vmemcheck.selection import Prepared, Target, Wishes, prepare, targets

_GRACE_SECONDS = 3
_P = ParamSpec("_P")
_T = TypeVar("_T")
EXAMPLES = 300
"""Sequences for each cell, enough to meet all marks."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_tree_arguments(parser)
    add = parser.add_argument
    add("--arch", action="append", default=[], metavar="ARCH", help="an architecture; may be repeated (all)")
    add("--page-size", action="append", default=[], metavar="SIZE", help="4K, 16K or 64K; may be repeated (all)")
    add(
        "--struct-page",
        action="append",
        default=[],
        type=_bytes,
        metavar="BYTES",
        help="a size of struct page; may be repeated (those that the tree's definition can have)",
    )
    add("--levels", action="append", default=[], type=_levels, metavar="N", help="levels of page tables, 3 to 5")
    add("--subsection-shift", type=_shift, metavar="N", help="bend SUBSECTION_SHIFT; the tree has 21")
    add("--examples", type=_count, default=EXAMPLES, metavar="N", help=f"sequences for each row ({EXAMPLES})")
    add("--seed", type=_seed, default=0, metavar="S", help="seed of the sequences (0)")
    add("-j", "--jobs", type=_count, metavar="J", help="processes (as many as there are processors)")
    add("--faults", action="store_true", help="also let allocations fail half-way through an add")
    add("--latent", action="store_true", help="findings for sizes that cannot occur fail the run too")
    add("--format", choices=("text", "json", "junit"), default="text", help="how to print the result (text)")
    add("--replays", type=Path, metavar="DIR", help="where to save the sequences of findings (the cache folder)")
    add("-q", "--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when all invariants hold, 1 when one is violated, 2 when there is no verdict."""
    tree = open_tree(arguments.tree, arguments.rev)
    compiler_version()  # so that what is wrong with it is said once
    scope = Scope(faults=arguments.faults)
    shifts = tuple(page_bytes(text).bit_length() - 1 for text in arguments.page_size)
    wanted = targets(tuple(arguments.arch), shifts)
    with _Workers(arguments.jobs or os.cpu_count() or 1) as workers:
        prepared = _prepared(workers.executor, tree, wanted, arguments, scope)
        jobs = [job for one in prepared for job in one.jobs]
        with _progress(len(jobs), quiet=arguments.quiet) as advance:
            results = run_jobs(jobs, workers.executor, advance)
    result = CheckResult(
        tree=tree.name,
        origin=tree.origin,
        scope=scope,
        examples=arguments.examples,
        seed=arguments.seed,
        cells=results,
        causes=causes_of(results),
        skipped=tuple(one.skipped for one in prepared if one.skipped),
    )
    _print(result, _saved(result, arguments.replays), arguments)
    return result.exit_code(latent=arguments.latent)


def _prepared(
    executor: Executor, tree: Tree, wanted: Iterable[Target], arguments: argparse.Namespace, scope: Scope
) -> list[Prepared]:
    """Slice all targets at once; the first error ends the run."""
    bent = (("subsection_shift", arguments.subsection_shift),) if arguments.subsection_shift else ()
    wishes = Wishes((), tuple(dict.fromkeys(arguments.struct_page)), tuple(dict.fromkeys(arguments.levels)), bent)
    named = bool(arguments.arch)
    wanted = list(wanted)
    with _progress(len(wanted), quiet=arguments.quiet, what="slicing") as advance:
        futures = [
            executor.submit(_prepare, tree, target, wishes, scope, arguments.examples, arguments.seed, named)
            for target in wanted
        ]
        for future in as_completed(futures):
            future.result()
            advance(None)
    return [future.result() for future in futures]


def _prepare(
    tree: Tree, target: Target, wishes: Wishes, scope: Scope, examples: int, seed: int, named: bool
) -> Prepared:
    return prepare(tree, target, wishes, scope, examples, seed, named=named)


def _print(result: CheckResult, replays: dict[Cause, str], arguments: argparse.Namespace) -> None:
    match arguments.format:
        case "json":
            print(check_json(result, replays))
        case "junit":
            print(check_junit(result, replays, latent=arguments.latent))
        case _:
            print_table(check_text(result, replays, latent=arguments.latent))


def _saved(result: CheckResult, folder: Path | None) -> dict[Cause, str]:
    """Save the sequence of each cause; return the names of the files."""
    if not result.causes:
        return {}
    folder = folder or cache_folder("replays")
    folder.mkdir(parents=True, exist_ok=True)
    names: dict[Cause, str] = {}
    for cause in result.causes:
        replay = Replay(
            geometry=cause.finding.steps[-1].geometry,
            sequence=cause.finding.sequence,
            machine=f"{result.tree} {cause.arch}",
            invariant=cause.kind.invariant,
            memory_model=cause.cells[0].memory_model,
        )
        text = replay_file.to_json(replay)
        path = folder / f"{cause.arch}-{hashlib.sha256(text.encode()).hexdigest()[:6]}.json"
        write_whole(path, text.encode())
        names[cause] = str(path)
    return names


class _Pool(ProcessPoolExecutor):
    """Runs each function so that a signal lets it clean up, and ends its process."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        return super().submit(partial(_run_or_leave, fn, *args, **kwargs))


class _Workers:
    """A pool of processes that is gone when the block ends, also by Ctrl-C."""

    def __init__(self, jobs: int) -> None:
        self.executor = _Pool(jobs, multiprocessing.get_context("fork"), initializer=_start_worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.executor.shutdown()
            return
        self.executor.shutdown(wait=False, cancel_futures=True)
        children = multiprocessing.active_children()
        for child in children:
            child.terminate()
        end = time.monotonic() + _GRACE_SECONDS
        for child in children:
            child.join(max(0.0, end - time.monotonic()))
            child.kill()
        if isinstance(error, BrokenProcessPool):
            raise ExecutorError(
                "a process of the check was ended from outside",
                to_fix="look for a lack of memory (dmesg); use fewer --jobs",
            ) from None


def _start_worker() -> None:
    # On Ctrl-C the worker goes without a word; the command says what there is to say.
    _on_signal(signal.SIG_DFL)


def _run_or_leave(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    _on_signal(_leave)
    try:
        return function(*args, **kwargs)
    except SystemExit:  # half-written files are gone by now; the pool itself would go on with the next function
        os._exit(130)
    finally:
        _on_signal(signal.SIG_DFL)


def _leave(*_: object) -> None:
    _on_signal(lambda *_: None)  # SIG_IGN makes Python complain about a signal that has already come
    raise SystemExit


def _on_signal(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


@contextmanager
def _progress(total: int, *, quiet: bool, what: str = "checking") -> Iterator[Callable[[CellResult | None], None]]:
    """Show a progress bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    progress: Any = importlib.import_module("rich.progress")
    console = importlib.import_module("rich.console").Console(stderr=True)
    # Without a thread of its own, since processes are forked meanwhile.
    with progress.Progress(console=console, auto_refresh=False, transient=True) as bar:
        task = bar.add_task(what, total=total)

        def advance(_: CellResult | None) -> None:
            bar.advance(task)
            bar.refresh()

        bar.refresh()
        yield advance


def _number(text: str, least: int, most: int, what: str) -> int:
    if not (text.isdecimal() and len(text) < 12 and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not {what}")
    return int(text)


def _count(text: str) -> int:
    return _number(text, 1, 1_000_000_000, "a number from 1 up")


def _seed(text: str) -> int:
    return _number(text, 0, 99_999_999_999, "a seed: use a number from 0 up")


def _bytes(text: str) -> int:
    size = _number(text, 8, MAX_STRUCT_PAGE_BYTES, f"a size of struct page: use 8 to {MAX_STRUCT_PAGE_BYTES} bytes")
    if size % 4:
        raise argparse.ArgumentTypeError(f"{size} is no multiple of 4")
    return size


def _levels(text: str) -> int:
    return _number(text, 3, 5, "a number of levels: use 3 to 5")


def _shift(text: str) -> int:
    return _number(text, 12, 30, "a shift: use 12 to 30")
