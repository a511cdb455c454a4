# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a recorded machine lies in a simulated one, whose pages start at 0 and whose vmemmap is aligned."""

from dataclasses import dataclass

from vmemcheck.errors import RecordingError
from vmemcheck.geometry import Geometry
from vmemcheck.recording import SECTION_FUNCTIONS, Recording

MOST_PFNS = 1 << 28
"""Pages of a simulated machine: see VMC_HOT_PAGES in vmemcheck/shim/layout.h."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The distance between recorded and simulated page numbers and addresses.

    :param base: recorded address of the struct page of pfn 0
    :param pages: simulated pfn of the recorded pfn 0
    :param struct_page_bytes: size of struct page
    """

    base: int
    pages: int
    struct_page_bytes: int

    def pfn(self, recorded: int) -> int:
        """Return the simulated pfn."""
        return recorded + self.pages

    def recorded_pfn(self, simulated: int) -> int:
        """Return the recorded pfn."""
        return simulated - self.pages

    def recorded_address(self, simulated: int) -> int:
        """Return the recorded address of a simulated one, which counts from the vmemmap's start."""
        return simulated + self.base - self.pages * self.struct_page_bytes

    def memmap(self, pfns: range) -> range:
        """Return the recorded addresses of the memmap of recorded pages."""
        return range(self.base + pfns.start * self.struct_page_bytes, self.base + pfns.stop * self.struct_page_bytes)


def place(recording: Recording, geometry: Geometry) -> Placement:
    """Return a placement in which as many page-table borders as possible fall where they fell.

    The recorded vmemmap need not be aligned to what the upper tables cover. Whole sections, and
    whole compound pages, are put before it.

    :raises RecordingError: when the recorded pages do not fit into a simulated machine
    """
    size, base = geometry.struct_page_bytes, recording.vmemmap_base
    low, high = _span(recording)
    shifts = [call.vmemmap_shift or 0 for step in recording.steps for call in step.calls]
    unit = max(geometry.pages_per_section, 1 << max(shifts, default=0))
    first, last = -(low // unit), (MOST_PFNS - high) // unit
    if last < first:
        raise RecordingError(
            f"the recorded pages, [{low:#x}, {high:#x}), do not fit into a simulated machine of {MOST_PFNS:#x} pages",
            where="mapped, or the pfn of a call",
            to_fix="record on a machine with less memory",
        )
    for level in range(geometry.levels - 1, -1, -1):
        window = (1 << geometry.entry_shift(level)) - 1
        fits = [count for count in range(first, last + 1) if (count * unit * size - base) & window == 0]
        if fits:
            return Placement(base, min(fits, key=abs) * unit, size)
    raise RecordingError(
        f"no placement keeps the page borders of a vmemmap at {base:#x}",
        where="vmemmap_base",
        to_fix="see that it is the address of the struct page of pfn 0",
    )


def _span(recording: Recording) -> tuple[int, int]:
    """Return the first recorded pfn that occurs, and the end of the last."""
    size, base = recording.struct_page_bytes, recording.vmemmap_base
    spans = [
        range(call.first, call.first + call.second)
        for step in recording.steps
        for call in step.calls
        if call.function in SECTION_FUNCTIONS
    ]
    for number, step in enumerate(recording.steps):
        for span in step.mapped or ():
            if span.start < base:
                raise RecordingError(
                    f"mapped {span.start:#x} lies below vmemmap_base, {base:#x}",
                    where=f"steps[{number}].mapped",
                    to_fix="vmemmap_base is the address of the struct page of pfn 0",
                )
            spans.append(range((span.start - base) // size, -((base - span.stop) // size)))
    return min((span.start for span in spans), default=0), max((span.stop for span in spans), default=1)


def geometry_of(recording: Recording, native: Geometry) -> Geometry:
    """Return the geometry of a tree with the sizes of a recording; the levels are left as they are."""
    return native.changed(
        struct_page_bytes=recording.struct_page_bytes,
        section_shift=recording.page_shift + recording.pages_per_section.bit_length() - 1,
        subsection_shift=recording.page_shift + recording.pages_per_subsection.bit_length() - 1,
    )
