# SPDX-License-Identifier: GPL-2.0-or-later
"""The private apt copies the machine's own entries and changes only the suite."""

from pathlib import Path

import pytest

from vmemcheck.errors import FetchError
from vmemcheck.kernel.apt import PrivateApt, machine_sources

SOURCES = (Path(__file__).parent / "data/debian.sources").read_text()
LIST = """\
# deb http://mirror.invalid/commented bookworm main
deb-src http://mirror.invalid/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://mirror.invalid/debian bookworm main contrib  # note
deb http://mirror.invalid/flat ./
"""


def _etc(folder: Path, **files: str) -> Path:
    (folder / "sources.list.d").mkdir(parents=True)
    for name, text in files.items():
        (folder / "sources.list.d" / name.replace("_", ".")).write_text(text)
    return folder


def _written(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "sources.list.d").iterdir()}


def test_private_apt_deb822_other_suite_changes_only_the_suite(tmp_path: Path) -> None:
    """The first archive serves sid, the security archive serves sid-security; keys are kept."""
    sources = machine_sources(_etc(tmp_path / "etc", debian_sources=SOURCES))
    assert [source.suite for source in sources] == ["bookworm", "bookworm-updates", "bookworm-security"]
    PrivateApt(tmp_path / "apt", sources, ["sid", "sid-security"])
    written = _written(tmp_path / "apt")
    assert written["sid-0.sources"] == (
        "Types: deb\nURIs: http://mirror.invalid/debian\nSuites: sid\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/archive.gpg\n"
    )
    assert "security" in written["sid-security-0.sources"]
    assert "Suites: sid-security\n" in written["sid-security-0.sources"]
    assert " abcdef\n" in written["sid-security-0.sources"]
    assert len(written) == 2


def test_private_apt_one_line_entry_keeps_options_and_components(tmp_path: Path) -> None:
    """A one-line entry is copied with its options; comments, deb-src and flat archives are left out."""
    sources = machine_sources(_etc(tmp_path / "etc", debian_list=LIST))
    PrivateApt(tmp_path / "apt", sources, ["sid", "sid-security"])
    assert _written(tmp_path / "apt") == {
        "sid-0.list": LIST.splitlines()[2].partition("  #")[0].replace("bookworm", "sid") + "\n"
    }


def test_machine_sources_none_is_refused(tmp_path: Path) -> None:
    """A machine without package sources is told so."""
    with pytest.raises(FetchError, match="no package source"):
        machine_sources(_etc(tmp_path / "etc"))


@pytest.mark.parametrize(
    ("complaints", "reached"),
    [
        ((), True),
        (("W: Failed to fetch http://mirror.invalid/dists/sid/InRelease  timed out",), True),
        (("E: The repository 'http://mirror.invalid sid Release' does not have a Release file.",) * 2, True),
        (
            (
                "W: Failed to fetch http://mirror.invalid/dists/sid/InRelease  timed out",
                "W: Failed to fetch http://mirror.invalid/dists/sid-security/InRelease  timed out",
                "W: Some index files failed to download. They have been ignored, or old ones used instead.",
            ),
            False,
        ),
    ],
    ids=["none", "one of two", "no such suite", "all"],
)
def test_private_apt_update_tells_whether_anything_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complaints: tuple[str, ...], reached: bool
) -> None:
    """Only when no suite at all could be asked, the archive does not answer; a suite that is gone is an answer."""
    tool = tmp_path / "bin/apt-get"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n" + "".join(f'echo "{line}" >&2\n' for line in complaints))
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    sources = machine_sources(_etc(tmp_path / "etc", debian_sources=SOURCES))
    apt = PrivateApt(tmp_path / "apt", sources, ["sid", "sid-security"])
    assert len(_written(tmp_path / "apt")) == 2
    assert apt.update() == list(complaints)
    assert apt.reached == reached
