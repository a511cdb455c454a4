# SPDX-License-Identifier: GPL-2.0-or-later
"""Get kernel trees from Debian, verified by apt, and print their paths.

Progress goes to standard error; standard output has a path for each tree and nothing else. Of several
versions, those that cannot be had are named in a line each, and the others are fetched.
"""

import argparse
import sys

from vmemcheck.errors import FetchError, UnreachableError
from vmemcheck.kernel.fetch import NEWEST, fetch


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("version", metavar="VERSION", nargs="+", help=f"5.10, 6.1, 6.12, 7.2 ..., or '{NEWEST}'")
    parser.add_argument("--refresh", action="store_true", help="ask for a newer package even when one is cached")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")


def run(arguments: argparse.Namespace) -> int:
    """Fetch and print the paths; return 0, or 2 when one of several versions could not be had.

    :raises FetchError: when the only one could not
    """
    say = _silent if arguments.quiet else _say
    versions = list(dict.fromkeys(arguments.version))
    reached, code = True, 0
    for version in versions:
        try:
            print(fetch(version, say, arguments.refresh, reached).root, flush=True)
        except FetchError as error:
            if len(versions) == 1:
                raise
            reached = reached and not isinstance(error, UnreachableError)
            why = "; ".join(filter(None, (error.what, error.where)))
            print(f"no tree {version}: {why}", file=sys.stderr, flush=True)
            code = 2
    return code


def _say(line: str) -> None:
    print(f"fetch: {line}", file=sys.stderr, flush=True)


def _silent(_: str) -> None:
    pass
