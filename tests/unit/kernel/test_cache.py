# SPDX-License-Identifier: GPL-2.0-or-later
"""A cached file or folder appears whole or not at all."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from vmemcheck.errors import FetchError
from vmemcheck.kernel.cache import (
    _HOST,
    DAY_SECONDS,
    appearing,
    appearing_file,
    cache_folder,
    is_in_use,
    keep_newest,
    surplus,
    write_whole,
)


def test_cache_folder_relative_setting_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The XDG specification says: a relative path is invalid, ignore it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder("a", "b") == tmp_path / ".cache/vmemcheck/a/b"


def test_appearing_success_shows_everything_at_once(tmp_path: Path) -> None:
    """While the block runs the target does not exist; afterwards it is complete."""
    with appearing(tmp_path / "tree") as partial:
        (partial / "file").write_text("x")
        assert not (tmp_path / "tree").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(errno.ENOSPC, "No space left on device"), FetchError),
        (OSError(errno.EIO, "Input/output error"), OSError),
    ],
)
def test_appearing_failure_leaves_nothing(tmp_path: Path, raised: BaseException, expected: type[BaseException]) -> None:
    """Ctrl-C, a full disk and a broken disk leave no file behind; only the full disk is ours to explain."""
    with pytest.raises(expected), appearing(tmp_path / "tree") as partial:  # noqa: PT012  # fails within the block
        (partial / "file").write_text("x")
        raise raised
    assert list(tmp_path.iterdir()) == []


def test_appearing_second_writer_keeps_the_first_result(tmp_path: Path) -> None:
    """Two processes may fetch the same tree: the one that ends first wins, the other is no error."""
    with appearing(tmp_path / "tree") as partial:
        (partial / "file").write_text("late")
        (tmp_path / "tree").mkdir()
        (tmp_path / "tree/file").write_text("early")
    assert (tmp_path / "tree/file").read_text() == "early"
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def test_appearing_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    """A folder of a process that is gone is removed, that of a running one, or of another machine, stays."""
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    stay = [f".partial-{os.getppid()}-1-{_HOST}-tree", f".partial-{gone}-1-{'0' * 8}-tree"]
    for name in (f".partial-{gone}-1-{_HOST}-tree", *stay):
        (tmp_path / name).mkdir()
    with appearing(tmp_path / "tree"):
        pass
    assert sorted([*stay, "tree"]) == sorted(path.name for path in tmp_path.iterdir())


def test_appearing_file_of_two_threads_is_whole(tmp_path: Path) -> None:
    """One that writes the same at the same time has a file of its own."""
    with appearing_file(tmp_path / "entry") as partial:
        partial.write_bytes(b"late")
        other = threading.Thread(target=write_whole, args=(tmp_path / "entry", b"early"))
        other.start()
        other.join()
    assert b"late" == (tmp_path / "entry").read_bytes()
    assert ["entry"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_write_whole_failure_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    """Ctrl-C or a full disk in the middle of writing leave the old content, and no other file."""

    def fail(path: Path, content: bytes) -> int:
        path.touch()
        raise raised

    write_whole(tmp_path / "entry", b"old")
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(type(raised)):
        write_whole(tmp_path / "entry", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["entry"]
    assert (tmp_path / "entry").read_bytes() == b"old"


def test_write_whole_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    """A half-written file of a process that is gone is removed."""
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    (tmp_path / f".partial-{gone}-1-{_HOST}-entry").touch()
    write_whole(tmp_path / "entry", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["entry"]


def test_keep_newest_removes_what_was_not_used_for_longest_and_not_within_an_hour(tmp_path: Path) -> None:
    """Files and folders alike; the one that is asked for now is the newest, however old it was."""
    for hours, name in enumerate(("now", "minutes", "hours", "days")):
        entry = tmp_path / name
        entry.mkdir()
        (entry / "file").touch()
        os.utime(entry, (time.time() - 3000 * hours,) * 2)
    (tmp_path / "asked").touch()
    os.utime(tmp_path / "asked", (0, 0))
    keep_newest(tmp_path / "asked", 1)
    assert {"asked", "now", "minutes"} == {path.name for path in tmp_path.iterdir()}


def test_surplus_passes_over_what_others_remove_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is looked at for the first time, or between that and the second."""
    for number, name in enumerate(("early", "late", "old", "newer", "newest")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (number, number))
    everything = [*tmp_path.iterdir()]
    monkeypatch.setattr(Path, "iterdir", lambda _: iter(everything))
    (tmp_path / "early").unlink()
    found = surplus(tmp_path, 1)
    assert tmp_path / "late" == next(found)
    (tmp_path / "old").unlink()
    assert [tmp_path / "newer"] == list(found)
    assert not is_in_use(tmp_path / "old")


def test_keep_newest_below_the_number_keeps_all(tmp_path: Path) -> None:
    """Age alone removes nothing."""
    for name in ("a", "b"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    keep_newest(tmp_path / "a", 2)
    assert {"a", "b"} == {path.name for path in tmp_path.iterdir()}


def test_keep_newest_leaves_what_was_used_within_the_time_that_is_given(tmp_path: Path) -> None:
    """A file whose name was printed may be asked for later than an hour."""
    for name, days in (("now", 0), ("yesterday", 1), ("long-ago", 40)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - days * DAY_SECONDS,) * 2)
    keep_newest(tmp_path / "now", 1, 30 * DAY_SECONDS)
    assert {"now", "yesterday"} == {path.name for path in tmp_path.iterdir()}


def test_keep_newest_removes_few_at_once_until_no_more_are_left_than_the_number(tmp_path: Path) -> None:
    """Many that are no longer used are gone after some calls: none of them takes long."""
    for name in ("a", "b", "c", "d", "e", "used"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    left = []
    for _ in range(4):
        keep_newest(tmp_path / "used", 1)
        left.append(len(list(tmp_path.iterdir())))
    assert left == [4, 2, 1, 1]
