# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the sequences of findings are saved, for ``vmemcheck replay``. Which findings there are is the command's."""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

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


@dataclass(frozen=True, slots=True)
class Saved(Generic[Key]):
    """What was saved.

    :param names: the files; without what could not be saved
    :param error: why that could not be; None where all was
    """

    names: dict[Key, str]
    error: OSError | None = None

    def exit_code(self, verdict: int) -> int:
        """Say what could not be saved, once the report is printed; return the exit code.

        :param verdict: the exit code of the verdict, which stays where something is violated
        """
        if self.error is None:
            return verdict
        sys.stdout.flush()
        where = self.error.filename or "the sequences of findings"
        print(f"error: {self.error.strerror or self.error}: {where}; not all sequences are saved", file=sys.stderr)
        return verdict if verdict == 1 else 2


def require_folder(folder: Path | None) -> None:
    """Make the folder that was named, and see that files can be written there, before there is anything to save.

    :raises OSError: when there can be none
    """
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from None


def save(replays: Iterable[tuple[Key, Replay]], folder: Path | None) -> Saved[Key]:
    """Save each sequence; the first that cannot be saved is the last that is tried, and no reason to lose a report.

    :param replays: each with what its name is asked for by, and what it ran on as ``TREE ARCH``
    :param folder: None for the one in the cache, from which old ones are removed where there are many
    """
    names: dict[Key, str] = {}
    try:
        for key, replay in replays:
            names[key] = _saved(replay, folder)
    except OSError as error:
        return Saved(names, error)
    return Saved(names)


def _saved(replay: Replay, folder: Path | None) -> str:
    named = folder or cache_folder("replays")
    named.mkdir(parents=True, exist_ok=True)
    text = replay_file.to_json(replay)
    arch = replay.machine.rpartition(" ")[2]
    path = named / f"{arch}-{hashlib.sha256(text.encode()).hexdigest()[:6]}.json"
    write_whole(path, text.encode())
    if folder is None:
        keep_newest(path, _MOST, _STAYS_SECONDS)
    return str(path)
