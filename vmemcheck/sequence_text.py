# SPDX-License-Identifier: GPL-2.0-or-later
r"""The canonical text form of operations: one line each, to be read, mailed and pasted.

::

    boot    section 0 subsections [0, 32)
    add     memory blocks [1, 2) memmap_on_memory
    add     device subsections [0, 1) altmap reserve 1 free 64 vmemmap_shift 9 fail allocation 2
    add     device subsections [2, 3) and [6, 8) private
    remove  range 0
    init    range 0
    refuse  add device pages [1, 513)

Blank lines and what follows a ``#`` are left out. Indentation and the number of
blanks do not matter. A line that ends in ``\`` goes on in the next one. A text may
start with a line that names the geometry::

    geometry struct_page_bytes=56 page_shift=12 section_shift=27

Sizes that the line leaves out are those of ``Geometry()``.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator

from vmemcheck.errors import GeometryError, SequenceError
from vmemcheck.geometry import Geometry, VAddr
from vmemcheck.operation import (
    Action,
    AddDevice,
    AddMemory,
    Altmap,
    Boot,
    Door,
    Fault,
    FaultKind,
    Initialise,
    Operation,
    Refused,
    Remove,
    Second,
    Sequence,
)

_N = "[0-9]{1,20}"
_NUMBER = re.compile(_N)
_SPAN = rf"\[(?P<start>{_N}), ?(?P<end>{_N})\)"
_FAULT = rf"(?: fail (?P<fault>allocations from|allocation|order) (?P<value>{_N}))?"
_LINES = {
    "boot": re.compile(rf"boot section (?P<section>{_N}) subsections {_SPAN}"),
    "memory": re.compile(rf"add memory blocks {_SPAN}(?P<on_memory> memmap_on_memory)?{_FAULT}"),
    "device": re.compile(
        rf"add device subsections {_SPAN}(?: and \[(?P<second>{_N}), ?(?P<second_end>{_N})\))?(?P<private> private)?"
        rf"(?: altmap reserve (?P<reserve>{_N}) free (?P<free>{_N}))?"
        rf"(?: vmemmap_shift (?P<shift>{_N}))?{_FAULT}"
    ),
    "remove": re.compile(rf"remove range (?P<victim>{_N}){_FAULT}"),
    "init": re.compile(rf"init range (?P<victim>{_N})"),
    "refuse": re.compile(rf"refuse (?P<action>add|remove) (?P<door>memory|device) pages {_SPAN}"),
}


def to_text(operation: Operation) -> str:
    """Return the line of one operation."""
    match operation:
        case Boot(section, first, count):
            return f"boot    section {section} subsections [{first}, {first + count})"
        case AddMemory(block, count, on_memory, fault):
            flag = " memmap_on_memory" if on_memory else ""
            return f"add     memory blocks [{block}, {block + count}){flag}{_fault_text(fault)}"
        case AddDevice(subsection, count, altmap, shift, fault, second, private):
            text = f"add     device subsections [{subsection}, {subsection + count})"
            if second:
                text += f" and [{second.subsection}, {second.subsection + second.count})"
            if private:
                text += " private"
            if altmap:
                text += f" altmap reserve {altmap.reserve_pages} free {altmap.free_pages}"
            if shift:
                text += f" vmemmap_shift {shift}"
            return text + _fault_text(fault)
        case Remove(victim, fault):
            return f"remove  range {victim}{_fault_text(fault)}"
        case Initialise(victim):
            return f"init    range {victim}"
        case Refused(action, door, start, count):
            return f"refuse  {action.value} {door.value} pages [{start}, {start + count})"


def sequence_to_text(sequence: Iterable[Operation]) -> str:
    """Return one line for each operation."""
    return "\n".join(map(to_text, sequence))


def geometry_to_text(geometry: Geometry) -> str:
    """Return the geometry line."""
    fields = dataclasses.fields(geometry)
    return "geometry " + " ".join(f"{field.name}={getattr(geometry, field.name)}" for field in fields)


def parse(text: str) -> tuple[Geometry, Sequence]:
    """Read a geometry (that of ``Geometry()`` where none is named) and a sequence back from their text form.

    :raises SequenceError: naming the line that cannot be read
    """
    geometry = Geometry()
    operations: list[Operation] = []
    for number, raw in _whole_lines(text):
        line = " ".join(raw.partition("#")[0].split())
        try:
            if line.startswith("geometry ") and not operations:
                geometry = _parse_geometry(line)
            elif line:
                operations.append(_parse_line(line))
        except (SequenceError, GeometryError) as error:
            raise SequenceError(error.what, where=f"line {number}: {line[:120]}", to_fix=error.to_fix) from None
    return geometry, tuple(operations)


def _whole_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its number; one that goes on in the next one as one, with the last number."""
    start = ""
    for number, raw in enumerate([*text.splitlines(), ""], start=1):
        if raw.endswith("\\"):
            start += f"{raw[:-1]} "
        else:
            yield number, start + raw
            start = ""


def _parse_geometry(line: str) -> Geometry:
    names = [field.name for field in dataclasses.fields(Geometry)]
    values: dict[str, int] = {}
    for word in line.split()[1:]:
        name, _, value = word.partition("=")
        if name not in names or name in values or not _NUMBER.fullmatch(value):
            raise SequenceError(f"{word[:60]!r} is not a size", to_fix=f"write NAME=NUMBER, with {', '.join(names)}")
        values[name] = int(value)
    base = VAddr(values.pop("vmemmap_base", 0))
    return Geometry(**values, vmemmap_base=base)


def _parse_line(line: str) -> Operation:
    for kind, pattern in _LINES.items():
        found = pattern.fullmatch(line)
        if found:
            return _build(kind, found.groupdict())
    raise SequenceError(
        "not an operation",
        to_fix="use boot section, add memory blocks, add device subsections, remove range, init range or refuse",
    )


def _build(kind: str, field: dict[str, str | None]) -> Operation:
    start, count = _span(field)
    match kind:
        case "boot":
            return Boot(_number(field, "section"), start, count)
        case "memory":
            return AddMemory(start, count, memmap_on_memory=bool(field["on_memory"]), fault=_fault(field))
        case "device":
            altmap = Altmap(_number(field, "reserve"), _number(field, "free")) if field["reserve"] else None
            shift, private = _number(field, "shift"), bool(field["private"])
            return AddDevice(start, count, altmap, shift, _fault(field), _second(field), private)
        case "remove":
            return Remove(_number(field, "victim"), _fault(field))
        case "init":
            return Initialise(_number(field, "victim"))
        case _:
            return Refused(Action(field["action"]), Door(field["door"]), start, count)


def _number(field: dict[str, str | None], name: str) -> int:
    return int(field.get(name) or 0)


def _span(field: dict[str, str | None]) -> tuple[int, int]:
    start = _number(field, "start")
    return start, _number(field, "end") - start


def _second(field: dict[str, str | None]) -> Second | None:
    start = _number(field, "second")
    return Second(start, _number(field, "second_end") - start) if field["second"] else None


def _fault(field: dict[str, str | None]) -> Fault | None:
    return Fault(FaultKind(field["fault"]), _number(field, "value")) if field["fault"] else None


def _fault_text(fault: Fault | None) -> str:
    return f" fail {fault.kind.value} {fault.value}" if fault else ""
