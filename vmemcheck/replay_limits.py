# SPDX-License-Identifier: GPL-2.0-or-later
"""What a replay may ask for: no more than a simulated machine has, and than it can bear.

Text and JSON say the same things, so both are held against the same limits, once they are read. What cannot be read at
all is refused where it is read.
"""

from collections.abc import Iterator

from vmemcheck.errors import SequenceError
from vmemcheck.geometry import Geometry
from vmemcheck.operation import AddDevice, AddMemory, Boot, Initialise, Operation, Refused, Remove, Sequence
from vmemcheck.sequence_text import to_text

MAX_OPERATIONS = 1000
"""Operations of a sequence; more than any that a search makes, and few enough to be drawn."""
MAX_MEMMAP_BYTES = 256 << 20
"""Memmap of one range: that of 16 GiB of memory with 4K pages and 64-byte struct pages."""
MAX_MEMMAP_PAGES = MAX_MEMMAP_BYTES >> 12
"""Pages that hold it: with pages smaller than 4K, which only a geometry has, they would be millions."""
MAX_MEMORY_BYTES = 1 << 40
"""Where the memory of a simulated machine ends: VMC_HOT_PAGES in vmemcheck/shim/layout.h."""
MAX_VMEMMAP_SHIFT = 52
"""All 64 bits of an address, in pages of 4K."""
MAX_INDEX = (1 << 32) - 1
"""Of a range or an allocation: more than there ever are."""


def require_bearable(geometry: Geometry, sequence: Sequence) -> None:
    """Refuse what no machine has, or what would take one for ever.

    :raises SequenceError: naming the operation
    """
    if len(sequence) > MAX_OPERATIONS:
        raise SequenceError(f"{len(sequence)} operations", to_fix=f"use at most {MAX_OPERATIONS}")
    for operation in sequence:
        for what, to_fix in _unbearable(geometry, operation):
            raise SequenceError(what, where=to_text(operation), to_fix=to_fix)


def _unbearable(geometry: Geometry, operation: Operation) -> Iterator[tuple[str, str]]:
    """Yield what is too much of an operation, and what to do."""
    ranges = tuple(_ranges(geometry, operation))
    # The memmap of an early section is there as a whole, however little of it is present.
    most = geometry.pages_per_section if isinstance(operation, Boot) else max((pages for _, pages in ranges), default=0)
    memmap_bytes = most * geometry.struct_page_bytes
    if memmap_bytes > MAX_MEMMAP_BYTES:
        yield f"a range with more than {MAX_MEMMAP_BYTES >> 20} MiB of memmap", "use shorter ranges"
    if memmap_bytes > MAX_MEMMAP_PAGES * geometry.page_bytes:
        yield f"a range with more than {MAX_MEMMAP_PAGES} pages of memmap", "use shorter ranges"
    if max((start + pages for start, pages in ranges), default=0) * geometry.page_bytes > MAX_MEMORY_BYTES:
        yield f"memory beyond the {MAX_MEMORY_BYTES >> 40} TiB of a simulated machine", "use lower numbers"
    if isinstance(operation, AddDevice) and operation.vmemmap_shift > MAX_VMEMMAP_SHIFT:
        yield f"a vmemmap_shift of {operation.vmemmap_shift}", f"use at most {MAX_VMEMMAP_SHIFT}"
    if isinstance(operation, Remove | Initialise) and operation.victim > MAX_INDEX:
        yield f"a range number of {operation.victim}", f"use at most {MAX_INDEX}"
    fault = None if isinstance(operation, Boot | Initialise | Refused) else operation.fault
    if fault and fault.value > MAX_INDEX:
        yield f"a fault at {fault.kind.value} {fault.value}", f"use at most {MAX_INDEX}"


def _ranges(geometry: Geometry, operation: Operation) -> Iterator[tuple[int, int]]:
    """Yield the pages that an operation names: the first pfn, and how many."""
    unit = geometry.pages_per_subsection
    match operation:
        case Boot(section, first, count):
            yield section * geometry.pages_per_section, (first + count) * unit
        case AddMemory(block, count):
            yield block * geometry.pages_per_block, count * geometry.pages_per_block
        case AddDevice(subsection, count, second=second):
            # An altmap that is not within its device is skipped, however large.
            yield subsection * unit, count * unit
            if second:
                yield second.subsection * unit, second.count * unit
        case Refused(start_pfn=start, nr_pages=count):
            yield start, count
