# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees that are broken: each mistake is a message or a violation with file and function, never a traceback."""

import re
from collections.abc import Mapping

import pytest

from tests.trees.broken import WALKERS, CopyOf, Edit, begun, defined_as, edited, line_of, renamed
from vmemcheck.bulk import bulk_search
from vmemcheck.cli import main
from vmemcheck.engine import check
from vmemcheck.errors import BuildError, ShimGapError, SliceError, TreeError, VmemcheckError
from vmemcheck.kernel import confinement
from vmemcheck.kernel.machine import KernelMachine
from vmemcheck.kernel.source import open_source
from vmemcheck.kernel.tree import Tree
from vmemcheck.kernel.variant import Variant
from vmemcheck.operation import AddDevice, AddMemory, Remove
from vmemcheck.scope import Scope

pytestmark = pytest.mark.newest_tree
_X86, _ARM64 = WALKERS["x86"], WALKERS["arm64"]
# Of the walkers: what calls a walker itself, where the compiler has not put that into others.
_CALLERS = {"x86": "remove_pmd_table", "arm64": "unmap_hotplug_pmd_range"}

# What the walker does when the memmap of so many subsections is removed.
_FAULTS = (
    ("for (;;) ;", "does not come back: it ran for too long: an endless loop"),
    ("for (;;) WARN_ON(1);", "does not come back: it ran for too long: an endless loop"),
    ("for (;;) alloc_pages(GFP_KERNEL, 0);", "does not come back: it ran for too long: an endless loop"),
    ("vmemmap_free(addr, end, NULL);", "does not come back: it used up its stack: an endless recursion"),
    ("*(volatile long *)0x123456789000UL = 1;", "does not come back: it used address 0x123456789000, where no"),
    ("*(volatile long *)(1UL << 63) = 1;", "does not come back: it used an address that cannot be"),
    ("(void)*(volatile long *)NULL;", "does not come back: it used a NULL pointer (address 0x0)"),
    ("((void (*)(void))NULL)();", "does not come back: it used a NULL pointer (address 0x0)"),
    ("*(volatile long *)(addr + (1UL << 33)) = 1;", "access to 0x200000000, which is not mapped"),
    ("volatile long zero = 0; addr = end % zero;", "does not come back: it divided by zero"),
    ("__builtin_trap();", "does not come back: it met an impossible instruction"),
    ("BUG_ON(addr);", "does not come back: BUG_ON(addr)"),
    ("WARN_ON(addr);", "warning: WARN_ON(addr)"),
    ("extern int prctl(int, ...); prctl(38, 1);", "does not come back: it made system call 157"),
)


def _machine(tree: Tree, arch: str, variant: Variant = Variant.PARTS) -> KernelMachine:
    source = open_source(tree, arch, 12)
    return source.machine(source.geometry(64), variant)


@pytest.mark.parametrize("arch", ["x86", "arm64"])
def test_broken_walker_is_a_violation_at_its_place(arch: str, copy_of: CopyOf) -> None:
    """Whatever the kernel's code does, the sequence gets a finding that names its file, line and function."""
    tree = copy_of(arch)
    file, function = WALKERS[arch]
    line = line_of(tree, file, function)
    statements = " ".join(
        f"if (end - addr == {count} * PAGES_PER_SUBSECTION * sizeof(struct page)) {{ {statement} }}"
        for count, (statement, _) in enumerate(_FAULTS, 1)
    )
    with edited(tree, {file: begun(function, statements)}), _machine(tree, arch) as machine:
        for count, (statement, says) in enumerate(_FAULTS, 1):
            finding = check(machine, (AddDevice(0, count), Remove(0)))
            assert finding is not None, statement
            # The tree may have findings of its own besides.
            problems = [problem for violation in finding.violations for problem in violation.problems]
            problem = next((problem for problem in problems if says in problem.because), None)
            assert problem is not None, statement
            assert problem.where is not None, statement
            if "system call" in says:  # the C library's function that makes it keeps no frame: it is the caller's
                assert problem.where.function in (_CALLERS[arch], "depopulate_section_memmap")
                continue
            assert problem.where.file == file, statement
            if "recursion" in says:  # where the stack is full, the caller is as good as the callee
                continue
            assert problem.where.function == function, statement
            # A loop of nothing has no line of its own.
            assert problem.where.line == line or statement == "for (;;) ;", statement
        quiet = check(machine, (AddDevice(0, len(_FAULTS) + 1), Remove(0)))
    assert quiet is None or quiet.invariant != "no-warning"


