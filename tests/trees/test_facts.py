# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts of real trees agree with what the kernel itself says elsewhere."""

import re

import pytest

from tests.trees.sources import skip_lacking
from vmemcheck.kernel.evaluate import open_view
from vmemcheck.kernel.facts import Facts, probe, with_roots
from vmemcheck.kernel.struct_page import struct_page_sizes, supported_bytes
from vmemcheck.kernel.target import TARGETS, Target, target_of
from vmemcheck.kernel.tree import Tree

_CASES = [
    pytest.param(target, shift, id=f"{target.arch}-{shift}") for target in TARGETS for shift in target.page_shifts
]


@pytest.mark.parametrize(("target", "shift"), _CASES)
def test_facts_fit_each_other_and_the_tree(tree: Tree, target: Target, shift: int) -> None:
    """The page size is the one that was asked for, sections are whole subsections, and signatures lead to functions."""
    if not tree.has(f"arch/{target.arch}/Kconfig"):
        skip_lacking(tree, target.arch, "newest")
    facts = with_roots(probe(tree, target, shift), tree, target)
    _assert_constants_fit(facts, shift)
    _assert_signatures_stand_at_their_lines(facts, tree)


def _assert_constants_fit(facts: Facts, shift: int) -> None:
    section, subsection = facts.constants["SECTION_SIZE_BITS"], facts.constants["SUBSECTION_SHIFT"]
    assert facts.constants["PAGE_SHIFT"] == facts.page_shift == shift
    assert section is not None
    assert subsection is not None
    assert shift <= subsection <= section
    assert facts.levels >= 2


def _assert_signatures_stand_at_their_lines(facts: Facts, tree: Tree) -> None:
    assert {signature.name for signature in facts.signatures} | set(facts.absent) == {
        "add_memory",
        "remove_memory",
        "vmemmap_populate",
        "vmemmap_free",
    }
    for signature in facts.signatures:
        lines = tree.read(signature.file).splitlines()[signature.line - 1 :]
        assert re.match(re.escape(signature.text.split("(")[0]).replace(r"\ ", r"\s+"), "\n".join(lines[:3]))


def test_struct_page_sizes_are_those_that_the_kernel_expects(tree: Tree) -> None:
    """All combinations together give the sizes that __mm_zero_struct_page() handles, and no other."""
    sizes = struct_page_sizes(open_view(tree, target_of("x86"), 12))
    assert {size.bytes for size in sizes} == set(supported_bytes(tree))


def test_struct_page_with_forced_alignment_is_a_multiple_of_16(tree: Tree) -> None:
    """HAVE_ALIGNED_STRUCT_PAGE rounds every combination to two words."""
    aligned = [
        size
        for size in struct_page_sizes(open_view(tree, target_of("arm64"), 12))
        if "CONFIG_HAVE_ALIGNED_STRUCT_PAGE" in size.symbols
    ]
    assert aligned
    assert {size.align for size in aligned} == {16}
    assert all(size.bytes % 16 == 0 for size in aligned)


def test_struct_page_default_configuration_has_64_bytes(tree: Tree) -> None:
    """The usual configuration of x86 and arm64, with memory control groups, has 64 bytes."""
    for arch in ("x86", "arm64"):
        assert 64 in {size.bytes for size in struct_page_sizes(open_view(tree, target_of(arch), 12)) if size.reachable}
