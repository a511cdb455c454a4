# SPDX-License-Identifier: GPL-2.0-or-later
"""The properties on kernel trees whose findings are known: docs/findings.md explains each.

A property that fails there is expected to fail; should it pass on a kernel that does not change any
more, the test fails, so that the document is corrected.
"""

import fnmatch

import pytest

_INVARIANTS = "test_machine_any_sequence_keeps_all_invariants"
_EMPTY = "test_machine_all_ranges_removed_is_empty_again"
_LEAF = "removing a subsection frees the PMD leaf of its neighbours"
_DESTRUCTOR = "the destructor runs on page-table pages without a constructor"
# Names of machines -> the finding, whether the kernel series is one in which it must show, and where it shows.
KNOWN_FINDINGS = {
    "linux-5.10.*-arm64-4K-64": (_LEAF, True, (_INVARIANTS, _EMPTY)),
    "linux-6.12.*-riscv64-4K-64": (_LEAF, True, (_INVARIANTS, _EMPTY)),
    "linux-7.*-riscv64-4K-64": (_LEAF, False, (_INVARIANTS, _EMPTY)),
    # What the destructor subtracts from is NR_PAGETABLE, which is no part of the state that must be empty again.
    "linux-7.*-arm64-4K-64": (_DESTRUCTOR, False, (_INVARIANTS,)),
}
# What meets a finding only now and then is not asked to.
_ALWAYS = (_INVARIANTS,)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is known to fail."""
    for item in items:
        name = getattr(item, "originalname", "")
        spec = item.name.removeprefix(f"{name}[").removesuffix("]")
        for pattern, (finding, strict, properties) in KNOWN_FINDINGS.items():
            if name in properties and fnmatch.fnmatch(spec, pattern):
                always = strict and name in _ALWAYS
                item.add_marker(pytest.mark.xfail(reason=f"docs/findings.md: {finding}", strict=always))
