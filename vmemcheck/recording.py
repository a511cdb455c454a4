# SPDX-License-Identifier: GPL-2.0-or-later
"""The recording: what a booted kernel did, step by step, read from JSON and checked.

docs/recordings.md describes the format key by key. How a recording is replayed is in
``vmemcheck.trace``. Keys that are not known are left alone: recorders note more than is compared.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from vmemcheck.errors import RecordingError

ADD, REMOVE = "sparse_add_section", "sparse_remove_section"
POPULATE, FREE = "vmemmap_populate", "vmemmap_free"
SECTION_FUNCTIONS = (ADD, REMOVE)
RANGE_FUNCTIONS = (POPULATE, FREE)

MAX_BYTES = 64 << 20
MAX_CALLS = 4000
"""Calls of a recording: each is up to two operations of the machine."""
_MAX_BITS = 64
_SIZES = {"": 0, "K": 10, "M": 20, "G": 30}
_NUMBER = re.compile(r"-?(?:0[xX][0-9a-fA-F]{1,17}|[0-9]{1,21})")
_LEAF = re.compile(r"([0-9]+)([KMG]?)B?")


@dataclass(frozen=True, slots=True)
class RecordedAltmap:
    """A struct vmem_altmap at the time of a call, in pages.

    :param number: which altmap; the number of one that is gone is given again
    :param end_pfn: last page of its range, as the kernel counts; -1 where it was not recorded
    """

    number: int
    base_pfn: int
    end_pfn: int
    reserve: int
    free: int
    align: int
    alloc: int


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call of one of the four functions.

    :param first: pfn of a section's function, address of a vmemmap function
    :param second: nr_pages, or the end address
    :param returned: None where nothing is returned or nothing was recorded
    :param vmemmap_shift: of the struct dev_pagemap; None without one
    """

    function: str
    first: int
    second: int
    returned: int | None = None
    altmap: RecordedAltmap | None = None
    vmemmap_shift: int | None = None


@dataclass(frozen=True, slots=True)
class Oops:
    """The step ended in an oops.

    :param address: what was accessed; None where it was not recorded
    :param pc: where, for people
    """

    address: int | None
    pc: str = ""


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """One step.

    :param mapped: addresses that were mapped afterwards, merged; None where no snapshot was taken
    :param leaves: bytes of a leaf entry and how many there were; None where they were not counted
    """

    operation: str
    calls: tuple[RecordedCall, ...]
    mapped: tuple[range, ...] | None
    leaves: tuple[tuple[int, int], ...] | None
    oops: Oops | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """A run of a booted kernel. The first step is the state after boot.

    :param kernel: its version; empty where it was not recorded
    """

    kernel: str
    architecture: str
    levels: int
    page_shift: int
    struct_page_bytes: int
    pages_per_section: int
    pages_per_subsection: int
    vmemmap_base: int
    steps: tuple[RecordedStep, ...]


def load(path: Path) -> Recording:
    """Read the recording at ``path``.

    :raises RecordingError: when it is none
    :raises OSError: when it cannot be read
    """
    with path.open("rb") as file:
        return parse(file.read(MAX_BYTES + 1), str(path))


def parse(raw: bytes, name: str) -> Recording:
    """Read a recording from its first ``MAX_BYTES`` + 1 bytes.

    :param name: what to call it in messages
    :raises RecordingError: naming the key that is missing or wrong
    """
    if len(raw) > MAX_BYTES:
        raise RecordingError(
            f"the recording is longer than {MAX_BYTES >> 20} MiB", where=name, to_fix="record fewer steps"
        )
    try:
        return _recording(json.loads(raw.decode()))
    except UnicodeDecodeError:
        raise RecordingError("the recording is not UTF-8 text", where=name, to_fix=_SEE) from None
    except RecordingError as error:
        where = ": ".join(filter(None, (name, error.where)))
        raise RecordingError(error.what, where=where, to_fix=error.to_fix) from None
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"the recording is not JSON: {error}", where=name, to_fix=_SEE) from None


_SEE = "docs/recordings.md describes the format"


