# SPDX-License-Identifier: GPL-2.0-or-later
"""Where reports go: files, links, devices and pipes that a command line names, and streams without all characters."""

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vmemcheck import replay_file
from vmemcheck.commands.outputs import write_text
from vmemcheck.geometry import Geometry
from vmemcheck.operation import AddDevice
from vmemcheck.replay_file import Replay

TEXT = "an arrow \u2192 and a byte \udcff\n"
WRITTEN = "an arrow \u2192 and a byte \\udcff\n".encode()


def test_output_to_a_file_is_whole_and_has_escapes_for_what_utf_8_cannot_say(tmp_path: Path) -> None:
    """A new file and one that was there."""
    for _ in range(2):
        write_text(tmp_path / "report", TEXT)
        assert WRITTEN == (tmp_path / "report").read_bytes()
    assert ["report"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("exists", [True, False])
def test_output_to_a_link_goes_to_what_it_points_at(exists: bool, tmp_path: Path) -> None:
    """The link stays one, also where there is no file yet."""
    (tmp_path / "elsewhere").mkdir()
    file, link = tmp_path / "elsewhere" / "file", tmp_path / "link"
    if exists:
        file.write_text("old")
    link.symlink_to(file)
    write_text(link, TEXT)
    assert link.is_symlink()
    assert WRITTEN == file.read_bytes()
    assert [file] == list(file.parent.iterdir())


def test_output_to_a_pipe_is_read_from_it(tmp_path: Path) -> None:
    """The pipe stays one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_text(pipe, TEXT)
    reader.join(10)
    assert [WRITTEN] == found
    assert pipe.is_fifo()


def test_output_to_a_device_is_written_to_it(tmp_path: Path) -> None:
    """By its name or by a link to it."""
    leader, terminal = os.openpty()
    try:
        (tmp_path / "link").symlink_to(os.ttyname(terminal))
        for name in (os.ttyname(terminal), str(tmp_path / "link")):
            write_text(Path(name), TEXT)
            assert WRITTEN == os.read(leader, 4096).replace(b"\r\n", b"\n")
        assert (tmp_path / "link").is_symlink()
    finally:
        os.close(leader)
        os.close(terminal)


def test_output_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a link that leads to itself, and a file on a full disk, of which the system does not say the name."""

    def fill(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def refused(target: Path) -> int | None:
        with pytest.raises(OSError, match=str(target)) as caught:
            write_text(target, TEXT)
        return caught.value.errno

    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert [errno.EISDIR, errno.ELOOP] == [refused(tmp_path), refused(loop)]
    monkeypatch.setattr(Path, "write_bytes", fill)
    assert errno.ENOSPC == refused(tmp_path / "report")
    assert [loop] == list(tmp_path.iterdir())


@pytest.mark.parametrize("encoding", ["latin1", "ascii", "utf-8:strict"])
def test_command_whose_output_lacks_characters_writes_escapes(encoding: str, tmp_path: Path) -> None:
    """No text of strangers ends in a traceback: what the encoding has is written, the rest is escaped."""
    replay = json.loads(replay_file.to_json(Replay(Geometry(), (AddDevice(0, 1),), "linux\u2192\udcff x86", "no-leak")))
    (tmp_path / "replay").write_text(json.dumps(replay))
    done = subprocess.run(
        [sys.executable, "-m", "vmemcheck", "replay", str(tmp_path / "replay")],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    assert (0, b"") == (done.returncode, done.stderr)
    arrow = "\u2192".encode() if encoding.startswith("utf") else b"\\u2192"
    assert b"violated on linux" + arrow + b"\\udcff x86" in done.stdout