@pytest.mark.parametrize("statement", ["BUG();", "*(volatile long *)NULL = 1;"])
def test_broken_populate_that_crashes_is_named_by_the_crash(statement: str, copy_of: CopyOf) -> None:
    """Nobody asks for the memmap of an add that does not come back."""
    edit = begun("vmemmap_populate", statement)
    with edited(copy_of("x86"), {_X86[0]: edit}) as tree, _machine(tree, "x86") as machine:
        findings = [check(machine, (add,)) for add in (AddDevice(0, 1), AddMemory(0, 1))]
    found = [finding and (finding.invariant, finding.kind.function) for finding in findings]
    assert [("no-warning", "vmemmap_populate")] * 2 == found


def test_broken_walker_endless_loop_is_found_and_shrunk_by_a_search(copy_of: CopyOf) -> None:
    """A search over a tree with an endless loop ends, with one finding of two operations."""
    tree = copy_of("x86")
    with edited(tree, {_X86[0]: begun(_X86[1], "for (;;) WARN_ON(addr == end);")}), _machine(tree, "x86") as machine:
        result = bulk_search(machine, Scope(faults=False), 30, 0)
    endless = [one for one in result.findings if "endless" in one.violations[0].problems[0].because]
    assert [len(one.sequence) for one in endless] == [2]


_MACROS = "".join(f"#define M{n} M{n - 1} + M{n - 1}\n" for n in range(1, 41)) + "#define M0 1\n"
_REFUSED: tuple[tuple[str, str, Mapping[str, Edit], type[VmemcheckError], str], ...] = (
    ("root", "x86", {_X86[0]: renamed("vmemmap_free", "vmemmap_gone")}, SliceError, r"it has no vmemmap_free\(\)"),
    ("root", "arm64", {_ARM64[0]: renamed("vmemmap_free", "vmemmap_gone")}, SliceError, r"it has no vmemmap_free\(\)"),
    (
        "door",
        "x86",
        {"mm/memory_hotplug.c": renamed("check_hotplug_memory_range", "check_range")},
        ShimGapError,
        r"no check_hotplug_memory_range\(\)(.|\n)*vmemcheck/kernel/doors\.py",
    ),
    (
        "helper",
        "x86",
        {_X86[0]: defined_as(_X86[1], "remove_ptes")},
        ShimGapError,
        r"needs remove_pte_table(.|\n)*used by arch/x86/mm/init_64.c: remove_pmd_table\(\)",
    ),
    (
        "call",
        "x86",
        {_X86[0]: begun(_X86[1], "frobnicate(addr);")},
        ShimGapError,
        r"needs frobnicate, (.|\n)*used by arch/x86/mm/init_64.c: remove_pte_table\(\)\n(.|\n)*stubs\.h.*custom\.h",
    ),
    (
        "call",
        "arm64",
        {_ARM64[0]: begun(_ARM64[1], "extern void frobnicate(long); frobnicate(addr);")},
        ShimGapError,
        r"needs frobnicate, (.|\n)*used by arch/arm64/mm/mmu.c: unmap_hotplug_pte_range\(\)",
    ),
    (
        "call-of-a-host-library",
        "x86",
        {_X86[0]: begun(_X86[1], "extern void abort(void); abort();")},
        ShimGapError,
        r"needs abort, (.|\n)*used by arch/x86/mm/init_64.c: remove_pte_table\(\)",
    ),
    (
        "syntax",
        "x86",
        {_X86[0]: begun(_X86[1], "addr = = end;")},
        BuildError,
        r"does not compile\n.*arch/x86/mm/init_64.c:LINE:\d+: error: expected .*\(in remove_pte_table\(\)\)",
    ),
    (
        "type",
        "arm64",
        {_ARM64[0]: begun(_ARM64[1], "init_mm.frobnicate = addr;")},
        BuildError,
        r"arch/arm64/mm/mmu.c:LINE:\d+: error: .* no member named 'frobnicate' \(in unmap_hotplug_pte_range\(\)\)",
    ),
    ("open-brace", "x86", {_X86[0]: begun(_X86[1], "{")}, SliceError, r"init_64.c:LINE: remove_pte_table\(\)"),
    ("close-brace", "x86", {_X86[0]: begun(_X86[1], "}")}, SliceError, r"init_64.c:LINE: remove_pte_table\(\)"),
    ("comment", "x86", {_X86[0]: begun(_X86[1], "/*")}, SliceError, r"init_64.c:LINE: remove_pte_table\(\)"),
    ("quote", "x86", {_X86[0]: begun(_X86[1], '"')}, SliceError, r"arch/x86/mm/init_64.c:.*unterminated"),
    ("condition", "x86", {_X86[0]: begun(_X86[1], "\n#if 1\n")}, SliceError, r"arch/x86/mm/init_64.c:.*unterminated"),
    (
        "host-file",
        "x86",
        {_X86[0]: lambda text: f'#include "/etc/passwd"\n{text}'},
        TreeError,
        r"outside of the kernel tree",
    ),
    (
        "reads-a-host-file",
        "x86",
        {
            _X86[0]: begun(
                _X86[1], 'static long x __attribute__((section("a\\n.incbin \\"/etc/passwd\\"\\n"))) = 1; x++;'
            )
        },
        BuildError,
        r"reads a file while it is compiled: .incbin",
    ),
    (
        "macro-without-end",
        "x86",
        {_X86[0]: begun(_X86[1], f"\n{_MACROS}\naddr += M40;")},
        BuildError,
        r"the compiler asked",
    ),
    (
        "raw-string",
        "x86",
        {_X86[0]: begun(_X86[1], 'pr_info(R"x(" // )x"); return;')},
        SliceError,
        r"has a raw string, which is C\+\+\n.*arch/x86/mm/init_64.c:LINE",
    ),
    (
        "carriage-return",
        "x86",
        {_X86[0]: begun(_X86[1], "// nothing\r return;")},
        SliceError,
        r"has a carriage return within a line\n.*arch/x86/mm/init_64.c:LINE",
    ),
    (
        "instruction",
        "x86",
        {_X86[0]: begun(_X86[1], 'asm volatile("frobnicate");')},
        ShimGapError,
        r"has inline assembly, which is not run: 'frobnicate'\n.*arch/x86/mm/init_64.c:LINE",
    ),
)


