# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers that commands take as arguments: read, and refused in one line. What they mean is up to the command."""

import argparse

from vmemcheck.geometry import MAX_STRUCT_PAGE_BYTES

_MOST_JOBS = 1024


def count_argument(text: str) -> int:
    """Read a number from 1 up."""
    return _number(text, 1, 1_000_000_000, "a number from 1 up")


def jobs_argument(text: str) -> int:
    """Read a number of processes, which all start at once."""
    return _number(text, 1, _MOST_JOBS, f"a number of processes: use 1 to {_MOST_JOBS}")


def seed_argument(text: str) -> int:
    """Read a seed."""
    return _number(text, 0, 99_999_999_999, "a seed: use a number from 0 up")


def bytes_argument(text: str) -> int:
    """Read a size of struct page, a multiple of 4."""
    size = _number(text, 8, MAX_STRUCT_PAGE_BYTES, f"a size of struct page: use 8 to {MAX_STRUCT_PAGE_BYTES} bytes")
    if size % 4:
        raise argparse.ArgumentTypeError(f"{size} is no multiple of 4")
    return size


def levels_argument(text: str) -> int:
    """Read a number of levels of page tables."""
    return _number(text, 3, 5, "a number of levels: use 3 to 5")


def shift_argument(text: str) -> int:
    """Read a shift."""
    return _number(text, 12, 30, "a shift: use 12 to 30")


def _number(text: str, least: int, most: int, what: str) -> int:
    if not (text.isdecimal() and len(text) < 12 and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not {what}")
    return int(text)
