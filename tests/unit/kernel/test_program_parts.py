# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine program is made of, on small made-up slices: doors, wrappers, requests, refusals, sub-page path."""

import struct

import pytest

from vmemcheck.errors import BuildError, ShimGapError, SliceError, VmemcheckError
from vmemcheck.geometry import Geometry
from vmemcheck.kernel.doors import door_macros, prototype_of
from vmemcheck.kernel.instrument import function_name, instrumented, struct_page_attributes
from vmemcheck.kernel.pieces import Kind
from vmemcheck.kernel.protocol import encode
from vmemcheck.kernel.refusal import refusal
from vmemcheck.kernel.slicer import Item, Slice
from vmemcheck.operation import AddDevice, Altmap, Boot, Fault, FaultKind, Operation, Remove, Second
from vmemcheck.sub_page import SubPagePath, sub_page_path

_TYPES = "struct page {\n\tlong flags;\n};\n"


def _slice(code: str, *names: str, types: str = _TYPES) -> Slice:
    items = tuple(Item(Kind.FUNCTION, name, "mm/made_up.c", 10, "") for name in names)
    return Slice("", types, "", f'#line 10 "mm/made_up.c"\n{code}\n', items, {}, ())


def test_prototype_of_a_function_has_its_parameters() -> None:
    """Each parameter comes with its declaration; a function that returns nothing is told."""
    prototype = prototype_of(_slice("void vmemmap_free(long start,\n\tlong end)\n{\n}", "vmemmap_free"), "vmemmap_free")
    assert prototype is not None
    assert (("long start", "start"), ("long end", "end")) == prototype.parameters
    assert prototype.returns_nothing


@pytest.mark.parametrize(
    "before",
    [
        "int unused(void)\n{\n\tvmemmap_free(1, 2);\n\tif (x) {\n\t\ty = vmemmap_free;\n\t}\n}\n",
        "void vmemmap_free(long a, long b);\n",
        "/* */\n#define vmemmap_free_all(x) vmemmap_free(x, x)\n",
        "struct s {\n\tint vmemmap_free;\n};\n",
    ],
)
def test_prototype_is_that_of_the_definition_not_of_a_call(before: str) -> None:
    """Calls, declarations, macros and members of the same name come before it."""
    code = f"{before}static long *vmemmap_free(long start, long end) __must_check {{\n}}"
    prototype = prototype_of(_slice(code, "vmemmap_free"), "vmemmap_free")
    assert prototype is not None
    assert ("static long *", ("start", "end")) == (prototype.head, tuple(name for _, name in prototype.parameters))
    assert not prototype.returns_nothing


def test_door_unknown_parameter_is_an_error_that_names_it() -> None:
    """A parameter that no version had is never guessed."""
    found = _slice("int add_memory(int nid, long moon)\n{\n}", "add_memory")
    with pytest.raises(ShimGapError, match=r"add_memory\(\) has a parameter that is not known: long moon") as caught:
        door_macros(found)
    assert "mm/made_up.c:10: add_memory()" in str(caught.value)


def test_instrument_wraps_a_noted_function_and_keeps_its_line() -> None:
    """The definition gets another name where it stands; a function of the old name calls it."""
    found = instrumented(_slice("void vmemmap_free(long start, long end)\n{\n}", "vmemmap_free"))
    assert found.code.startswith('#line 10 "mm/made_up.c"\nvoid __vmc_vmemmap_free(long start, long end)')
    assert "__vmc_vmemmap_free(start, end); vmc_leave(" in found.code
    assert "VMC_STRUCT_PAGE_BYTES" in found.types
    assert "vmemmap_free" == function_name("__vmc_vmemmap_free")


def test_instrument_without_struct_page_is_an_error() -> None:
    """The message says where struct page is expected."""
    with pytest.raises(SliceError, match="struct page is not defined where it is expected"):
        instrumented(_slice("", types="struct folio {\n};\n"))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (64, "__attribute__((aligned(16)))"),
        (56, "__attribute__((aligned(8)))"),
        (60, "__attribute__((packed, aligned(4)))"),
    ],
)
def test_struct_page_attributes_fit_the_size(size: int, expected: str) -> None:
    """The alignment divides the size; below that of a pointer the members are packed."""
    assert expected == struct_page_attributes(size)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (Boot(1, 0, 99), (1, 2, 0x8000, 0x8000, 0, 0, 0, 0, 0, 0)),
        (Boot(1, 99, 1), (7, 2)),
        (AddDevice(3, 2), (2, 1, 0x600, 0x400, 0, 0, 0, 0, 0, 0)),
        (AddDevice(0, 1, Altmap(1, 8), fault=Fault(FaultKind.NTH, 4)), (2, 1, 0, 0x200, 1, 1, 8, 0, 1, 4)),
        (AddDevice(4, 1, second=Second(1, 2)), (2, 1, 0x800, 0x200, 0, 0, 0, 0, 0, 0, 0x200, 0x400)),
        (AddDevice(4, 1, private=True), (2, 1, 0x800, 0x200, 3, 0, 0, 0, 0, 0, 0, 0)),
        (AddDevice(0, 1, Altmap(0, 9999)), (7, 1, 0, 0, 0, 0, 0, 0, 0, 0)),
        (Remove(2, Fault(FaultKind.ORDER, 0)), (3, 0, 2, 0, 0, 0, 0, 0, 2, 0)),
    ],
)
def test_encode_operation_has_its_twelve_words(operation: Operation, expected: tuple[int, ...]) -> None:
    """Kind, door, pages, altmap, shift, fault, second range; what no caller would ask for is a skipped one."""
    words = struct.unpack("<12Q", encode(Geometry(64), operation))
    assert expected == words[: len(expected)]


@pytest.mark.parametrize(
    ("message", "error", "says"),
    [
        ("mm/a.c:5: undefined reference to `frob'", ShimGapError, "needs frob, which is in no sliced file"),
        ("mm/a.c: In function '__vmc_walk':\nmm/a.c:7:1: error: bad", BuildError, "mm/a.c:7:1: error: bad (in walk())"),
        ("x: error: size of array 'vmc_padding' is negative", BuildError, "larger than the size that was asked for"),
        ("", BuildError, "no message"),
    ],
)
def test_refusal_is_told_apart(message: str, error: type[VmemcheckError], says: str) -> None:
    """A name that nobody has, a line that does not compile, and a struct page that is too large are three errors."""
    found = refusal("linux-1.2.3 x86", message)
    assert type(found) is error
    assert says in str(found)


_WALK = """static void remove_pte_table(long addr, long end)
{
	for (; addr < end; addr = next) {
		next = (addr + PAGE_SIZE) & PAGE_MASK;
		BRANCH
	}
}"""


@pytest.mark.parametrize(
    ("branch", "expected"),
    [("memset(p, 0xfd, next - addr);", SubPagePath("mm/made_up.c", 13, 14, 12, 15)), ("clear();", None)],
)
def test_sub_page_path_is_there_with_loop_and_branch_only(branch: str, expected: SubPagePath | None) -> None:
    """Lines are those of the kernel's file; without a branch for less than a page there is no path."""
    assert expected == sub_page_path(_slice(_WALK.replace("BRANCH", branch), "remove_pte_table"))
    assert sub_page_path(_slice("int f(void)\n{\n}", "f")) is None