@pytest.mark.parametrize(
    ("arch", "edits", "error", "says"), [pytest.param(*rest, id=f"{name}-{rest[0]}") for name, *rest in _REFUSED]
)
def test_broken_tree_is_refused_with_the_place(
    arch: str,
    edits: Mapping[str, Edit],
    error: type[VmemcheckError],
    says: str,
    copy_of: CopyOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be built is an error that names the kernel's file and function and what to do."""
    # To fill all that a compiler may have takes it half a minute.
    monkeypatch.setattr(confinement, "COMPILER_BYTES", 512 << 20)
    tree = copy_of(arch)
    line = line_of(tree, *WALKERS[arch])
    with edited(tree, edits), pytest.raises(error) as caught:
        _machine(tree, arch, Variant.FAST)
    assert re.search(says.replace("LINE", str(line)), str(caught.value))
    assert "\n  where  " in str(caught.value)
    assert "\n  to fix " in str(caught.value)


def test_broken_tree_code_before_main_does_not_run(copy_of: CopyOf) -> None:
    """A function that the compiler is told to call at start is called only by the kernel's own code."""
    early = "\nstatic __attribute__((constructor)) void "
    edit = _once_before(_X86[1], early)
    with edited(copy_of("x86"), {_X86[0]: edit}) as tree, _machine(tree, "x86") as machine:
        assert check(machine, (AddDevice(0, 1), Remove(0))) is None


def _once_before(function: str, head: str) -> Edit:
    return lambda text: re.sub(rf"\nstatic void (?:\w+ )*\s*(?={function}\()", head, text, count=1)


def test_check_of_a_broken_tree_ends_with_exit_code_2(copy_of: CopyOf, capsys: pytest.CaptureFixture[str]) -> None:
    """The command has no verdict, says where and why, and shows no traceback."""
    tree = copy_of("x86")
    with edited(tree, {_X86[0]: begun(_X86[1], "frobnicate(addr);")}):
        code = main(["check", "--tree", str(tree.root), "--arch", "x86_64", "--struct-page", "64"])
    shown = capsys.readouterr()
    assert code == 2
    assert "used by arch/x86/mm/init_64.c: remove_pte_table()" in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err
