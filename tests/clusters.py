# SPDX-License-Identifier: GPL-2.0-or-later
"""Dask clusters of this machine: a scheduler and workers, each a process; and jobs for them that wait to be let go."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PATIENCE_SECONDS = 600


@dataclass
class Processes:
    """The processes of a cluster.

    :param folder: empty; for its files and the caches of the workers
    """

    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the scheduler is, once it answers."""
        path = appeared(self.folder, "scheduler.json")
        while True:
            with contextlib.suppress(ValueError):  # it is there before it is whole
                return str(json.loads(path.read_text())["address"])

    def cache(self, number: int) -> Path:
        """Return the cache folder of a worker."""
        return self.folder / f"cache-{number}" / "vmemcheck"

    def worker(self, *, sources: Path = ROOT) -> subprocess.Popen[bytes]:
        """Start a worker.

        :param sources: the folder in which it finds vmemcheck
        """
        cache = self.cache(len(self.running)).parent
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder)]
        return self.start("dask_worker", *options, PYTHONPATH=str(sources), XDG_CACHE_HOME=str(cache))

    def start(self, program: str, *options: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a program of distributed."""
        command = [sys.executable, "-m", f"distributed.cli.{program}"]
        command += ["--scheduler-file", str(self.folder / "scheduler.json"), "--host", "127.0.0.1", *options]
        with (self.folder / f"{program}-{len(self.running)}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=os.environ | more, stdout=log, stderr=log)
        self.running.append(process)
        return process


@contextlib.contextmanager
def cluster_of(workers: int, folder: Path) -> Iterator[Processes]:
    """Give a scheduler, which is the first of its processes, with so many workers; all are gone when the block ends."""
    processes = Processes(folder)
    try:
        processes.start("dask_scheduler", "--port", "0", "--no-dashboard")
        for _ in range(workers):
            processes.worker()
        yield processes
    finally:
        for process in processes.running:
            process.kill()
            process.wait()


def appeared(folder: Path, pattern: str) -> Path:
    """Wait until there is a file, and return it.

    :raises TimeoutError: when none comes
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while not (found := sorted(folder.glob(pattern))):
        if time.monotonic() > end:
            raise TimeoutError(f"{folder / pattern} does not appear")
        time.sleep(0.01)
    return found[0]


def held(folder: Path, name: str) -> int:
    """Note which process runs this, wait until it is let go, and return the process."""
    (folder / f"{name}-{os.getpid()}").touch()
    appeared(folder, "go")
    return os.getpid()


def failing(text: str) -> None:
    """Fail as a mistake of ours would."""
    raise TypeError(text)
