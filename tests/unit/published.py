# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of all reports have in common: schemas that are exact, and text of strangers."""

import re
from collections.abc import Iterable
from typing import Any

import jsonschema

HOSTILE = "".join(map(chr, [*range(0x120), 0xD800, 0xDFFF, 0xFFFE, 0xFFFF, 0x1F600])) + "]]>&<x/>\ud83d\ude00"
"""All that a terminal obeys, XML cannot hold or UTF-8 does not have, and markup."""

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal obeys, but for tabs and line ends."""


def objects(value: object) -> list[dict[str, Any]]:
    """Return all objects in JSON data."""
    if isinstance(value, dict):
        return [value, *(found for item in value.values() for found in objects(item))]
    if isinstance(value, list):
        return [found for item in value for found in objects(item)]
    return []


def assert_exact(schema: jsonschema.protocols.Validator, data: object, places: Iterable[dict[str, Any]]) -> None:
    """Assert that a schema takes data, but neither without any key of some objects of it nor with one more."""
    for place in places:
        for key in list(place):
            kept = place.pop(key)
            assert not schema.is_valid(data), key
            place[key] = kept
        place["unknown"] = "x"
        assert not schema.is_valid(data), place
        del place["unknown"]
    assert schema.is_valid(data)