def _recording(data: object) -> Recording:
    top = _object(data, "the file")
    steps = _list(_required(top, "steps", "the file"), "steps")
    if not steps:
        raise RecordingError("the recording has no steps", where="steps", to_fix="the first step is the boot state")
    page_shift = _between(top, "page_shift", 12, 16)
    recording = Recording(
        kernel=_text(top, "kernel"),
        architecture=_text(top, "architecture", required=True),
        levels=_between(top, "levels", 2, 5),
        page_shift=page_shift,
        struct_page_bytes=_between(top, "struct_page_bytes", 8, 1024),
        pages_per_section=_power_of_two(top, "pages_per_section"),
        pages_per_subsection=_power_of_two(top, "pages_per_subsection"),
        vmemmap_base=_unsigned(_required(top, "vmemmap_base", "the file"), "vmemmap_base"),
        steps=tuple(_step(step, f"steps[{number}]") for number, step in enumerate(steps)),
    )
    if recording.vmemmap_base % (1 << page_shift):
        raise _wrong("vmemmap_base", "the address of the struct page of pfn 0 is page aligned")
    if recording.pages_per_subsection > recording.pages_per_section:
        raise _wrong("pages_per_subsection", "a subsection is not larger than a section")
    _require_boot(recording)
    return recording


def _require_boot(recording: Recording) -> None:
    first = recording.steps[0]
    if first.calls or first.mapped is None:
        raise RecordingError(
            "the first step is not the state after boot: it must have 'mapped', and no calls",
            where="steps[0]",
            to_fix="take a snapshot of the page tables before the first operation",
        )
    calls = sum(len(step.calls) for step in recording.steps)
    if calls > MAX_CALLS:
        raise RecordingError(f"{calls} calls", where="steps", to_fix=f"use at most {MAX_CALLS}")
    for number, step in enumerate(recording.steps):
        for index, call in enumerate(step.calls):
            where, pages = f"steps[{number}].calls[{index}]", recording.pages_per_section
            last = call.first + call.second - 1
            if call.function in SECTION_FUNCTIONS and call.first // pages != last // pages:
                raise _wrong(f"{where}.nr_pages", f"{call.function}() stays within one section")


def _step(value: object, where: str) -> RecordedStep:
    data = _object(value, where)
    calls = _list(data.get("calls", []), f"{where}.calls")
    mapped, leaves, oops = data.get("mapped"), data.get("leaves"), data.get("oops")
    return RecordedStep(
        operation=_text(data, "operation", where),
        calls=tuple(_call(call, f"{where}.calls[{number}]") for number, call in enumerate(calls)),
        mapped=None if mapped is None else _mapped(mapped, f"{where}.mapped"),
        leaves=None if leaves is None else _leaves(leaves, f"{where}.leaves"),
        oops=None if oops is None else _oops(oops, f"{where}.oops"),
    )


def _call(value: object, where: str) -> RecordedCall:
    data = _object(value, where)
    function = _text(data, "function", where, required=True)
    if function not in (*SECTION_FUNCTIONS, *RANGE_FUNCTIONS):
        known = ", ".join((*SECTION_FUNCTIONS, *RANGE_FUNCTIONS))
        raise RecordingError(f"unknown function {function!r}", where=f"{where}.function", to_fix=f"record {known}")
    keys = ("pfn", "nr_pages") if function in SECTION_FUNCTIONS else ("start", "end")
    first, second = (_unsigned(_required(data, key, where), f"{where}.{key}") for key in keys)
    if second == 0 or (function in RANGE_FUNCTIONS and second <= first):
        raise _wrong(f"{where}.{keys[1]}", "the range is empty")
    # The others return nothing; what the recorder found in the register means nothing.
    returned = data.get("returned") if function in (ADD, POPULATE) else None
    return RecordedCall(
        function=function,
        first=first,
        second=second,
        returned=None if returned is None else _errno(returned, f"{where}.returned"),
        altmap=_altmap(data, where) if function in SECTION_FUNCTIONS else None,
        vmemmap_shift=_vmemmap_shift(data, where) if function == ADD else None,
    )


