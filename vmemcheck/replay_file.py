# SPDX-License-Identifier: GPL-2.0-or-later
"""The replay file: a geometry and a sequence in JSON, and what was found with them.

The text of ``vmemcheck.sequence_text`` is for people; this file is what tools
save and read, and ``load()`` takes both. Unknown keys are refused, so that a typing error is not a
different test.
"""

import dataclasses
import enum
import json
import types
import typing
from dataclasses import dataclass
from pathlib import Path

from vmemcheck import sequence_text
from vmemcheck.errors import GeometryError, SequenceError
from vmemcheck.geometry import Geometry
from vmemcheck.operation import (
    AddDevice,
    AddMemory,
    Boot,
    Initialise,
    Operation,
    Refused,
    Remove,
    Sequence,
)
from vmemcheck.replay_limits import require_bearable

FORMAT = "vmemcheck replay 1"

KINDS: dict[str, type[Operation]] = {
    "boot": Boot,
    "add-memory": AddMemory,
    "add-device": AddDevice,
    "remove": Remove,
    "initialise": Initialise,
    "refused": Refused,
}
_NAMES = {kind: name for name, kind in KINDS.items()}

MAX_BYTES = 1 << 20

T = typing.TypeVar("T")


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay file says.

    :param machine: name of the machine on which something was found; empty for none
    :param invariant: name of the invariant that was violated there; empty for none
    :param memory_model: of the kernel, where it is not sparse vmemmap alone
    """

    geometry: Geometry
    sequence: Sequence
    machine: str = ""
    invariant: str = ""
    memory_model: str = ""


def to_json(replay: Replay) -> str:
    """Return the text of the replay file; equal replays give equal bytes."""
    data = {
        "format": FORMAT,
        "machine": replay.machine,
        "invariant": replay.invariant,
        **({"memory_model": replay.memory_model} if replay.memory_model else {}),
        "geometry": _encode(replay.geometry),
        "sequence": sequence_data(replay.sequence),
    }
    return json.dumps(data, indent=2) + "\n"


def sequence_data(sequence: Sequence) -> list[dict[str, object]]:
    """Return a sequence as data for JSON."""
    return [{"operation": _NAMES[type(operation)], **_encode(operation)} for operation in sequence]


def from_json(text: str) -> Replay:
    """Read a replay file.

    :raises SequenceError: naming the key that is missing, unknown or of a wrong type
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SequenceError(
            f"the replay file is not JSON: {error}", to_fix="give a file that vmemcheck has saved"
        ) from None
    data = _object(data, "the file")
    if data.get("format") != FORMAT:
        raise SequenceError(
            f"not a replay file: its format is not {FORMAT!r}", to_fix="give a file that vmemcheck has saved"
        )
    unknown = sorted(set(data) - {"format", "machine", "invariant", "memory_model", "geometry", "sequence"})
    if unknown:
        raise SequenceError(f"unknown key {unknown[0]!r} in the replay file", to_fix="take it out")
    operations = data.get("sequence")
    if not isinstance(operations, list):
        raise SequenceError("the replay file has no list 'sequence'", to_fix="add a list of operations")
    return Replay(
        geometry=_geometry(_object(data.get("geometry"), "geometry")),
        sequence=tuple(_operation(item, number) for number, item in enumerate(operations)),
        machine=_text(data, "machine"),
        invariant=_text(data, "invariant"),
        memory_model=_text(data, "memory_model"),
    )


def load(path: Path) -> Replay:
    """Read the replay file at ``path``, in JSON or in text form.

    :raises SequenceError: when it is no replay file
    :raises OSError: when it cannot be read
    """
    with path.open("rb") as file:
        return parse(file.read(MAX_BYTES + 1), str(path))


def parse(raw: bytes, name: str) -> Replay:
    """Read a replay file, in JSON or in text form, from its first ``MAX_BYTES`` + 1 bytes.

    :param name: what to call it in messages
    :raises SequenceError: when it is no replay file
    """
    save_help = "give a file that vmemcheck has saved"
    if len(raw) > MAX_BYTES:
        raise SequenceError("the replay file is longer than 1 MiB", where=name, to_fix=save_help)
    try:
        text = raw.decode()
        replay = from_json(text) if text.lstrip().startswith("{") else Replay(*sequence_text.parse(text))
        require_bearable(replay.geometry, replay.sequence)
        return replay
    except UnicodeDecodeError:
        raise SequenceError("the replay file is not UTF-8 text", where=name, to_fix=save_help) from None
    except SequenceError as error:
        raise SequenceError(
            error.what, where=": ".join(filter(None, (name, error.where))), to_fix=error.to_fix
        ) from None


def _geometry(data: dict[str, object]) -> Geometry:
    try:
        return _decode(Geometry, data, "geometry")
    except GeometryError as error:
        raise SequenceError(str(error.what), where="geometry", to_fix=error.to_fix) from None


def _operation(item: object, number: int) -> Operation:
    where = f"sequence[{number}]"
    data = _object(item, where)
    name = data.pop("operation", None)
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise SequenceError(f"unknown operation {name!r}", where=where, to_fix=f"use one of {', '.join(KINDS)}")
    return _decode(kind, data, where)


def _encode(value: object) -> dict[str, object]:
    assert dataclasses.is_dataclass(value)
    encoded: dict[str, object] = {}
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if isinstance(item, enum.Enum):
            item = item.value
        elif dataclasses.is_dataclass(item):
            item = _encode(item)
        encoded[field.name] = item
    return encoded


def _decode(kind: type[T], data: dict[str, object], where: str) -> T:
    """Build a value from its JSON object, checking each key and type."""
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(typing.cast(typing.Any, kind))}
    unknown = sorted(set(data) - set(fields))
    if unknown:
        raise SequenceError(f"unknown key {unknown[0]!r}", where=where, to_fix=f"use {', '.join(fields)}")
    values: dict[str, object] = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _decode_field(hints[name], data[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING:
            raise SequenceError(f"the key {name!r} is missing", where=where, to_fix=f"add {name!r}")
    try:
        return kind(**values)
    except SequenceError as error:
        raise SequenceError(error.what, where=where, to_fix=error.to_fix) from None


def _decode_field(hint: object, value: object, where: str) -> object:
    alternatives = [part for part in typing.get_args(hint) if part is not types.NoneType]
    if alternatives:  # every union here is "something or None"
        return None if value is None else _decode_field(alternatives[0], value, where)
    kind = getattr(hint, "__supertype__", hint)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        if value not in [member.value for member in kind]:
            choices = ", ".join(member.value for member in kind)
            raise SequenceError(f"{value!r} is not one of {choices}", where=where, to_fix="use one of these")
        return kind(value)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _decode(kind, _object(value, where), where)
    if type(value) is not kind:
        name = getattr(kind, "__name__", str(kind))
        raise SequenceError(f"{value!r} is not of type {name}", where=where, to_fix=f"use a value of type {name}")
    if isinstance(value, int) and abs(value) >= 1 << 64:
        raise SequenceError("a number of more than 64 bits", where=where, to_fix="use a smaller number")
    return value


def _object(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise SequenceError("not a JSON object", where=where, to_fix="write { ... } there")
    return dict(value)


def _text(data: dict[str, object], key: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise SequenceError(f"the key {key!r} is not a string", where="the file", to_fix=f"write a string for {key!r}")
    return value
