# SPDX-License-Identifier: GPL-2.0-or-later
"""A private apt: the machine's own sources with other suite names, and own state folders.

Nothing of the machine's configuration is changed, root is not needed, no host is named
here, and apt verifies what it downloads with the keys that the machine trusts.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from vmemcheck.errors import FetchError

_TOOLS = ("apt-get", "apt-cache", "dpkg", "dpkg-deb")
_SECURITY = "-security"
# To find that there is no network must not take minutes: apt itself would wait for half a minute, four times,
# for each suite.
_PATIENCE = {"Acquire::Retries": "0", "Acquire::http::Timeout": "10", "Acquire::https::Timeout": "10"}
_DEB_LINE = re.compile(r"deb\s+(?P<options>\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>[^\s/]+)\s+(?P<rest>\S.*)")


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of the machine's sources, for one suite.

    :param suffix: of the file that it belongs into, ``.sources`` or ``.list``
    :param template: the entry with ``{suite}`` in the place of its suite
    """

    suite: str
    suffix: str
    template: str

    @property
    def is_security(self) -> bool:
        """Tell whether this is an entry of the security archive."""
        return self.suite.endswith(_SECURITY)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of a package that apt offers, and the suite that has it."""

    package: str
    version: str
    suite: str


def require_tools() -> None:
    """Check that this machine has apt.

    :raises FetchError: when it has not
    """
    for tool in _TOOLS:
        if shutil.which(tool) is None:
            raise FetchError(
                f"fetching needs Debian's package tools, and this machine has no {tool}",
                to_fix="use a kernel tree that you have: --tree FOLDER, or --tree REPOSITORY --rev REVISION",
            )


def machine_sources(etc: Path = Path("/etc/apt")) -> tuple[Source, ...]:
    """Read the binary-package entries of the machine's apt configuration.

    :raises FetchError: when there is none
    """
    parts = sorted((etc / "sources.list.d").glob("*")) if (etc / "sources.list.d").is_dir() else []
    sources: list[Source] = []
    for file in [etc / "sources.list", *parts]:
        if file.suffix == ".list" and file.is_file():
            sources += _from_list(file.read_text(encoding="utf-8", errors="replace"))
        elif file.suffix == ".sources" and file.is_file():
            sources += _from_deb822(file.read_text(encoding="utf-8", errors="replace"))
    if not sources:
        raise FetchError("apt has no package source on this machine", where=str(etc), to_fix="add a Debian source")
    return tuple(sources)


def _from_list(text: str) -> list[Source]:
    sources = []
    for line in text.splitlines():
        match = _DEB_LINE.fullmatch(line.partition("#")[0].strip())
        if match:
            options = match["options"] or ""
            template = f"deb {options}{match['uri']} {{suite}} {match['rest']}\n"
            sources.append(Source(match["suite"], ".list", template))
    return sources


def _from_deb822(text: str) -> list[Source]:
    sources = []
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if line and not line.startswith("#")]
        joined = "\n".join(lines) + "\n"
        fields = {
            name.lower(): " ".join(value.split())
            for name, value in re.findall(r"^([\w-]+):((?:.*)(?:\n[ \t].*)*)", joined, re.MULTILINE)
        }
        usable = "deb" in fields.get("types", "").split() and fields.get("enabled", "yes") not in ("no", "false")
        if not usable or "suites" not in fields:
            continue
        template = re.sub(r"(?im)^suites:.*(\n[ \t].*)*", "Suites: {suite}", joined)
        template = re.sub(r"(?im)^types:.*(\n[ \t].*)*", "Types: deb", template)
        sources += [Source(suite, ".sources", template) for suite in fields["suites"].split() if "/" not in suite]
    return sources


class PrivateApt:
    """apt with own lists, cache and sources below one folder.

    ``reached`` tells whether the last ``update()`` had an answer about any suite.
    """

    def __init__(self, folder: Path, sources: Iterable[Source], suites: Iterable[str]) -> None:
        """Write the sources of ``suites``; an entry is taken from the machine's nearest kind.

        :param folder: kept between runs, so that lists are downloaded only when they changed
        """
        self._folder = folder
        parts = folder / "sources.list.d"
        shutil.rmtree(parts, ignore_errors=True)
        for name in ("lists/partial", "cache/archives/partial", "sources.list.d"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        known = tuple(sources)
        self.suites = tuple(suites)
        self.reached = True
        self._entries = 0
        for suite in self.suites:
            for number, source in enumerate(_entries_for(suite, known)):
                (parts / f"{suite}-{number}{source.suffix}").write_text(source.template.replace("{suite}", suite))
                self._entries += 1

    def update(self) -> list[str]:
        """Download what changed of the package lists. Return apt's complaints.

        A suite that the archive does not have (any more) is no error: others may answer.
        """
        result = self._run("apt-get", "update", show=True, options=_PATIENCE)
        complaints = [line for line in result.stderr.splitlines() if line.startswith(("E:", "W:"))]
        failed = [line for line in complaints if re.match(r"[EW]: Failed to fetch \S+/InRelease ", line)]
        self.reached = len(failed) < self._entries
        return complaints

    def packages(self, prefix: str) -> tuple[str, ...]:
        """Return the names of the known packages that start with ``prefix``."""
        return tuple(self._run("apt-cache", "pkgnames", prefix).stdout.split())

    def candidates(self, package: str) -> tuple[Candidate, ...]:
        """Return what the suites offer of a package, newest version first."""
        lines = self._run("apt-cache", "madison", package).stdout.splitlines()
        rows = [[cell.strip() for cell in line.split("|")] for line in lines]
        found = [Candidate(row[0], row[1], _suite_of(row[2])) for row in rows if len(row) == 3 and row[0] == package]
        return tuple(candidate for candidate in found if candidate.suite in self.suites)

    def download(self, candidate: Candidate, folder: Path) -> Path:
        """Download and verify one package into ``folder``, and return the path of the file.

        :raises FetchError: when apt fails, with its message
        """
        result = self._run("apt-get", "download", f"{candidate.package}={candidate.version}", show=True, cwd=folder)
        files = list(folder.glob(f"{candidate.package}_*.deb"))
        if result.returncode != 0 or len(files) != 1:
            complaints = [line for line in result.stderr.splitlines() if line.startswith("E:")]
            raise FetchError(
                f"apt could not download {candidate.package} {candidate.version}",
                where="; ".join(complaints) or f"exit code {result.returncode}",
                to_fix="if this says that no space is left, set XDG_CACHE_HOME to a folder on another disk;"
                " else see whether 'apt-get update' works on this machine",
            )
        return files[0]

    def _run(
        self,
        tool: str,
        *arguments: str,
        show: bool = False,
        cwd: Path | None = None,
        options: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.CompletedProcess[str]:
        """Run apt. With ``show``, its progress goes to a terminal; its complaints are always kept.

        :param options: further options of apt
        """
        options = {
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": str(self._folder / "sources.list.d"),
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::lists": str(self._folder / "lists"),
            "Dir::Cache": str(self._folder / "cache"),
            "Acquire::Languages": "none",
            # Lists and packages go into the user's own folder, which apt's user cannot enter.
            **({"APT::Sandbox::User": "root"} if os.geteuid() == 0 else {}),
            **options,
        }
        terminal = show and os.isatty(2)
        return subprocess.run(
            [tool, *(word for pair in options.items() for word in ("-o", "=".join(pair))), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=2 if terminal else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"LC_ALL": "C"},
            text=True,
            errors="replace",
            cwd=cwd,
            check=False,
        )


def _entries_for(suite: str, sources: tuple[Source, ...]) -> list[Source]:
    same = [source for source in sources if source.suite == suite]
    if same:
        return same
    security = suite.endswith(_SECURITY)
    # A suite with a hyphen (updates, backports) can live in a smaller archive.
    return [source for source in sources if source.is_security == security and (security or "-" not in source.suite)]


def _suite_of(index: str) -> str:
    """Return the suite in ``HOST/debian sid/main amd64 Packages``."""
    words = index.split()
    return words[1].partition("/")[0] if len(words) > 1 else ""
