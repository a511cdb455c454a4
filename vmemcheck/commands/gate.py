# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge a patch series: what it breaks, fixes or leaves as it is in the vmemmap code of a kernel tree.

The series is applied to a copy; the same sequences run before and after it, wherever it can make a difference.
"""

import argparse
import os
import sys
from pathlib import Path

from vmemcheck.commands.check import add_geometry_arguments, wishes_of
from vmemcheck.commands.cluster import add_scheduler_argument, cluster_at
from vmemcheck.commands.facts import add_tree_arguments
from vmemcheck.commands.numbers import jobs_argument, seed_argument
from vmemcheck.commands.outputs import write_text
from vmemcheck.commands.progress import growing_bar
from vmemcheck.commands.replays import add_replays_argument, require_folder, save
from vmemcheck.commands.workers import Workers
from vmemcheck.errors import UsageError
from vmemcheck.gate.budget import BUDGETS
from vmemcheck.gate.judge import Request, Where, judge
from vmemcheck.gate.result import GateResult
from vmemcheck.kernel.compiler import compiler_version
from vmemcheck.kernel.tree import open_tree
from vmemcheck.patch.mail import read_series
from vmemcheck.patch.source import read_range, read_source
from vmemcheck.reports.check_words import shown_cell
from vmemcheck.reports.finding_json import replay_of
from vmemcheck.reports.gate_formats import FORMATS, report

_FORMATS = "; ".join(f"{name}: {what}" for name, what in FORMATS.items())


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_tree_arguments(parser)
    add = parser.add_argument
    add("series", nargs="?", metavar="SERIES", help="a diff, a mailbox, a folder of patches, or - for standard input")
    add("--range", metavar="A..B", help="these commits of the git repository --tree; judged on top of A")
    add("--budget", choices=tuple(BUDGETS), default="ci", help="how many sequences and sizes are run (ci)")
    add_geometry_arguments(parser)
    add("--seed", type=seed_argument, default=0, metavar="S", help="seed of the sequences (0)")
    add("-j", "--jobs", type=jobs_argument, metavar="J", help="processes (as many as there are processors)")
    add_scheduler_argument(parser)
    add("--latent", action="store_true", help="violations in sizes that cannot occur count too")
    add("--format", action="append", choices=tuple(FORMATS), help=f"how to say it; may be repeated (text). {_FORMATS}")
    add_replays_argument(parser)
    add(
        "--output", type=Path, metavar="FILE", action="append", help="where to, one for each --format (standard output)"
    )
    add("-q", "--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when nothing is broken, 1 when something is, 2 when there is no verdict or it was not exercised."""
    formats, outputs = arguments.format or ["text"], arguments.output or []
    if outputs and len(outputs) != len(formats):
        raise UsageError(f"{len(formats)} --format and {len(outputs)} --output", to_fix="give one file for each format")
    if not outputs and len(formats) > 1:
        raise UsageError("several --format need an --output each", to_fix="'--output -' is standard output")
    if (arguments.series is None) == (arguments.range is None):
        raise UsageError("give either SERIES or --range A..B", to_fix="see vmemcheck gate --help")
    result = _judged(arguments)
    saved = save(
        ((change, replay_of(result.tree, shown_cell(change), change.finding)) for change in result.changes),
        arguments.replays,
    )
    for name, output in zip(formats, outputs or [Path("-")], strict=True):
        _write(report(name, result, saved.names, latent=arguments.latent), output)
    return saved.exit_code(result.answer(latent=arguments.latent).exit_code)


def _judged(arguments: argparse.Namespace) -> GateResult:
    if arguments.range is not None:
        patches = read_series(read_range(arguments.tree, arguments.range))
        rev = arguments.rev or arguments.range.partition("..")[0]
    else:
        patches, rev = read_series(read_source(arguments.series)), arguments.rev
    tree = open_tree(arguments.tree, rev)
    require_folder(arguments.replays)
    request = Request(
        tree=tree,
        patches=patches,
        budget=BUDGETS[arguments.budget],
        seed=arguments.seed,
        arches=tuple(arguments.arch),
        latent=arguments.latent,
        wishes=wishes_of(arguments),
    )
    compiler_version()  # so that what is wrong with it is said once
    with (
        Workers(arguments.jobs or os.cpu_count() or 1) as workers,
        cluster_at(arguments.scheduler, workers) as cluster,
        growing_bar("judging", quiet=arguments.quiet) as bar,
    ):
        where = Where(workers.executor, cluster, cluster.confinement) if cluster else Where(workers.executor)
        return judge(request, where, bar)


def _write(text: str, output: Path) -> None:
    content = text if text.endswith("\n") else f"{text}\n"
    if str(output) == "-":
        sys.stdout.write(content)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, content)
