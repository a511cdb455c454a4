# SPDX-License-Identifier: GPL-2.0-or-later
"""Call git, on repositories of strangers too: nothing that one can configure runs, and nothing is fetched.

What is asked, and what an answer means, is decided by who asks. Commands that compare with files of a checkout
(``status``, ``diff``) run its filters whatever stands here; ``vmemcheck.kernel.checkout`` does without them.
"""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from vmemcheck.errors import TreeError

_MOST_BYTES = 64 << 20
# What git runs whatever the command: a monitor of files, hooks, a pager.
_OPTIONS = ("--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


def git_command(repository: Path, *arguments: str) -> list[str]:
    """Return the command line of git for a repository, or a folder in one; it goes with ``git_environment()``."""
    return ["git", *_OPTIONS, "-C", str(repository), *arguments]


def git_environment(*, isolated: bool = False, ceiling: Path | None = None) -> dict[str, str]:
    """Return the environment for git: of no repository but the named one.

    :param isolated: without the configuration of the user and the machine, which say whose repositories are trusted
    :param ceiling: a repository is not looked for in this folder, nor above it
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    ours |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    # To fetch what a partial clone lacks is to run what its remote is configured with. Before 2.45, and the versions
    # that were mended with it, git does not know the first.
    ours |= {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
    # Neither other contents nor other parents for the same name of a commit. The second is a file that cannot be.
    ours |= {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": "/dev/null/none"}
    if isolated:
        ours |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}
    if ceiling is not None:
        ours["GIT_CEILING_DIRECTORIES"] = str(ceiling)
    return ours


def run_git(repository: Path, *arguments: str, ceiling: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run git, and return its exit code, what it wrote, and the first line of what it complained of.

    :raises FileNotFoundError: when git is not installed
    :raises TreeError: when it writes without end
    """
    command, environment = git_command(repository, *arguments), git_environment(ceiling=ceiling)
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, env=environment) as process,
    ):
        assert process.stdout is not None, "asked for above"
        written = process.stdout.read(_MOST_BYTES + 1)
        if len(written) > _MOST_BYTES:
            process.kill()
            raise TreeError(
                f"git {arguments[0]} wrote more than {_MOST_BYTES >> 20} MiB, and was not read",
                where=str(repository),
                to_fix="give a repository of the Linux kernel",
            )
        return subprocess.CompletedProcess(command, process.wait(), written, first_line(complaints))


def ask_git(repository: Path, *arguments: str, ceiling: Path | None = None) -> str:
    """Return what git writes, decoded as names of files are.

    :raises TreeError: when git is not installed, or refuses
    """
    try:
        done = run_git(repository, *arguments, ceiling=ceiling)
    except FileNotFoundError:
        raise git_absent() from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace") or "no such revision"
        raise TreeError(
            f"git {arguments[0]} {arguments[-1]}: {said}",
            where=str(repository),
            to_fix="give a git repository and the name of a commit in it",
        )
    return os.fsdecode(done.stdout)


def git_absent() -> TreeError:
    """Return the error for a machine without git."""
    return TreeError("git is not installed", to_fix="install git, or give an unpacked tree")


def first_line(complaints: IO[bytes]) -> bytes:
    """Return the first line of a file that git wrote its complaints to."""
    complaints.seek(0)
    return complaints.read(2000).strip().partition(b"\n")[0]
