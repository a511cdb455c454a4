# SPDX-License-Identifier: GPL-2.0-or-later
"""Unpacking takes what is needed and writes nothing outside of the destination."""

import io
import tarfile
from pathlib import Path

import pytest

from vmemcheck.errors import TreeError
from vmemcheck.kernel.unpack import unpack


def _archive(*members: tuple[str, str | None, bytes]) -> tarfile.TarFile:
    """Make an archive of ``(name, link target or None, content)``; a name with a final / is a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, link, content in members:
            member = tarfile.TarInfo(name.rstrip("/"))
            member.size = len(content)
            if name.endswith("/"):
                member.type = tarfile.DIRTYPE
            elif link is not None:
                member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    return tarfile.open(fileobj=buffer, mode="r|")


def test_unpack_whole_source_takes_only_wanted_files(tmp_path: Path) -> None:
    """The top folder is dropped, mm, arch/*/include and the reader of test reports are taken, drivers are not."""
    archive = _archive(
        ("linux-9.9/", None, b""),
        ("linux-9.9/Makefile", None, b"VERSION = 9\n"),
        ("linux-9.9/arch/x86/mm/pat/set.c", None, b"1"),
        ("linux-9.9/arch/x86/kvm/x86.c", None, b"2"),
        ("linux-9.9/drivers/mm/a.c", None, b"3"),
        ("linux-9.9/include/b.h", None, b"4"),
        ("linux-9.9/tools/testing/kunit/kunit.py", None, b"5"),
        ("linux-9.9/tools/testing/kunit/qemu_configs/x86_64.py", None, b"6"),
        ("linux-9.9/tools/perf/a.py", None, b"7"),
    )
    count = unpack(archive, tmp_path, lambda _: None)
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["Makefile", "arch/x86/mm/pat/set.c", "include/b.h", "tools/testing/kunit/kunit.py"]
    assert count == 4


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([("mm/../../evil.c", None, b"x")], id="name with dots"),
        pytest.param([("mm/evil.c", "../../../etc/passwd", b"")], id="link to a relative path outside"),
        pytest.param([("mm/evil.c", "/etc/passwd", b"")], id="link to an absolute path"),
        pytest.param([("mm/a", "b", b""), ("mm/a/evil.c", None, b"x")], id="file behind a link"),
    ],
)
def test_unpack_member_that_leaves_the_folder_is_refused(
    tmp_path: Path, members: list[tuple[str, str | None, bytes]]
) -> None:
    """A member that would be written, or would point, outside stops the unpacking."""
    destination = tmp_path / "in"
    destination.mkdir()
    with pytest.raises(TreeError, match="outside of its own folder"):
        unpack(_archive(("Makefile", None, b""), *members), destination, lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_unpack_link_inside_the_tree_is_kept(tmp_path: Path) -> None:
    """include/dt-bindings has links to uapi headers: these stay links."""
    unpack(_archive(("include/a/b.h", "../c.h", b""), ("include/c.h", None, b"y")), tmp_path, lambda _: None)
    assert (tmp_path / "include/a/b.h").read_bytes() == b"y"
