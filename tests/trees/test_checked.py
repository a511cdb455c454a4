# SPDX-License-Identifier: GPL-2.0-or-later
"""The build with the sanitizers: it finds the same as the fast one, and a use after free besides.

It reads the whole state after each operation, and stops where the fast build would have been wrong not to.
"""

from pathlib import Path

import pytest

from tests.trees.broken import WALKERS, begun, copied, edited, line_of
from tests.trees.sources import source_of
from vmemcheck.bulk import bulk_search, random_sequences
from vmemcheck.engine import check
from vmemcheck.invariant import Finding
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.observation import State
from vmemcheck.operation import AddDevice, Remove, Sequence
from vmemcheck.scope import Scope

pytestmark = pytest.mark.newest_tree
_CYCLE = (AddDevice(0, 1), Remove(0))


def _found(machine: KernelMachine) -> set[tuple[str, str, Sequence]]:
    """Return invariant, file and sequence; not the function: in the fast build, a call that ends one is a jump."""
    with machine:
        findings = bulk_search(machine, Scope(), 200, 0).findings
    return {(one.invariant, one.kind.file, one.sequence) for one in findings}


@pytest.mark.parametrize(("arch", "page_shift"), [("x86", 12), ("arm64", 12), ("arm64", 16), ("riscv", 12)])
def test_checked_build_finds_what_the_fast_one_finds(arch: str, page_shift: int, tree: Tree) -> None:
    """Neither the kernel's code nor the machine around it does what a sanitizer objects to."""
    source = open_source(tree, arch, page_shift)
    geometry = source.geometry(64)
    fast = _found(source.machine(geometry))
    assert _found(source.machine(geometry, Variant.CHECKED)) == fast


@pytest.mark.parametrize(("arch", "page_shift", "size"), [("x86", 12, 56), ("arm64", 12, 64), ("loongarch", 14, 64)])
def test_checked_build_reads_the_state_always_and_sees_what_the_fast_one_sees(
    arch: str, page_shift: int, size: int, tree: Tree
) -> None:
    """The fast build reads the state again only where it may have changed; what it reports is always what there is."""
    source = source_of(tree, arch, page_shift)
    geometry = source.geometry(size)
    drawn = list(random_sequences(geometry, Scope(), 60, 9))
    assert _states(source.machine(geometry), drawn) == _states(source.machine(geometry, Variant.CHECKED), drawn)


def _states(machine: KernelMachine, drawn: list[Sequence]) -> list[list[tuple[int, State]]]:
    with machine:
        return [[(one.returned, one.state) for one in machine.run(sequence)] for sequence in drawn]


@pytest.mark.parametrize("arch", ["x86", "arm64"])
def test_checked_build_alone_sees_a_use_after_free(arch: str, tree: Tree, tmp_path: Path) -> None:
    """A page that the walker reads after it gave it back is seen by the sanitizer, at the kernel's own line."""
    file, function = WALKERS[arch]
    use = "{ unsigned long page = __get_free_page(GFP_KERNEL); free_page(page); (void)*(volatile long *)page; }"
    copy = copied(tree, arch, tmp_path)
    line = line_of(copy, file, function)
    with edited(copy, {file: begun(function, use)}):
        source = open_source(copy, arch, 12)
    geometry = source.geometry(64)
    says = "warning: use-after-poison"
    with source.machine(geometry) as machine:
        assert says not in _problems(check(machine, _CYCLE))
    with source.machine(geometry, Variant.CHECKED) as machine:
        assert _problems(check(machine, _CYCLE))[says] == f"{file}:{line}: {function}()"


def _problems(finding: Finding | None) -> dict[str, str]:
    violations = finding.violations if finding else ()
    return {problem.because: str(problem.where) for violation in violations for problem in violation.problems}
