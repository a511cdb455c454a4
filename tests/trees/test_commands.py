# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands on real trees: what they print, and their exit codes."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from tests.trees.broken import WALKERS, begun, copied, edited
from vmemcheck.arches import ARCHES, find
from vmemcheck.cli import main
from vmemcheck.kernel.tree import Tree

SCHEMA = Path(__file__).parents[2] / "reports" / "facts.schema.json"


def test_facts_json_has_what_text_has(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    """Both formats show the section size and the sizes of struct page."""
    options = ["--tree", str(tree.root), "--arch", "x86_64", "--page-size", "4K"]
    assert main(["facts", *options]) == 0
    text = capsys.readouterr().out
    assert main(["facts", *options, "--format", "json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)["targets"]
    assert f"SECTION_SIZE_BITS    {facts['constants']['SECTION_SIZE_BITS']}" in text
    for size in facts["sizes"]:
        assert f"struct page {size['bytes']:>4} bytes" in text


@pytest.mark.parametrize(("arch", "page_size"), [("arm64", "4K"), ("arm64", "64K"), ("powerpc", "64K"), ("s390", "4K")])
def test_facts_reprove_the_theorems_for_what_was_probed(
    arch: str, page_size: str, tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each claim is that of the probed values, computed here in another way; differences are those of the numbers."""
    options = ["--tree", str(tree.root), "--arch", arch, "--page-size", page_size, "--format", "json"]
    assert main(["facts", *options]) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, json.loads(SCHEMA.read_text()))
    (facts,) = data["targets"]
    page, section, subsection, pmd = (
        facts["constants"][name] for name in ("PAGE_SHIFT", "SECTION_SIZE_BITS", "SUBSECTION_SHIFT", "PMD_SHIFT")
    )
    units = {"page-multiple": (subsection, page), "unreachability": (subsection, page), "sub-pmd": (section, pmd)}
    for theorem, (range_shift, unit_shift) in units.items():
        if unit_shift is None:
            assert "PMD_SHIFT: not a constant" in facts["theorems"][theorem]["not_reproved"]
            continue
        for claim in facts["theorems"][theorem]["claims"]:
            memmap = claim["struct_page_bytes"] << range_shift >> page
            assert (claim["verdict"] == "proved") == (memmap % (1 << unit_shift) == 0)
    occurring = {size["bytes"] for size in facts["sizes"] if size["reachable"]}
    for claim in facts["theorems"]["reachable-sizes"]["claims"]:
        assert claim["can_occur"] == (claim["struct_page_bytes"] in occurring) == (claim["verdict"] == "proved")
    known = next(size for size in find(arch).page_sizes if size.page_shift == page)
    differs = [each["name"] for each in facts["differences"]]
    assert ("SECTION_SIZE_BITS" in differs) == (known.section_shift != section)


def test_facts_of_arm64_5_10_differ_in_the_section_size(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    """What the text says of a difference is a line, and it is there only where the tree differs."""
    assert main(["facts", "--tree", str(tree.root), "--arch", "arm64", "--page-size", "4K"]) == 0
    text = capsys.readouterr().out
    has_30 = "#define SECTION_SIZE_BITS\t30" in tree.read("arch/arm64/include/asm/sparsemem.h")
    assert ("\n  differs: SECTION_SIZE_BITS is 30 here, 27 in vmemcheck/arches\n" in text) == has_30


@pytest.mark.newest_tree
def test_facts_of_all_architectures_of_a_tree(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --arch each architecture that the tree has is shown."""
    assert main(["facts", "--tree", str(tree.root)]) == 0
    text = capsys.readouterr().out
    for architecture in ARCHES:
        assert (f"\n{architecture.alias}, pages of" in text) == tree.has(f"arch/{architecture.alias}")


def test_slice_that_builds_lists_what_came_from_where(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    """The compiler and the linker lack nothing; each name of the shim stands with its file and what that means."""
    assert main(["slice", "--tree", str(tree.root), "--arch", "x86"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"/*\n * slice of {tree.name}, x86, pages of 4096 bytes\n")
    assert " *   function    vmemmap_free " in text
    shim = text.partition("\n * from the shim: ")[2]
    for name, file in (("warn_alloc", "custom.h: seen by the check"), ("vmemmap_base", "arch.h: hardware and boot")):
        assert re.search(rf"^ \*   {name} +{file}  \(used by \w+\)$", shim, re.MULTILINE), name
    assert "\n * built    as a program\n */" in shim


@pytest.mark.newest_tree
def test_slice_that_does_not_build_names_all_that_is_missing(
    tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names are missing that the linker does not find, each with the function that uses it; no others."""
    file, function = WALKERS["x86"]
    copy = copied(tree, "x86", tmp_path)
    with edited(copy, {file: begun(function, "frobnicate(addr); frobnicate_all(end);")}):
        assert main(["slice", "--tree", str(copy.root), "--arch", "x86", "--list"]) == 2
    said = capsys.readouterr().out.partition("\nnot built\n")[2]
    assert "the slice needs frobnicate, frobnicate_all, which are in no sliced file" in said
    assert f"frobnicate used by {file}: {function}()\n" in said
    assert f"frobnicate_all used by {file}: {function}()\n" in said


def test_slice_without_a_machine_lists_what_the_slicer_did_not_find(
    tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    """For an architecture that has no shim, and for other roots, nothing is built, and a line says so."""
    assert main(["slice", "--tree", str(tree.root), "--arch", "s390", "--list"]) == 2
    text = capsys.readouterr().out
    assert "\nthere is no machine for s390 yet: the slice is not built\n" in text
    missing = text.partition("\nneither in these files nor in the shim: ")[2]
    assert re.search(r"^  \w+  \(used by [\w/.-]+: \w+\)$", missing, re.MULTILINE)


@pytest.mark.newest_tree
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--arch", "arm64", "--page-size", "8192"], "unknown page size '8192'; use one of 4K, 16K, 64K"),
        (["--arch", "x86_64", "--page-size", "64K"], "x86 has no pages of 65536 bytes; use 4096"),
        (["--arch", "vax"], "unknown architecture 'vax'"),
    ],
)
@pytest.mark.parametrize("command", ["facts", "slice"])
def test_commands_wrong_target_is_refused(
    command: str, arguments: list[str], says: str, tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    """A size or an architecture that does not exist is one line that names those that do."""
    assert main([command, "--tree", str(tree.root), *arguments]) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert (shown.out, shown.err.count("\n")) == ("", 1)
