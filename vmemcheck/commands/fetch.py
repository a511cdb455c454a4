# SPDX-License-Identifier: GPL-2.0-or-later
"""Get a kernel tree from Debian, verified by apt, and print its path.

Progress goes to standard error; standard output has the path and nothing else.
"""

import argparse
import sys

from vmemcheck.kernel.fetch import NEWEST, fetch


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("version", metavar="VERSION", help=f"5.10, 6.1, 6.12, 7.2 ..., or '{NEWEST}'")
    parser.add_argument("--refresh", action="store_true", help="ask for a newer package even when one is cached")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    """Fetch, print the path, return 0."""
    tree = fetch(arguments.version, _silent if arguments.quiet else _say, arguments.refresh)
    print(tree.root)
    return 0


def _say(line: str) -> None:
    print(f"fetch: {line}", file=sys.stderr, flush=True)


def _silent(_: str) -> None:
    pass
