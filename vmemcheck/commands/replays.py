# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the sequences of findings are saved, for ``vmemcheck replay``. Which findings there are is the command's."""

import argparse
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from vmemcheck import replay_file
from vmemcheck.kernel.cache import DAY_SECONDS, cache_folder, keep_newest, write_whole
from vmemcheck.replay_file import Replay

Key = TypeVar("Key")
_MOST, _STAYS_SECONDS = 4096, 30 * DAY_SECONDS


def add_replays_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where."""
    parser.add_argument(
        "--replays", type=Path, metavar="DIR", help="where to save the sequences of findings (the cache folder)"
    )


def save(replays: Iterable[tuple[Key, Replay]], folder: Path | None) -> dict[Key, str]:
    """Save each sequence; return the names of the files.

    :param replays: each with what its name is asked for by, and what it ran on as ``TREE ARCH``
    :param folder: None for the one in the cache, from which old ones are removed where there are many
    """
    names: dict[Key, str] = {}
    in_cache = folder is None
    for key, replay in replays:
        folder = folder or cache_folder("replays")
        folder.mkdir(parents=True, exist_ok=True)
        text = replay_file.to_json(replay)
        arch = replay.machine.rpartition(" ")[2]
        path = folder / f"{arch}-{hashlib.sha256(text.encode()).hexdigest()[:6]}.json"
        write_whole(path, text.encode())
        names[key] = str(path)
        if in_cache:
            keep_newest(path, _MOST, _STAYS_SECONDS)
    return names
