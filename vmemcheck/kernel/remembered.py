# SPDX-License-Identifier: GPL-2.0-or-later
"""What was found out about parts of preprocessed text, for other texts that have the same parts.

The files of a tree are read under several configurations; most of what they include is the same each time.
"""

from collections.abc import Mapping

from vmemcheck.kernel.meaning import Meaning
from vmemcheck.kernel.regions import Region

_MOST_BYTES = 16 << 20  # all of one tree for four architectures


class Memory:
    """Regions by their texts, and what is known of pieces by their code, each with the meaning that it holds under."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        """Remember nothing yet.

        :param most_bytes: of texts; beyond, all is forgotten but the last text
        """
        self.regions: dict[bytes, Region] = {}
        self.known: dict[object, tuple[Meaning, object]] = {}
        self._most = most_bytes
        self._bytes = 0

    def keep(self, regions: Mapping[bytes, Region]) -> None:
        """Remember the regions of a text."""
        new = sum(len(text) for text in regions if text not in self.regions)
        if self._bytes + new > self._most:
            self.regions, self.known, self._bytes = {}, {}, 0
            new = sum(map(len, regions))
        self.regions.update(regions)
        self._bytes += new
