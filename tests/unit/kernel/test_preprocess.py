# SPDX-License-Identifier: GPL-2.0-or-later
"""The compiler's preprocessor decides; headers that a build makes are filled in; nothing outside is read."""

import os
import re
from pathlib import Path
from typing import Protocol

import pytest

from vmemcheck.errors import BuildError, SliceError, TreeError
from vmemcheck.kernel import preprocess as module
from vmemcheck.kernel.compiler import find_compiler
from vmemcheck.kernel.evaluate import evaluate
from vmemcheck.kernel.expand import ExpandedSource
from vmemcheck.kernel.preprocess import Preprocessed, Reader
from vmemcheck.kernel.target import target_of
from vmemcheck.kernel.tree import Tree


class Read(Protocol):
    """Preprocess one text."""

    def __call__(self, text: str, arch: str = "x86", **values: str) -> Preprocessed:
        """Return it preprocessed under ``values``."""


_HEADERS = {
    "include/linux/kconfig.h": "#include <generated/autoconf.h>\n",
    "include/asm-generic/errno.h": "#define GENERIC_ERRNO 1\n",
    "arch/x86/include/asm/page.h": "#ifdef CONFIG_BIG\n#define PAGE_SHIFT CONFIG_SHIFT\n#endif\n",
}


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Return a function that preprocesses one C file, for x86 or another architecture, in a small tree."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "linux"

    def run(text: str, arch: str = "x86", **values: str) -> Preprocessed:
        for name, content in {**_HEADERS, "mm/a.c": text}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        return Reader(Tree(root, "9.9.9", "test"), target_of(arch), values, {"MAX_NR_ZONES": 4}).read(["mm/a.c"])

    return run


def test_read_configuration_decides_conditions_and_values(read: Read) -> None:
    """Y becomes 1, numbers stay numbers, and what is off is not there."""
    text = "#include <asm/page.h>\n#ifdef CONFIG_OFF\nint off;\n#endif\nint on;\n"
    source = ExpandedSource(read(text, BIG="y", SHIFT="14").text)
    assert evaluate(source, {"shift": "PAGE_SHIFT", "none": "NO_SUCH_NAME"}) == {"shift": 14, "none": None}
    assert "on" in source.by_name
    assert "off" not in source.by_name


def test_read_generated_headers_are_filled_in_and_named(read: Read) -> None:
    """asm/errno.h comes from asm-generic as in Kbuild, bounds.h has the bounds, the rest is empty and listed."""
    text = "#include <asm/errno.h>\n#include <generated/bounds.h>\n#include <generated/other.h>\n"
    found = read(text)
    assert b"GENERIC_ERRNO 1" in found.text
    assert b"MAX_NR_ZONES 4" in found.text
    assert found.placeholders == ("generated/other.h",)


def test_read_other_architecture_does_not_see_the_host(read: Read) -> None:
    """arm64 is told by its own macro, and not by that of the host's compiler."""
    text = "#ifdef __aarch64__\nint arm;\n#endif\n#ifdef __x86_64__\nint host;\n#endif\n"
    found = read(text, arch="arm64").text
    assert b"int arm;" in found
    assert b"int host;" not in found


def test_read_include_from_outside_is_refused(read: Read, tmp_path: Path) -> None:
    """A patch cannot pull a file of this machine into the slice."""
    (tmp_path / "secret.h").write_text("int secret;\n")
    for name in (str(tmp_path / "secret.h"), "../../secret.h"):
        with pytest.raises(TreeError, match="outside of the kernel tree"):
            read(f'#include "{name}"\n')


@pytest.mark.parametrize("said", ["vmemcheck/shim/x.c", "mm/../vmemcheck/shim/x.c", "./vmemcheck/shim/../../mm/x.c"])
def test_read_file_that_passes_for_one_of_the_machine_is_refused(read: Read, said: str, tmp_path: Path) -> None:
    """What is told of the machine's files, and let pass in them, is not the kernel's."""
    (tmp_path / "linux/vmemcheck/shim").mkdir(parents=True, exist_ok=True)
    with pytest.raises(SliceError, match="the simulated machine's\n.* " + re.escape(said)):
        read(f'int a;\n#line 1 "{said}"\nint b;\n')


def test_read_message_about_a_file_outside_tells_nothing_of_it(read: Read, tmp_path: Path) -> None:
    """What looks like a directive there would be in the compiler's message."""
    (tmp_path / "secret.conf").write_text("#password hunter2\n")
    with pytest.raises(TreeError, match=r"secret\.conf is outside of the kernel tree") as caught:
        read(f'#include "{tmp_path}/secret.conf"\n')
    assert "password" not in str(caught.value)


def test_read_error_directive_is_reported_with_its_place(read: Read) -> None:
    """What the kernel's own #error says reaches the reader, with file and line."""
    with pytest.raises(SliceError) as caught:
        read("\n#error needs CONFIG_FOO\n")
    assert "mm/a.c:2:" in caught.value.where
    assert "needs CONFIG_FOO" in caught.value.where


def test_evaluate_broken_type_is_reported_with_its_place(read: Read) -> None:
    """A definition that does not compile names the kernel file and line."""
    source = ExpandedSource(read("\nstruct page {\n\tunknown_t x;\n};\n").text)
    with pytest.raises(BuildError) as caught:
        evaluate(source, {"size": "sizeof(struct page)"})
    assert caught.value.where.startswith("mm/a.c:3:")


def test_find_compiler_absent_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """CC names the compiler; one that does not exist is named back."""
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(BuildError, match="no compiler 'no-such-compiler'"):
        find_compiler()


def test_read_header_that_the_tree_has_by_now_replaces_the_generated_one(read: Read, tmp_path: Path) -> None:
    """What was empty, or from asm-generic, for an earlier state of the tree does not hide a header of the tree."""
    text = "#include <linux/new.h>\n#include <asm/new.h>\n"
    assert "linux/new.h" in read(text).placeholders
    for name in ("include/linux/new.h", "include/asm-generic/new.h"):
        (tmp_path / "linux" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "linux" / name).write_text(f'#define NEW "{name}"\n')
    found = read(text)
    assert found.placeholders == ()
    assert b'"include/linux/new.h"' in found.text
    assert b'"include/asm-generic/new.h"' in found.text


def test_read_changed_list_of_capabilities_changes_the_header(read: Read, tmp_path: Path) -> None:
    """A patch that adds a capability shifts the numbers of those behind it."""
    names = tmp_path / "linux/arch/arm64/tools/cpucaps"
    names.parent.mkdir(parents=True)
    names.write_text("# comment\nHAS_A\n")
    assert b"#define ARM64_HAS_A 0\n" in read("#include <asm/cpucaps.h>\n", "arm64").text
    names.write_text("# comment\nHAS_NEW\nHAS_A\n")
    assert b"#define ARM64_HAS_A 1\n" in read("#include <asm/cpucaps.h>\n", "arm64").text


def test_read_removes_generated_headers_that_were_not_used_for_longest(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each tree and configuration has a folder; what is asked for now stays, and can be read."""
    text = "#include <linux/new.h>\n#include <asm/page.h>\nint x = PAGE_SHIFT;\n"
    first = read(text, BIG="y", SHIFT="14")
    (kept,) = (tmp_path / "cache/vmemcheck/generated").iterdir()
    monkeypatch.setattr(module, "_MOST_FOLDERS", 1)
    os.utime(kept, (0, 0))
    (kept.parent / "old").mkdir()
    os.utime(kept.parent / "old", (0, 0))
    assert first == read(text, BIG="y", SHIFT="14")
    assert [kept] == list(kept.parent.iterdir())
