# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of a revision are what is stored, whatever the repository configures; what is not there is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.repositories import MAKEFILE, NAMES, arm, committed, git, lose, partial_clone, smallest_tree
from vmemcheck.errors import TreeError
from vmemcheck.kernel import revision as module
from vmemcheck.kernel.revision import read_revision
from vmemcheck.kernel.tree import open_tree
from vmemcheck.kernel.unpack import layout_digest

pytestmark = pytest.mark.usefixtures("own_cache")


def test_revision_of_a_hostile_repository_runs_nothing(folder: Path, tmp_path: Path) -> None:
    """Filters, monitors, hooks and other programs that it names are left alone."""
    commit = committed(folder)
    arm(folder, tmp_path / "mark")
    assert open_tree(folder, commit).read(NAMES[0]) == f"/* {NAMES[0]} */\n"
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("attributes", "config"),
    [
        pytest.param("* text eol=crlf", (), id="eol"),
        pytest.param("* text=auto", ("core.autocrlf", "true"), id="autocrlf"),
        pytest.param("* ident", (), id="ident"),
        pytest.param("* export-subst", (), id="export-subst"),
        pytest.param("/mm export-ignore", (), id="export-ignore"),
        pytest.param("*.c working-tree-encoding=UTF-16", (), id="encoding"),
    ],
)
@pytest.mark.parametrize("where", [".gitattributes", ".git/info/attributes"])
def test_revision_is_read_as_it_is_stored(folder: Path, attributes: str, config: tuple[str, ...], where: str) -> None:
    """No attribute changes a file, or leaves it out: neither of the revision nor of the repository."""
    content = b"one\ntwo $Id$ $Format:%H$\n"
    (folder / "mm/slab.c").write_bytes(content)
    committed(folder)
    (folder / where).parent.mkdir(exist_ok=True)
    (folder / where).write_text(attributes + "\n")
    if where == ".gitattributes":
        git(folder, "add", "--", where)
        git(folder, "commit", "-q", "-m", "attributes")
    if config:
        git(folder, "config", *config)
    assert open_tree(folder, "HEAD").path("mm/slab.c").read_bytes() == content


def test_revision_with_a_replaced_object_is_read_as_it_is(folder: Path) -> None:
    """It is kept by its name, for all repositories that have it: what one puts in its place is not it."""
    first = committed(folder)
    (folder / NAMES[0]).write_text("another\n")
    second = committed(folder, "two")
    git(folder, "replace", first, second)
    assert open_tree(folder, first).read(NAMES[0]) == f"/* {NAMES[0]} */\n"


def test_revision_that_was_kept_from_an_archive_is_read_anew(folder: Path, tmp_path: Path) -> None:
    """Earlier, filters had a say in what is kept."""
    commit = committed(folder)
    smallest_tree(tmp_path / f"cache/vmemcheck/git/{commit}.{layout_digest()}")
    (tmp_path / f"cache/vmemcheck/git/{commit}.{layout_digest()}/mm/sparse-vmemmap.c").write_text("filtered\n")
    assert open_tree(folder, commit).read("mm/sparse-vmemmap.c") == "/* mm/sparse-vmemmap.c */\n"


def test_revision_comes_with_links_and_large_and_empty_files_and_odd_names(folder: Path, tmp_path: Path) -> None:
    """Contents of all sizes are told apart, a link stays one, and what is not read of a kernel is not taken."""
    large = b"\0 missing\n\xff" * 300_000
    (folder / "mm/large.c").write_bytes(large)
    (folder / "mm/\xe4 b\udcff.c").write_bytes(b"odd")
    (folder / "mm/empty.c").touch()
    (folder / "mm/there.c").symlink_to("../include/linux/mmzone.h")
    (folder / "drivers").mkdir()
    (folder / "drivers/a.c").touch()
    root = tmp_path / "out"
    read_revision(folder, committed(folder), root)
    assert (root / "mm/large.c").read_bytes() == large
    assert (root / "mm/\xe4 b\udcff.c").read_bytes() == b"odd"
    assert (root / "mm/empty.c").read_bytes() == b""
    assert (root / "mm/there.c").readlink() == Path("../include/linux/mmzone.h")
    assert not (root / "drivers").exists()


def test_revision_with_a_submodule_is_read_without_it(folder: Path, tmp_path: Path) -> None:
    """A submodule is the name of a commit of another repository, and no file."""
    commit = committed(folder)
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{commit},mm/sub.c")
    git(folder, "commit", "-q", "-m", "two")
    read_revision(folder, git(folder, "rev-parse", "HEAD"), tmp_path / "out")
    assert not (tmp_path / "out/mm/sub.c").exists()


def test_revision_of_a_folder_in_a_repository_is_that_of_the_folder(folder: Path, tmp_path: Path) -> None:
    """A kernel tree may be a part of a repository."""
    whole = tmp_path / "whole"
    whole.mkdir()
    folder.rename(whole / "linux")
    committed(whole)
    assert open_tree(whole / "linux", "HEAD").read("Makefile") == MAKEFILE


