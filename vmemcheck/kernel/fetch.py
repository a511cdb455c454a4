# SPDX-License-Identifier: GPL-2.0-or-later
"""Fetch a kernel tree: Debian's ``linux-source-*`` package, verified by apt, cached.

Which suite holds which version is asked of apt; no table here knows it.
"""

import functools
import re
import shlex
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from vmemcheck.errors import FetchError, UnreachableError
from vmemcheck.kernel.apt import Candidate, PrivateApt, Source, machine_sources, require_tools
from vmemcheck.kernel.cache import appearing, cache_folder
from vmemcheck.kernel.tree import Tree, open_tree
from vmemcheck.kernel.unpack import layout_digest, unpack

NEWEST = "newest"
UNSTABLE = "sid"
SUITES = (UNSTABLE, "forky", "trixie", "bookworm", "bullseye")
"""Where to look, next to the machine's own suites. A suite that is gone is skipped."""

_PACKAGE = "linux-source-"
_SOURCE_ARCHIVE = re.compile(r"(?:\./)?usr/src/linux-source-[\d.]+\.tar(?:\.\w+)?")
Say = Callable[[str], None]


def cached_trees() -> tuple[Tree, ...]:
    """Return the trees that were fetched before, oldest kernel first."""
    folders = [folder for folder in cache_folder("trees").glob(f"*.{layout_digest()}") if folder.is_dir()]
    trees = [open_tree(folder) for folder in folders]
    return tuple(sorted(trees, key=lambda tree: _numbers(tree.version)))


def fetch(version: str, say: Say, refresh: bool = False, ask: bool = True) -> Tree:
    """Return the tree of ``version``; download it when it is not cached.

    :param version: ``6.12``, ``6.12.117``, or ``newest`` for the newest that Debian's unstable
        suite has; of several packages that fit, the newest is taken
    :param say: receives one line of progress at a time
    :param refresh: ask for a newer package even when a tree of ``version`` is cached
    :param ask: False when the archive is known not to answer: only what is cached is taken
    :raises UnreachableError: when the archive does not answer, and the tree is not cached
    :raises FetchError: when there is no apt, no such version or no space
    """
    if version != NEWEST and not re.fullmatch(r"\d+\.\d+(\.\d+)?", version):
        raise FetchError(f"{version!r} is not a kernel version", to_fix="give 6.12, 6.12.117 or newest")
    tree = _fetched(version, say, refresh, ask)
    for old in _for_other_layouts(tree.root):
        say(f"another vmemcheck unpacked this kernel too; if that is gone: rm -r {shlex.quote(str(old))}")
    return tree


def _for_other_layouts(root: Path) -> list[Path]:
    """Return the folders of the same package in the same version that another choice of files was unpacked to."""
    stem = root.name.removesuffix(layout_digest())
    others = root.parent.iterdir() if stem != root.name else ()
    return sorted(one for one in others if one != root and re.fullmatch(rf"{re.escape(stem)}[0-9a-f]{{8}}", one.name))


def _fetched(version: str, say: Say, refresh: bool, ask: bool) -> Tree:
    cached = [tree for tree in cached_trees() if f"{tree.version}.".startswith(f"{version}.")]
    if cached and not refresh:
        say(f"{cached[-1].name} is cached; --refresh asks whether there is a newer one")
        return cached[-1]
    require_tools()
    sources = machine_sources()
    candidate, apt = _newest(sources, say, ask) if version == NEWEST else _find(version, sources, say, ask)
    return _download(candidate, apt, say)


def unpack_package(package: Path, destination: Path, say: Say) -> int:
    """Unpack the needed files of a ``linux-source-*.deb``, and return their number.

    Both archives are read as streams: nothing but the wanted files reaches the disk.

    :raises FetchError: when the package holds no kernel source
    """
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None, "asked for above"
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as outer:
                for member in outer:
                    if member.isreg() and _SOURCE_ARCHIVE.fullmatch(member.name):
                        with tarfile.open(fileobj=outer.extractfile(member), mode="r|*") as inner:
                            return unpack(inner, destination, lambda number: _report(number, say))
        except tarfile.TarError as error:
            raise FetchError(f"the package is damaged: {error}", where=package.name, to_fix="fetch again") from error
        finally:
            process.terminate()
    raise FetchError("the package holds no kernel source", where=package.name, to_fix="give another version")


