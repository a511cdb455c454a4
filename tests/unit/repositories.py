# SPDX-License-Identifier: GPL-2.0-or-later
"""Git repositories for tests: what passes as a kernel tree, and one that would run a program at every turn."""

import subprocess
from pathlib import Path

MAKEFILE = "# SPDX\nVERSION = 9\nPATCHLEVEL = 8\nSUBLEVEL = 7\nEXTRAVERSION = -rc6\nNAME = Test\n"
NAMES = ("mm/sparse-vmemmap.c", "mm/memory_hotplug.c", "include/linux/mmzone.h", "arch/x86/mm/init_64.c")
_HOOKS = ("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc")


def smallest_tree(root: Path) -> Path:
    """Make the smallest folder that passes as a kernel tree."""
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"/* {name} */\n")
    (root / "Makefile").write_text(MAKEFILE)
    return root


def git(folder: Path, *arguments: str, given: str = "") -> str:
    """Run git in a folder, as somebody."""
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "init.defaultBranch=main"]
    command = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, input=given).stdout.strip()


def committed(folder: Path, message: str = "one") -> str:
    """Commit all that is in a folder, a repository by then, and return the name of the commit."""
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def committed_file(folder: Path, name: str) -> str:
    """Commit a new file of mm, and return the name of the commit."""
    (folder / "mm").mkdir(exist_ok=True)
    (folder / f"mm/{name}.c").write_text(f"{name}\n")
    return committed(folder, f"mm: {name}")


def arm(repository: Path, mark: Path) -> None:
    """Let a repository run a program, which makes ``mark``, wherever it can name one."""
    program = f"touch {mark}; cat"
    script = repository / ".git/evil"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    for what in ("clean", "smudge"):
        git(repository, "config", f"filter.evil.{what}", program)
    git(repository, "config", "filter.evil.required", "true")
    (repository / ".git/info").mkdir(exist_ok=True)
    (repository / ".git/info/attributes").write_text("* filter=evil diff=evil\n")
    git(repository, "config", "diff.evil.textconv", program)
    git(repository, "config", "diff.evil.command", str(script))
    for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "core.alternateRefsCommand", "diff.external"):
        git(repository, "config", name, str(script))
    git(repository, "config", "gpg.program", str(script))
    git(repository, "config", "log.showSignature", "true")
    for hook in _HOOKS:
        (repository / ".git/hooks").mkdir(exist_ok=True)
        (repository / ".git/hooks" / hook).write_text(script.read_text())
        (repository / ".git/hooks" / hook).chmod(0o755)


def partial_clone(source: Path, clone: Path, mark: Path) -> Path:
    """Clone a repository without contents; to fetch one makes ``mark``."""
    git(source, "config", "uploadpack.allowFilter", "true")
    git(source, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(source.parent, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{source}", str(clone))
    git(clone, "config", "remote.origin.uploadpack", f"touch {mark}; git-upload-pack")
    return clone


def lose(repository: Path, name: str) -> None:
    """Remove a content or a folder, which is not in a pack, of the last commit."""
    lost = git(repository, "rev-parse", f"HEAD:{name}")
    (repository / f".git/objects/{lost[:2]}/{lost[2:]}").unlink()