def test_revision_of_a_clone_that_borrows_objects_is_read(folder: Path, tmp_path: Path) -> None:
    """As 'git clone --shared' and '--reference' make them."""
    committed(folder)
    git(tmp_path, "clone", "-q", "--shared", str(folder), str(tmp_path / "clone"))
    assert open_tree(tmp_path / "clone", "HEAD").version == "9.8.7-rc6"


def test_revision_of_a_partial_clone_is_refused_and_nothing_fetched(folder: Path, tmp_path: Path) -> None:
    """To fetch is to run what the remote is configured with; one clear error says what to do."""
    commit = committed(folder)
    clone = partial_clone(folder, tmp_path / "clone", tmp_path / "mark")
    with pytest.raises(TreeError, match=r"the repository lacks .* of this revision(.|\n)*--refetch"):
        open_tree(clone, commit)
    assert not (tmp_path / "mark").exists()
    assert [] == list((tmp_path / "cache/vmemcheck/git").iterdir())


def _cut(folder: Path) -> None:
    lost = git(folder, "rev-parse", f"HEAD:{NAMES[0]}")
    path = folder / f".git/objects/{lost[:2]}/{lost[2:]}"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-4])


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        pytest.param(lambda folder: lose(folder, NAMES[0]), NAMES[0], id="file"),
        pytest.param(lambda folder: lose(folder, "mm"), "a folder", id="folder"),
        pytest.param(_cut, NAMES[0], id="damaged"),
    ],
)
def test_revision_that_is_not_all_there_is_refused(
    folder: Path, tmp_path: Path, harm: Callable[[Path], None], name: str
) -> None:
    """What is missing is named, and nothing is kept."""
    commit = committed(folder)
    harm(folder)
    with pytest.raises(TreeError, match=f"the repository lacks {name} of this revision"):
        open_tree(folder, commit)
    assert [] == list((tmp_path / "cache/vmemcheck/git").iterdir())


def _tree(folder: Path, *entries: str) -> str:
    return git(folder, "mktree", given="".join(f"{entry}\n" for entry in entries))


def _commit_of(folder: Path, tree: str) -> str:
    return git(folder, "commit-tree", "-m", "hostile", tree)


def _with_mm(folder: Path, *entries: str) -> str:
    """Return a commit, the folder mm of which has these entries."""
    return _commit_of(folder, _tree(folder, f"040000 tree {_tree(folder, *entries)}\tmm"))


@pytest.mark.parametrize("target", ["../../secret", "/etc/passwd"])
def test_revision_with_a_link_that_leads_outside_is_refused(folder: Path, tmp_path: Path, target: str) -> None:
    """As of an archive."""
    (folder / "mm/link.c").symlink_to(target)
    with pytest.raises(TreeError, match="outside of its own folder"):
        read_revision(folder, committed(folder), tmp_path / "out")


def test_revision_with_names_that_lead_outside_is_refused(folder: Path, tmp_path: Path) -> None:
    """Such a folder cannot be checked out, but it can be stored."""
    committed(folder)
    blob = git(folder, "rev-parse", "HEAD:Makefile")
    inner = _tree(folder, f"100644 blob {blob}\tevil.c")
    climbing = _tree(folder, f"040000 tree {inner}\t..")
    commit = _with_mm(folder, f"040000 tree {climbing}\t..")
    with pytest.raises(TreeError, match="outside of its own folder"):
        read_revision(folder, commit, tmp_path / "out")
    assert not (tmp_path / "evil.c").exists()


def test_revision_with_a_file_that_is_a_folder_inside_is_refused(folder: Path, tmp_path: Path) -> None:
    """What is called a file must be one."""
    committed(folder)
    odd = git(folder, "rev-parse", "HEAD:include")
    commit = _commit_of(folder, git(folder, "hash-object", "-t", "tree", "-w", "--stdin", "--literally"))
    with pytest.raises(TreeError, match="not a kernel tree"):
        read_revision(folder, commit, tmp_path / "none")
    raw = b"100644 Makefile\0" + bytes.fromhex(odd)
    (tmp_path / "raw").write_bytes(raw)
    tree = git(folder, "hash-object", "-t", "tree", "-w", "--literally", str(tmp_path / "raw"))
    with pytest.raises(TreeError, match="the repository lacks Makefile"):
        read_revision(folder, _commit_of(folder, tree), tmp_path / "out")


def test_revision_that_is_too_large_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a whole, and where a link leads."""
    commit = committed(folder)
    monkeypatch.setattr(module, "_MOST_BYTES", 100)
    with pytest.raises(TreeError, match="too large for a kernel tree"):
        read_revision(folder, commit, tmp_path / "out")
    (folder / "mm/long.c").write_text("a" * 5000)
    committed(folder, "two")
    blob = git(folder, "rev-parse", "HEAD:mm/long.c")
    monkeypatch.setattr(module, "_MOST_BYTES", 1 << 20)
    with pytest.raises(TreeError, match=r"'mm/link\.c' is too large"):
        read_revision(folder, _with_mm(folder, f"120000 blob {blob}\tlink.c"), tmp_path / "other")