def _report(number: int, say: Say) -> None:
    if number and number % (256 * 40) == 0:
        say(f"read {number} files of the archive")


def _download(candidate: Candidate, apt: PrivateApt, say: Say) -> Tree:
    folder = cache_folder("trees") / f"{candidate.package}_{candidate.version}.{layout_digest()}"
    if folder.is_dir():
        say(f"{candidate.package} {candidate.version} is cached")
        return open_tree(folder)
    if not apt.reached:
        raise _unreachable(f"{candidate.package} {candidate.version}", [])
    with appearing(folder) as partial:
        say(f"downloading {candidate.package} {candidate.version} from {candidate.suite}, about 150 MB")
        download = partial / ".download"
        download.mkdir()
        package = apt.download(candidate, download)
        say("verified by apt; unpacking")
        files = unpack_package(package, partial, say)
        shutil.rmtree(download)
        open_tree(partial)
    say(f"unpacked {files} files")
    return open_tree(folder)


def _unreachable(wanted: str, complaints: list[str]) -> UnreachableError:
    trees = cached_trees()
    known = f", such as {trees[-1].root}" if trees else ""
    return UnreachableError(
        f"{wanted} is not cached, and the package archive does not answer",
        where=complaints[0] if complaints else "",
        to_fix=f"check the network, or use a kernel tree that you have{known}: --tree FOLDER",
    )


def _find(version: str, sources: tuple[Source, ...], say: Say, ask: bool) -> tuple[Candidate, PrivateApt]:
    if not ask:
        raise _unreachable(f"linux {version}", [])
    package = _PACKAGE + ".".join(version.split(".")[:2])
    own = dict.fromkeys(source.suite for source in sources)
    elsewhere = dict.fromkeys(name for suite in SUITES for name in (suite, f"{suite}-security") if name not in own)
    complaints: list[str] = []
    for name, suites in (("own", own), ("other", elsewhere)):
        say(f"asking apt for linux {version} in {', '.join(suites)}")
        apt = PrivateApt(cache_folder("apt", name), sources, suites)
        complaints += apt.update()
        if not apt.reached:
            raise _unreachable(f"linux {version}", complaints)
        candidates = [found for found in apt.candidates(package) if re.match(rf"{re.escape(version)}\b", found.version)]
        if candidates:
            return _highest(candidates), apt
    raise FetchError(
        f"no suite has linux {version}; asked: {', '.join((*own, *elsewhere))}",
        where=_shortened(complaints),
        to_fix="check the version and the network, or use a kernel tree that you have: --tree FOLDER",
    )


def _shortened(complaints: list[str]) -> str:
    if not complaints:
        return "apt read all lists without complaint"
    return complaints[0] + (f"; and {len(complaints) - 1} more like it" if complaints[1:] else "")


def _newest(sources: tuple[Source, ...], say: Say, ask: bool) -> tuple[Candidate, PrivateApt]:
    say(f"asking apt for the newest kernel in {UNSTABLE}")
    apt = PrivateApt(cache_folder("apt", UNSTABLE), sources, [UNSTABLE])
    complaints = apt.update() if ask else []
    apt.reached = apt.reached and ask
    if not apt.reached:
        say("the package archive does not answer; the lists of the last time are used")
    names = [name for name in apt.packages(_PACKAGE) if re.fullmatch(rf"{_PACKAGE}\d+\.\d+", name)]
    for name in sorted(names, key=_numbers, reverse=True):
        candidates = apt.candidates(name)
        if candidates:
            return _highest(candidates), apt
    if not apt.reached:
        raise _unreachable("the newest kernel", complaints)
    raise FetchError(
        f"apt knows no {_PACKAGE}X.Y in {UNSTABLE}",
        where=_shortened(complaints),
        to_fix="check the network, or name a version: vmemcheck fetch 6.12",
    )


def _highest(candidates: Iterable[Candidate]) -> Candidate:
    return max(candidates, key=functools.cmp_to_key(_compare))


def _compare(one: Candidate, other: Candidate) -> int:
    """Compare two Debian versions, as dpkg does."""
    if one.version == other.version:
        return 0
    question = ["dpkg", "--compare-versions", one.version, "gt", other.version]
    return 1 if subprocess.run(question, check=False).returncode == 0 else -1


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]
