# SPDX-License-Identifier: GPL-2.0-or-later
"""Which headers a file names, by its text alone: no condition is decided, and no macro expanded."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

_INCLUDE = re.compile(
    rb'^[ \t]*#[ \t]*(?:include|include_next|import)\b[ \t]*(?:<([^>\n]+)>|"([^"\n]+)"|(.*))', re.MULTILINE
)
_ASKED = re.compile(rb'\b__has_include(?:_next)?[ \t]*\([ \t]*[<"]([^>"\n]+)[>"]')
# include/trace/define_trace.h reads the header again that included it.
_AGAIN = b"TRACE_INCLUDE(TRACE_INCLUDE_FILE)"


@dataclass(frozen=True, slots=True)
class Named:
    """The headers that a file names.

    :param quoted: in quotes: they are looked for in the folder of the file first
    :param others: in angle brackets, or asked for with ``__has_include``
    :param by_macro: one is named by a macro of which it is not known what it stands for
    """

    quoted: tuple[str, ...]
    others: tuple[str, ...]
    by_macro: bool

    @classmethod
    def by(cls, content: bytes) -> "Named":
        """Return what a file with this content names."""
        included = _INCLUDE.findall(content)
        return cls(
            quoted=_names(quoted for _, quoted, _ in included),
            others=_names((*(angle for angle, _, _ in included), *_ASKED.findall(content))),
            by_macro=any(other and not other.startswith(_AGAIN) for _, _, other in included),
        )


def _names(found: Iterable[bytes]) -> tuple[str, ...]:
    return tuple(os.fsdecode(name) for name in found if name)
