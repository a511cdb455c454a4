# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: arguments in, exit code out; no logic.

A command is a module of ``vmemcheck.commands`` with ``configure(parser)`` and
``run(arguments) -> int``. Only the module of the command that was asked for is
imported, so that ``--help`` stays fast.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from vmemcheck import errors

COMMANDS = {
    "prove": "prove or refute the alignment theorems for architectures and struct page sizes",
    "facts": "show what a kernel tree says about its vmemmap: shifts, tables, sizes of struct page",
    "fetch": "get a kernel tree from Debian, verified by apt, and print its path",
    "slice": "print the code that is taken out of a kernel tree, and why",
    "replay": "run a saved sequence of hotplug operations and draw the vmemmap after each",
}

EXIT_CODES = """\
exit codes:
  0    proved, holds, or a survey table
  1    a claim that was asked for is refuted, or an invariant is violated
  2    no verdict: bad input, vacuous, or an error
  130  interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except errors.VmemcheckError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: no verdict", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, less) left; keep the interpreter from failing again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"error: {error.strerror or error}{where}", file=sys.stderr)
        return 2


def _dispatch(arguments: list[str]) -> int:
    parser = _parser()
    chosen = parser.parse_args(arguments[:1])
    module = importlib.import_module(f"vmemcheck.commands.{chosen.command}")
    command = argparse.ArgumentParser(
        prog=f"vmemcheck {chosen.command}",
        description=module.__doc__.partition("\n")[0],
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(command)
    return int(module.run(command.parse_args(arguments[1:])))


def _parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  {name:<8} {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
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


class _Version(argparse.Action):
    """``--version``, reading the package's metadata only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        metadata = importlib.import_module("importlib.metadata")
        print(f"vmemcheck {metadata.version('vmemcheck')}")
        parser.exit(0)
