# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: arguments in, exit code out; no logic.

A command is a module of ``vmemcheck.commands`` with ``configure(parser)`` and
``run(arguments) -> int``. Only the module of the command that was asked for is
imported, so that ``--help`` stays fast.
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from vmemcheck import errors
from vmemcheck.interruptions import none_lost

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

COMMANDS = {
    "prove": "prove or refute the alignment theorems for architectures and struct page sizes",
    "check": "run generated hotplug sequences on the functions of a kernel tree",
    "gate": "judge a patch series: what it breaks, fixes or leaves as it is in a kernel tree",
    "explore": "visit every reachable state of a scaled-down geometry on the functions of a kernel tree",
    "mutate": "change the functions of a kernel tree in small ways, and count what the check notices",
    "facts": "show what a kernel tree says about its vmemmap, and re-prove the theorems for these values",
    "fetch": "get a kernel tree from Debian, verified by apt, and print its path",
    "slice": "print the code that is taken out of a kernel tree, and why",
    "trace": "replay a recording of a booted kernel on the code of a tree, and compare step by step",
    "replay": "run a saved sequence of hotplug operations and draw the vmemmap after each",
}

EXIT_CODES = """\
exit codes:
  0    proved, holds, or a survey table
  1    a claim that was asked for is refuted, or an invariant is violated
  2    no verdict: bad input, vacuous, or an error
  130  interrupted; 141: the reader of the output left
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _escape_what_output_cannot_say()
    try:
        try:
            with none_lost():
                code = _dispatch(arguments)
        except SystemExit as done:  # --help and --version end in this way
            code = int(done.code or 0)
        sys.stdout.flush()
        return code
    except errors.VmemcheckError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: no verdict", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _abandon_output()
        return 141
    except OSError as error:
        _abandon_output()
        where = error.filename or "standard output"
        print(f"error: {error.strerror or error}: {where}", file=sys.stderr)
        return 2


def _escape_what_output_cannot_say() -> None:
    """Let text of strangers, and names that are not UTF-8, be escaped where a stream has no such characters."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _abandon_output() -> None:
    """Keep the interpreter from writing what is left, and failing again, at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def _dispatch(arguments: list[str]) -> int:
    parser = _parser()
    chosen = parser.parse_args(arguments[:1])
    module = importlib.import_module(f"vmemcheck.commands.{chosen.command}")
    command = _Parser(
        prog=f"vmemcheck {chosen.command}",
        description=(module.__doc__ or "").partition("\n")[0],
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(command)
    return int(module.run(command.parse_args(arguments[1:])))


def _parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  {name:<8} {text}" for name, text in COMMANDS.items())
    parser = _Parser(
        prog="vmemcheck",
        usage="vmemcheck [-h] [--version] COMMAND ...",
        description="Prove and check the invariants of the Linux kernel's vmemmap under memory hotplug.",
        epilog=f"commands:\n{commands}\n\n'vmemcheck COMMAND --help' shows the options of one.\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.add_argument("command", metavar="COMMAND", choices=tuple(COMMANDS), help="one of the commands below")
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all errors are, and whose help does not get lost on a full disk."""

    def print_help(self, file: "SupportsWrite[str] | None" = None) -> None:
        (file or sys.stdout).write(self.format_help())

    def error(self, message: str) -> NoReturn:
        raise errors.UsageError(message, to_fix=f"see {self.prog} --help")


class _Version(argparse.Action):
    """``--version``, reading the package's metadata only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        metadata = importlib.import_module("importlib.metadata")
        print(f"vmemcheck {metadata.version('vmemcheck')}")
        parser.exit(0)