def _altmap(data: dict[str, object], where: str) -> RecordedAltmap | None:
    if data.get("altmap") is None:
        return None
    number = _unsigned(data["altmap"], f"{where}.altmap")
    where = f"{where}.altmap_fields"
    fields = _object(data.get("altmap_fields"), where)
    base, reserve, free, align, alloc = (
        _unsigned(_required(fields, key, where), f"{where}.{key}")
        for key in ("base", "reserve", "free", "align", "alloc")
    )
    end = _unsigned(fields["end"], f"{where}.end") if "end" in fields else -1
    return RecordedAltmap(number, base, end, reserve, free, align, alloc)


def _vmemmap_shift(data: dict[str, object], where: str) -> int | None:
    if data.get("pgmap") is None:
        return None
    pgmap = _object(data["pgmap"], f"{where}.pgmap")
    shift = _unsigned(pgmap.get("shift", 0), f"{where}.pgmap.shift")
    if shift > _MAX_BITS:
        raise _wrong(f"{where}.pgmap.shift", "it is log2 of a number of pages")
    return shift


def _mapped(value: object, where: str) -> tuple[range, ...]:
    spans: list[range] = []
    for number, pair in enumerate(_list(value, where)):
        here = f"{where}[{number}]"
        ends = _list(pair, here)
        if len(ends) != 2:
            raise _wrong(here, "a range is [start, end]")
        start, end = (_unsigned(each, here) for each in ends)
        if start >= end or (spans and start < spans[-1].stop):
            raise _wrong(here, "ranges are not empty, ascend, and do not overlap")
        spans.append(range(start, end))
    return tuple(spans)


def _leaves(value: object, where: str) -> tuple[tuple[int, int], ...]:
    counts: list[tuple[int, int]] = []
    for name, count in _object(value, where).items():
        match = _LEAF.fullmatch(name)
        if match is None:
            raise _wrong(f"{where}.{name}", "a leaf is named by its size, like 4K or 2M")
        counts.append((int(match[1]) << _SIZES[match[2]], _unsigned(count, f"{where}.{name}")))
    return tuple(sorted(counts, reverse=True))


def _oops(value: object, where: str) -> Oops:
    data = _object(value, where)
    address = data.get("address")
    return Oops(None if address is None else _unsigned(address, f"{where}.address"), _text(data, "pc", where))


def _required(data: dict[str, object], key: str, where: str) -> object:
    if data.get(key) is None:
        raise RecordingError(f"the key {key!r} is missing", where=where, to_fix=_SEE)
    return data[key]


def _object(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _wrong(where, "it is not a JSON object")
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise _wrong(where, "it is not a list")
    return value


def _text(data: dict[str, object], key: str, where: str = "", *, required: bool = False) -> str:
    value = _required(data, key, where or "the file") if required else data.get(key)
    if value is not None and not isinstance(value, str):
        raise _wrong(".".join(filter(None, (where, key))), "it is not a string")
    return value or ""


def _number(value: object, where: str) -> int:
    """Return a number that is written as one, or as text in decimal or, with 0x, in hexadecimal."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value, 16) if "x" in value.lower() else int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(where, f"{str(value)[:40]!r} is not a whole number")
    if abs(value) >> _MAX_BITS:
        raise _wrong(where, "the number has more than 64 bits")
    return value


def _unsigned(value: object, where: str) -> int:
    number = _number(value, where)
    if number < 0:
        raise _wrong(where, f"{number} is negative")
    return number


def _errno(value: object, where: str) -> int:
    """Return a value that a function returned; a register shows -12 as 0xfffffff4, or with 64 bits."""
    number = _number(value, where)
    for bits in (32, 64):
        if 1 << (bits - 1) <= number < 1 << bits:
            return number - (1 << bits)
    return number


def _between(top: dict[str, object], key: str, low: int, high: int) -> int:
    number = _unsigned(_required(top, key, "the file"), key)
    if not low <= number <= high:
        raise _wrong(key, f"{number} is not between {low} and {high}")
    return number


def _power_of_two(top: dict[str, object], key: str) -> int:
    number = _unsigned(_required(top, key, "the file"), key)
    if number < 1 or number & (number - 1) or number >> 48:
        raise _wrong(key, f"{number} is not a power of two")
    return number


def _wrong(where: str, why: str) -> RecordingError:
    return RecordingError(f"{where}: {why}", to_fix=_SEE)
